/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Judges and questions for the tests. */
#include "config.h"

#include "daemon/limits.h"
#include "tests/asking.h"

#include <check.h>
#include <signal.h>
#include <systemd/sd-event.h>

#include "daemon/authorities.h"
#include "daemon/path.h"

sd_event *event;
Judges *judges;
Pki *root, *leaf, *other_leaf;
const Endpoint endpoint = { .host = "mail.example.org", .kind = HOST_NAME, .port = 993 };

int block_of(const Pki *authority) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        uint8_t key[SHA256_SIZE];
        int fd;

        ck_assert_int_eq(authorities_builder_new(&b), 0);
        if (authority) {
                ck_assert_int_eq(path_subject_key(pki_der(authority), key), 0);
                ck_assert_int_eq(authorities_builder_add(b, pki_der(authority), key), 0);
        }
        ck_assert_int_eq(authorities_builder_seal(b, &fd), 0);
        return fd;
}

unsigned n_answers;
uint64_t turns_usec;
Turns *turns;

static uint64_t tell_time(clockid_t clock) {
        return turns_usec;
}

void asking_set_up(void) {
        n_answers = 0;
        ck_assert_int_eq(unsetenv("CERTEXC_TEST_FORGERY"), 0);
        ck_assert_int_eq(unsetenv("CERTEXC_TEST_JUDGE_CPU_MSEC"), 0);
        ck_assert_int_eq(sd_event_new(&event), 0);
        turns_usec = 1000000;
        ck_assert_int_eq(turns_new(event, tell_time, &turns), 0);
        ck_assert_int_eq(judges_new(event, turns, &judges), 0);
        root = pki_new(&(PkiSpec) { .subject = "Root", .ca = true });
        leaf = pki_new(&(PkiSpec) { .issuer = root, .name = "mail.example.org" });
        other_leaf = pki_new(&(PkiSpec) { .issuer = root, .name = "other.example.org" });
        judges_set_authorities(judges, block_of(root));
}

void asking_tear_down(void) {
        judges = judges_free(judges);
        turns = turns_free(turns);
        event = sd_event_unref(event);
        root = pki_free(root);
        leaf = pki_free(leaf);
        other_leaf = pki_free(other_leaf);
}

void limit(uint64_t wall_usec, uint64_t idle_usec) {
        judges_set_limits(judges, &(JudgeLimits) { .wall_usec = wall_usec,
                                                   .idle_usec = idle_usec,
                                                   .pace = { JUDGE_BURST_USEC, JUDGE_PACE, REST_USEC_MAX } });
}

void asked_done(Asked *asked) {
        asked->facts = facts_unref(asked->facts);
}

void on_done(JudgeCall *call, int error, Facts *facts, void *userdata) {
        Asked *asked = userdata;

        ck_assert_ptr_eq(call, asked->call);
        ck_assert_uint_eq(asked->order, 0);
        ck_assert((error == 0) == (facts != NULL));
        asked->order = ++n_answers;
        asked->error = error;
        asked->facts = facts ? facts_ref(facts) : NULL;
}

int try_ask(uid_t owner, const Pki *certificate, Asked *asked) {
        const Blob chain = certificate ? pki_der(certificate) : (Blob) {};
        const Question question = {
                .endpoint = &endpoint,
                .chain = &chain,
                .n_chain = certificate ? 1 : 0,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
        };

        return judges_ask(judges, owner, &question, on_done, asked, &asked->call);
}

void ask(uid_t owner, const Pki *certificate, Asked *asked) {
        ck_assert_int_eq(try_ask(owner, certificate, asked), 0);
        ck_assert_uint_eq(asked->order, 0);
}

void turn(void) {
        int r = sd_event_run(event, LONG_USEC);

        ck_assert_msg(r > 0, "nothing happened for a minute");
}

void wait_for(const Asked *asked) {
        while (asked->order == 0)
                turn();
}

void ask_and_wait(uid_t owner, const Pki *certificate, Asked *asked) {
        ask(owner, certificate, asked);
        wait_for(asked);
}

void kill_worker(uid_t owner) {
        pid_t pid = judges_worker_pid(judges, owner);

        ck_assert_int_gt(pid, 1);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
}
