/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon at its limits: many calls, many connections, peers that do not read. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/encoding.h"
#include "daemon/limits.h"
#include "tests/fixture.h"
#include "tests/pki.h"

#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"
#define STATUS "{\"method\":\"org.certexc1.GetStatus\"}"
#define MONITOR "{\"method\":\"org.certexc1.Monitor\",\"more\":true}"
#define DESCRIPTION                                                                                \
        "{\"method\":\"org.varlink.service.GetInterfaceDescription\","                             \
        "\"parameters\":{\"interface\":\"org.certexc1\"}}"

/* How long a test looks for what must not come. */
#define NOTHING_MSEC 300

/* What the daemon may grow by for one peer's backlog; sanitizers keep freed memory for a while. */
#ifdef CERTEXC_SANITIZERS
#define GROWTH_KIB_MAX (64L * 1024)
#else
#define GROWTH_KIB_MAX (8L * 1024)
#endif

/* Uids that need not exist. */
#define UID_FIRST 61000U

static Fixture *f;

static void start_daemon(void) {
        static const char *const settings[] = { "CERTEXC_TEST_JUDGE_CPU_MSEC=500", NULL };

        f = fixture_new();
        f->how.settings = settings;
        f->how.quiet = true;
        fixture_start(f, NULL);
}

static void stop_daemon(void) {
        ck_assert_int_eq(fixture_stop(f), 0);
        f = fixture_free(f);
}

static void answers_another(void) {
        _cleanup_(peer_freep) Peer *other = peer_new(f);
        struct json_object *reply = peer_call(other, INFO);

        ck_assert_str_eq(reply_error(reply), "");
        (void) json_object_put(reply);
}

static void expect(struct json_object *reply, const char *error, const char *field,
                   const char *value) {
        ck_assert_str_eq(reply_error(reply), error);
        ck_assert_ptr_nonnull(reply_field(reply, field));
        ck_assert_str_eq(json_object_get_string(reply_field(reply, field)), value);
        (void) json_object_put(reply);
}

static int64_t number_of(struct json_object *reply, const char *field) {
        ck_assert_ptr_nonnull(reply_field(reply, field));
        return json_object_get_int64(reply_field(reply, field));
}

/* A call about @pki at mail.example.org:@port, with more parameters after it. New text. */
static char *call_about(const char *method, const Pki *pki, unsigned port, const char *rest) {
        Blob der = pki_der(pki);
        _cleanup_free_ char *chain = malloc(BASE64_SIZE(der.size));
        char *text;

        ck_assert_ptr_nonnull(chain);
        base64_encode(der.data, der.size, chain);
        ck_assert_int_gt(asprintf(&text,
                                  "{\"method\":\"org.certexc1.%s\",\"parameters\":{\"host\":"
                                  "\"mail.example.org\",\"port\":%u,\"chain\":[\"%s\"]%s}}",
                                  method, port, chain, rest),
                         0);
        return text;
}

/* Sends without waiting until the socket takes no more; how many bytes it took. */
static size_t push_until_full(Peer *peer, const char *text, size_t max) {
        size_t sent = 0, length = strlen(text) + 1;

        while (sent < max) {
                size_t at = sent % length;
                ssize_t n = send(peer->fd, text + at, length - at, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n > 0) {
                        sent += (size_t) n;
                        continue;
                }
                ck_assert_int_eq(errno, EAGAIN);
                /* Either it is full, or the daemon has not come to read yet: another's call is
                 * answered after that. */
                answers_another();
                if (send(peer->fd, text + at, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        break;
                sent++;
        }
        return sent;
}

/* -- calls ------------------------------------------------------------------------------- */

START_TEST(behind_a_stream_the_connection_is_not_read) {
        _cleanup_(peer_freep) Peer *peer = peer_new(f);
        size_t sent;

        ck_assert(peer_send(peer, MONITOR));
        expect(peer_reply(peer, FIXTURE_WAIT_MSEC), "", "event", "ready");
        /* What the kernel holds, what was read before the bound was seen, and no more. */
        sent = push_until_full(peer, INFO, 16U * MESSAGE_BYTES_MAX);
        ck_assert_uint_lt(sent, 2U * MESSAGE_BYTES_MAX);
}
END_TEST

#ifdef CERTEXC_TESTING
START_TEST(calls_behind_a_slow_one_are_not_lost) {
        _cleanup_(pki_freep) Pki *spin =
                pki_new(&(PkiSpec){ .subject = "certexc-test-spin", .name = "mail.example.org" });
        _cleanup_free_ char *verify = call_about("Verify", spin, 993, "");
        _cleanup_(peer_freep) Peer *peer = peer_new(f);
        struct json_object *reply;
        char call[64], name[32];

        ck_assert(peer_send(peer, verify));
        for (unsigned i = 0; i < 20 * CALLS_IN_FLIGHT_MAX; i++) {
                (void) snprintf(call, sizeof(call), "{\"method\":\"interface%u.Method\"}", i);
                ck_assert(peer_send(peer, call));
        }
        answers_another();
        reply = peer_reply(peer, FIXTURE_WAIT_MSEC);
        ck_assert_str_eq(reply_error(reply), "org.certexc1.JudgeFailed");
        (void) json_object_put(reply);
        for (unsigned i = 0; i < 20 * CALLS_IN_FLIGHT_MAX; i++) {
                (void) snprintf(name, sizeof(name), "interface%u", i);
                expect(peer_reply(peer, FIXTURE_WAIT_MSEC),
                       "org.varlink.service.InterfaceNotFound", "interface", name);
        }
}
END_TEST
#endif

/* -- peers that do not read -------------------------------------------------------------- */

static long resident_kib(void) {
        char path[64], line[256];
        long kib = -1;
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) f->launch.pid);
        file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                        break;
        (void) fclose(file);
        return kib;
}

/* Since it took @before. Sanitizers keep what was freed, which is many times what is held. */
static void ck_holds_no_more_than(long before, size_t bytes) {
#ifndef CERTEXC_SANITIZERS
        ck_assert_int_lt(resident_kib() - before, (long) (bytes / 1024) + GROWTH_KIB_MAX);
#endif
}

START_TEST(who_does_not_read_is_not_read_from) {
        const unsigned n_calls = 1500; /* 20 MiB of answers */
        _cleanup_free_ char *calls = malloc(n_calls * sizeof(DESCRIPTION));
        _cleanup_(peer_freep) Peer *peer = peer_new(f);
        _cleanup_free_ char *one = NULL;
        long before;
        size_t size;

        ck_assert(peer_send(peer, DESCRIPTION));
        one = peer_read(peer, FIXTURE_WAIT_MSEC);
        ck_assert_ptr_nonnull(one);
        size = strlen(one);
        /* Their answers together are many times the backlog. */
        ck_assert_uint_gt(size * n_calls, 10U * REPLY_BACKLOG_BYTES_MAX);

        before = resident_kib();
        for (unsigned i = 0; i < n_calls; i++)
                memcpy(calls + i * sizeof(DESCRIPTION), DESCRIPTION, sizeof(DESCRIPTION));
        /* In one go: what the daemon does not read has room in the socket. */
        ck_assert(peer_send_bytes(peer, calls, n_calls * sizeof(DESCRIPTION)));
        answers_another();
        ck_assert_int_lt(resident_kib() - before, GROWTH_KIB_MAX);

        for (unsigned i = 0; i < n_calls; i++) {
                _cleanup_free_ char *text = peer_read(peer, FIXTURE_WAIT_MSEC);

                ck_assert_msg(text != NULL, "answer %u is missing", i);
                ck_assert_str_eq(text, one);
        }
}
END_TEST

/* A hundred and fifty megabytes, if each might keep its own. */
START_TEST(who_does_not_read_has_one_bound_for_all_connections) {
        const unsigned n_calls = 100; /* at each: what REPLY_BACKLOG_BYTES_MAX lets through, and more */
        Peer *deaf[CONNECTIONS_PER_UID_MAX - 2];
        long before = resident_kib();
        unsigned n_closed = 0;

        for (unsigned i = 0; i < N_ELEMENTS(deaf); i++) {
                deaf[i] = peer_new(f);
                for (unsigned k = 0; k < n_calls; k++)
                        if (!peer_send(deaf[i], DESCRIPTION))
                                break;
                /* Those that read are served all the while. */
                answers_another();
        }
        ck_holds_no_more_than(before, HELD_BYTES_PER_UID_MAX);
        for (unsigned i = 0; i < N_ELEMENTS(deaf); i++) {
                struct pollfd p = { .fd = deaf[i]->fd };

                n_closed += poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0;
                (void) peer_free(deaf[i]);
        }
        ck_assert_uint_gt(n_closed, 0);
        ck_assert_uint_lt(n_closed, N_ELEMENTS(deaf));
}
END_TEST

/* A certificate whose facts are long, so that an event is. */
static Pki *wordy_new(void) {
        static char names[FACTS_NAMES_MAX][256];
        const char *list[FACTS_NAMES_MAX + 1] = { NULL };

        for (unsigned i = 0; i < FACTS_NAMES_MAX; i++) {
                memset(names[i], 'a', 240);
                for (unsigned dot = 50; dot < 240; dot += 50)
                        names[i][dot] = '.';
                (void) snprintf(names[i] + 240, 16, "%u.example", i);
                list[i] = names[i];
        }
        return pki_new(&(PkiSpec){ .subject = "wordy", .names = list });
}

/* The problems of @pki as AddException wants them. New text. */
static char *problems_of(Peer *peer, const Pki *pki) {
        _cleanup_free_ char *verify = call_about("Verify", pki, 1, "");
        struct json_object *reply = peer_call(peer, verify), *problems, *name;
        char text[512] = "", *rest;

        problems = reply_field(reply, "problems");
        ck_assert_ptr_nonnull(problems);
        for (size_t i = 0; i < json_object_array_length(problems); i++) {
                struct json_object *problem = json_object_array_get_idx(problems, i);

                ck_assert(json_object_object_get_ex(problem, "name", &name));
                if (strstr(text, json_object_get_string(name)))
                        continue;
                (void) strcat(strcat(strcat(text, *text ? ",\"" : "\""),
                                     json_object_get_string(name)),
                              "\"");
        }
        (void) json_object_put(reply);
        ck_assert_int_gt(asprintf(&rest, ",\"problems\":[%s]", text), 0);
        return rest;
}

START_TEST(a_monitor_that_does_not_read_is_cut_off) {
        _cleanup_(pki_freep) Pki *wordy = wordy_new();
        _cleanup_(peer_freep) Peer *deaf = peer_new(f), *awake = peer_new(f), *adder = peer_new(f);
        _cleanup_free_ char *rest = problems_of(adder, wordy);
        struct json_object *reply;
        unsigned n_added = 0;
        bool cut = false;

        ck_assert(peer_send(deaf, MONITOR));
        ck_assert(peer_send(awake, MONITOR));
        expect(peer_reply(awake, FIXTURE_WAIT_MSEC), "", "event", "ready");

        /* The deaf one is gone when the daemon counts one connection less. */
        while (!cut && n_added < 900) {
                _cleanup_free_ char *add = call_about("AddException", wordy, n_added + 1, rest);

                reply = peer_call(adder, add);
                ck_assert_str_eq(reply_error(reply), "");
                (void) json_object_put(reply);
                n_added++;
                expect(peer_reply(awake, FIXTURE_WAIT_MSEC), "", "event", "allowed");
                reply = peer_call(adder, STATUS);
                cut = number_of(reply, "connections") == 2;
                (void) json_object_put(reply);
        }
        ck_assert_msg(cut, "still there after %u events", n_added);
        ck_assert_uint_gt(n_added, REPLY_BACKLOG_BYTES_MAX / (FACTS_NAMES_MAX * 512U));
        ck_assert(peer_is_closed(deaf, FIXTURE_WAIT_MSEC));
}
END_TEST

/* -- connections ------------------------------------------------------------------------- */

static int connect_as_many_as_allowed(void *userdata) {
        Peer *peers[CONNECTIONS_PER_UID_MAX], *more;
        struct json_object *reply;

        for (unsigned i = 0; i < CONNECTIONS_PER_UID_MAX; i++) {
                peers[i] = peer_new(f);
                expect(peer_call(peers[i], INFO), "", "product", "certexcd");
        }
        more = peer_new(f);
        reply = peer_reply(more, FIXTURE_WAIT_MSEC);
        ck_assert_int_eq(number_of(reply, "limit"), CONNECTIONS_PER_UID_MAX);
        expect(reply, "org.certexc1.LimitReached", "what", "connections of one user");
        ck_assert(peer_is_closed(more, FIXTURE_WAIT_MSEC));
        (void) peer_free(more);

        /* Those that are there go on, and one that goes makes room. */
        expect(peer_call(peers[0], INFO), "", "product", "certexcd");
        (void) peer_free(peers[0]);
        for (unsigned tries = 0; tries < 1000; tries++) {
                more = peer_new(f);
                reply = peer_call(more, INFO);
                if (strcmp(reply_error(reply), "") == 0)
                        break;
                (void) peer_free(more);
                (void) json_object_put(reply);
                reply = NULL;
        }
        expect(reply, "", "product", "certexcd");
        (void) peer_free(more);
        for (unsigned i = 1; i < CONNECTIONS_PER_UID_MAX; i++)
                (void) peer_free(peers[i]);
        return 0;
}

START_TEST(connections_of_one_user_have_a_bound) {
        ck_assert_int_eq(connect_as_many_as_allowed(NULL), 0);
}
END_TEST

/* The kernel tells the daemon the effective uid at the time of connecting. */
static Peer *peer_of(uid_t uid) {
        Peer *peer;

        ck_assert_int_eq(seteuid(uid), 0);
        peer = peer_new(f);
        ck_assert_int_eq(seteuid(0), 0);
        return peer;
}

/* Sends without waiting what the socket takes. */
static void push(Peer *peer, const char *bytes, size_t size) {
        while (size > 0) {
                ssize_t n = send(peer->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0)
                        return;
                bytes += n;
                size -= (size_t) n;
        }
}

START_TEST(messages_that_do_not_end_have_one_bound_for_all_connections) {
        Peer *slow[CONNECTIONS_PER_UID_MAX - 1];
        char *bytes = malloc(MESSAGE_BYTES_MAX);
        _cleanup_(peer_freep) Peer *other = NULL, *same = NULL;
        struct json_object *reply;
        long before;

        if (geteuid() != 0)
                return;
        ck_assert_ptr_nonnull(bytes);
        memset(bytes, ' ', MESSAGE_BYTES_MAX);
        other = peer_of(UID_FIRST + 1);
        same = peer_of(UID_FIRST);
        for (unsigned i = 0; i < N_ELEMENTS(slow); i++)
                slow[i] = peer_of(UID_FIRST);
        before = resident_kib();
        for (unsigned round = 0; round < 8; round++)
                for (unsigned i = 0; i < N_ELEMENTS(slow); i++) {
                        push(slow[i], bytes, MESSAGE_BYTES_MAX / 10);
                        expect(peer_call(other, INFO), "", "product", "certexcd");
                }
        ck_holds_no_more_than(before, HELD_BYTES_PER_UID_MAX);

        /* They are at the bound, which is known by the others of their uid; who leaves makes room. */
        ck_assert(peer_send(same, INFO));
        ck_assert_ptr_null(peer_reply(same, NOTHING_MSEC));
        for (unsigned i = 0; i < N_ELEMENTS(slow); i++)
                (void) peer_free(slow[i]);
        reply = peer_reply(same, FIXTURE_WAIT_MSEC);
        expect(reply, "", "product", "certexcd");
        free(bytes);
}
END_TEST

START_TEST(connections_of_all_have_a_bound) {
        static Peer *peers[CONNECTIONS_MAX];
        unsigned n = 0, limit = CONNECTIONS_MAX - CONNECTIONS_FOR_ROOT;
        struct rlimit files = { 1024, 1024 };
        struct json_object *reply;
        Peer *more;

        if (geteuid() != 0)
                return;
        (void) setrlimit(RLIMIT_NOFILE, &files);
        for (; n < limit; n++) {
                peers[n] = peer_of(UID_FIRST + n / CONNECTIONS_PER_UID_MAX);
                if (n % 16 == 15)
                        expect(peer_call(peers[n], INFO), "", "product", "certexcd");
        }
        more = peer_of(UID_FIRST + 99);
        reply = peer_reply(more, FIXTURE_WAIT_MSEC);
        ck_assert_int_eq(number_of(reply, "limit"), limit);
        expect(reply, "org.certexc1.LimitReached", "what", "connections");
        (void) peer_free(more);

        /* Root can still look after it, up to the last one. */
        for (; n < CONNECTIONS_MAX; n++) {
                peers[n] = peer_new(f);
                expect(peer_call(peers[n], STATUS), "", "mode", "system");
        }
        more = peer_new(f);
        expect(peer_reply(more, FIXTURE_WAIT_MSEC), "org.certexc1.LimitReached", "what",
               "connections");
        (void) peer_free(more);
        while (n > 0)
                (void) peer_free(peers[--n]);
}
END_TEST

static unsigned long ticks_used(void) {
        unsigned long user = 0, system = 0;
        char path[64];
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) f->launch.pid);
        file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                                &user, &system),
                         2);
        (void) fclose(file);
        return user + system;
}

START_TEST(without_descriptors_it_waits_and_does_not_spin) {
        _cleanup_(peer_freep) Peer *first = peer_new(f), *second = NULL;
        struct rlimit before, none = { 0 };
        unsigned long used;

        expect(peer_call(first, INFO), "", "product", "certexcd");
        ck_assert_int_eq(prlimit(f->launch.pid, RLIMIT_NOFILE, NULL, &before), 0);
        none.rlim_max = before.rlim_max;
        ck_assert_int_eq(prlimit(f->launch.pid, RLIMIT_NOFILE, &none, NULL), 0);

        second = peer_new(f);
        ck_assert(peer_send(second, INFO));
        used = ticks_used();
        ck_assert_ptr_null(peer_reply(second, NOTHING_MSEC));
        ck_assert_uint_lt(ticks_used() - used, (unsigned long) sysconf(_SC_CLK_TCK) / 10);
        expect(peer_call(first, INFO), "", "product", "certexcd");

        ck_assert_int_eq(prlimit(f->launch.pid, RLIMIT_NOFILE, &before, NULL), 0);
        expect(peer_reply(second, FIXTURE_WAIT_MSEC), "", "product", "certexcd");
}
END_TEST

START_TEST(others_get_in_when_one_user_is_at_the_bound) {
        Peer *peers[CONNECTIONS_PER_UID_MAX];

        if (geteuid() != 0)
                return;
        for (unsigned i = 0; i < CONNECTIONS_PER_UID_MAX; i++)
                peers[i] = peer_new(f);
        ck_assert_int_eq(fixture_as(UID_FIRST, connect_as_many_as_allowed, NULL), 0);
        for (unsigned i = 0; i < CONNECTIONS_PER_UID_MAX; i++)
                (void) peer_free(peers[i]);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("limits");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_set_timeout(tcase, 180);
        tcase_add_checked_fixture(tcase, start_daemon, stop_daemon);
        tcase_add_test(tcase, behind_a_stream_the_connection_is_not_read);
#ifdef CERTEXC_TESTING
        tcase_add_test(tcase, calls_behind_a_slow_one_are_not_lost);
#endif
        tcase_add_test(tcase, who_does_not_read_is_not_read_from);
        tcase_add_test(tcase, who_does_not_read_has_one_bound_for_all_connections);
        tcase_add_test(tcase, messages_that_do_not_end_have_one_bound_for_all_connections);
        tcase_add_test(tcase, a_monitor_that_does_not_read_is_cut_off);
        tcase_add_test(tcase, connections_of_one_user_have_a_bound);
        tcase_add_test(tcase, connections_of_all_have_a_bound);
        tcase_add_test(tcase, without_descriptors_it_waits_and_does_not_spin);
        tcase_add_test(tcase, others_get_in_when_one_user_is_at_the_bound);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
