/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests through a door of the test's own, against a whole manager in this process: when the
 * answer comes, who may cancel what, and what happens before the first verdict. */
#include "config.h"

#include <check.h>
#include <ftw.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "client/encoding.h"
#include "daemon/commits.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/login.h"
#include "daemon/manager.h"
#include "daemon/request.h"
#include "daemon/store.h"
#include "daemon/worker.h"
#include "tests/pki.h"

#define WAIT_USEC UINT64_C(60000000)
#define SHOWN "\"problems\":[\"self-signed\",\"name-mismatch\"],"
#define AT "\"host\":\"mail.example.org\",\"port\":993,"

static char directory[] = "/tmp/certexc-request-XXXXXX";
static Manager *manager;
static char *bad;     /* base64 of a certificate that signs itself */
static char *good;    /* of one by the authority */
static char *better;  /* and of another */
static Caller caller; /* who asks next */

/* What came through the door. */
typedef struct Door {
        unsigned n;
        bool finished;
        char *error;
        struct json_object *last;
} Door;

static void door_done(Door *door) {
        free(door->error);
        (void) json_object_put(door->last);
}

static void on_answer(Request *request, const char *error, struct json_object *parameters,
                      bool continues, void *userdata) {
        Door *door = userdata;

        ck_assert_msg(!door->finished, "one last answer, and none after it");
        free(door->error);
        (void) json_object_put(door->last);
        door->error = error ? strdup(error) : NULL;
        door->last = json_object_get(parameters);
        door->finished = !continues;
        door->n++;
}

/* Starts a request; what request_start() says goes to *@ret_result, if that is not NULL. */
static Request *start_with(const char *method, const char *text, bool more, Door *door,
                           int *ret_result) {
        _cleanup_(json_freep) struct json_object *parameters = json_tokener_parse(text);
        RequestArgs args = {
                .manager = manager,
                .caller = caller,
                .method = method,
                .parameters = parameters,
                .more = more,
                .answer = on_answer,
                .door = door,
        };
        Request *request = NULL;
        int r;

        ck_assert_msg(parameters, "%s", text);
        r = request_start(&args, &request);
        if (ret_result)
                *ret_result = r;
        else
                ck_assert_int_eq(r, 0);
        return request;
}

static Request *start(const char *method, const char *text, Door *door) {
        return start_with(method, text, false, door, NULL);
}

static void turn(void) {
        ck_assert_int_gt(sd_event_run(manager->event, WAIT_USEC), 0);
}

static void wait_for(Door *door) {
        while (!door->finished)
                turn();
}

/* Waits until the store has taken a change after @generation. */
static void wait_for_store(uint64_t generation) {
        while (store_generation(manager->store) == generation)
                turn();
}

static const char *at(const Door *door, const char *name) {
        struct json_object *o = NULL;

        if (!json_object_object_get_ex(door->last, name, &o))
                return "";
        return json_object_get_string(o);
}

static char *text_of(const Pki *pki) {
        Blob der = pki_der(pki);
        char *text = malloc(BASE64_SIZE(der.size));

        base64_encode(der.data, der.size, text);
        return text;
}

static char *path_new(const char *name) {
        char *path = NULL;

        ck_assert_int_gt(asprintf(&path, "%s/%s", directory, name), 0);
        return path;
}

static void setup(void) {
        _cleanup_(pki_freep) Pki *authority = NULL, *own = NULL, *issued = NULL;
        _cleanup_(pki_freep) Pki *next = NULL;
        Options options = { .user_mode = true };
        _cleanup_free_ char *logind = NULL;

        ck_assert_ptr_nonnull(mkdtemp(directory));
        authority = pki_new(&(PkiSpec){ .subject = "Authority", .ca = true });
        own = pki_new(&(PkiSpec){ .name = "nobody.example.net" });
        issued = pki_new(&(PkiSpec){ .name = "mail.example.org", .issuer = authority });
        next = pki_new(&(PkiSpec){ .name = "mail.example.org", .issuer = authority });
        bad = text_of(own);
        good = text_of(issued);
        better = text_of(next);

        options.state_directory = path_new("state");
        options.socket_path = path_new("run/org.certexc1");
        options.conf_directory = path_new("conf");
        options.trust_file = path_new("authorities.pem");
        pki_write(options.trust_file, (const Pki *const *) &authority, 1, false);

        /* No logind: a session is a boot. */
        logind = path_new("logind");
        ck_assert_int_eq(setenv("CERTEXC_LOGIND_DIRECTORY", logind, 1), 0);
#ifdef CERTEXC_TESTING
        manager_replace_clock(PKI_NOW);
#endif
        caller = (Caller){ .uid = getuid(), .pid = getpid() };
        ck_assert_int_eq(manager_new(&options, &manager), 0);
        while (manager->trust_generation == 0)
                turn();
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
        return remove(path);
}

static void teardown(void) {
        manager = manager_free(manager);
        free(bad);
        free(good);
        free(better);
        ck_assert_int_eq(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Parameters with the certificate in the place of its %s; valid until the next call. */
static const char *with(const char *format, const char *certificate) {
        static char text[16384];
        const char *place = strstr(format, "%s");

        ck_assert_ptr_nonnull(place);
        (void) snprintf(text, sizeof(text), "%.*s\"%s\"%s", (int) (place - format), format,
                        certificate, place + 2);
        return text;
}

#define VERIFY "{" AT "\"chain\":[%s]}"
#define VERIFY_AT_143 "{\"host\":\"mail.example.org\",\"port\":143,\"chain\":[%s]}"
#define ADD "{" AT SHOWN "\"chain\":[%s]}"

START_TEST(test_answer_at_once) {
        _cleanup_(door_done) Door door = {};

        ck_assert_ptr_null(start("org.certexc1.GetStatus", "{}", &door));
        ck_assert_msg(door.n == 1 && door.finished && !door.error, "answered before it returned");
}
END_TEST

static const struct {
        const char *sentence;
        const char *method;
} unknown[] = {
        { "no such method", "org.certexc1.Allow" },
        { "the beginning of one", "org.certexc1.Ver" },
        { "one and more", "org.certexc1.Verifyx" },
        { "another interface", "org.certexc2.Verify" },
        { "an interface alone", "org.certexc1." },
        { "a method alone", "Verify" },
        { "nothing", "" },
};

START_TEST(test_unknown_method) {
        _cleanup_(door_done) Door door = {};
        int r = 0;

        ck_assert_ptr_null(start_with(unknown[_i].method, "{}", false, &door, &r));
        ck_assert_msg(r == -ENOENT, "%s: %d", unknown[_i].sentence, r);
        ck_assert_msg(door.n == 0, "%s: the door says so itself", unknown[_i].sentence);
}
END_TEST

START_TEST(test_needs_more) {
        _cleanup_(door_done) Door door = {};

        ck_assert(request_method_needs_more("Monitor"));
        ck_assert(!request_method_needs_more("Verify"));
        ck_assert(!request_method_needs_more("ListExceptions"));
        ck_assert(!request_method_needs_more("Nothing"));
        ck_assert_ptr_null(start("org.certexc1.Monitor", "{}", &door));
        ck_assert_str_eq(door.error, "org.varlink.service.ExpectedMore");
}
END_TEST

START_TEST(test_cancel_the_judge) {
        _cleanup_(door_done) Door cancelled = {}, door = {};
        Request *request;

        request = start("org.certexc1.Verify", with(VERIFY, bad), &cancelled);
        ck_assert_ptr_nonnull(request);
        ck_assert_ptr_null(request_free(request));

        ck_assert_ptr_nonnull(start("org.certexc1.Verify", with(VERIFY, bad), &door));
        wait_for(&door);
        ck_assert_str_eq(at(&door, "verdict"), "prompt");
        ck_assert_msg(cancelled.n == 0, "who left is not answered");
        ck_assert_ptr_null(request_free(NULL));
}
END_TEST

START_TEST(test_known_chain_is_answered_at_once) {
        _cleanup_(door_done) Door first = {}, second = {};

        (void) start("org.certexc1.Verify", with(VERIFY, good), &first);
        wait_for(&first);
        ck_assert_ptr_null(start("org.certexc1.Verify", with(VERIFY, good), &second));
        ck_assert_str_eq(at(&second, "verdict"), "accept");
}
END_TEST

START_TEST(test_leave_while_it_is_stored) {
        _cleanup_(door_done) Door first = {}, leaving = {}, list = {};
        uint64_t generation = store_generation(manager->store);
        struct json_object *items = NULL;
        Request *request;

        (void) start("org.certexc1.Verify", with(VERIFY, bad), &first);
        wait_for(&first);
        request = start("org.certexc1.AddException", with(ADD, bad), &leaving);
        ck_assert_ptr_nonnull(request);
        (void) request_free(request);
        wait_for_store(generation);

        (void) start("org.certexc1.ListExceptions", "{}", &list);
        ck_assert(json_object_object_get_ex(list.last, "exceptions", &items));
        ck_assert_uint_eq(json_object_array_length(items), 1);
        commits_dispatch(manager->commits);
        ck_assert_msg(leaving.n == 0, "who left is not answered, but the change stays");
}
END_TEST

START_TEST(test_answer_comes_after_the_commit) {
        _cleanup_(door_done) Door first = {}, door = {};
        uint64_t generation = store_generation(manager->store);

        (void) start("org.certexc1.Verify", with(VERIFY, bad), &first);
        wait_for(&first);
        (void) start("org.certexc1.AddException", with(ADD, bad), &door);
        ck_assert_msg(!door.finished, "not before");
        wait_for(&door);
        ck_assert_ptr_null(door.error);
        ck_assert_uint_gt(store_generation(manager->store), generation);
}
END_TEST

/* Puts an exception of @owner's at @port into the store, past all methods. @session NULL: it has no
 * end. */
static void store_decision(int64_t owner, uint16_t port, const Session *session) {
        _cleanup_(change_freep) Change *change = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        size_t size;

        ck_assert_int_eq(base64_decode(bad, strlen(bad), &der, &size), 0);
        ck_assert_int_eq(change_new(CHANGE_ADD, owner, owner, manager_now(), &change), 0);
        change->certificate = calloc(1, sizeof(*change->certificate));
        change->certificate->subject = strdup("");
        change->certificate->issuer = strdup("");
        change->certificate->serial = strdup("");
        change->certificate->names = calloc(1, sizeof(char *));
        ck_assert_int_eq(sha256(der, size, change->certificate->sha256), 0);
        change->decision.action = DECISION_ALLOW;
        change->decision.problems = PROBLEM_SELF_SIGNED | PROBLEM_NAME_MISMATCH;
        change->decision.pin = PIN_CERTIFICATE;
        change->decision.end = session ? END_SESSION : END_NEVER;
        if (session)
                change->decision.session = *session;
        change->decision.port = port;
        strcpy(change->decision.host, "mail.example.org");
        memcpy(change->decision.certificate_sha256, change->certificate->sha256, SHA256_SIZE);
        change->der = TAKE_PTR(der);
        change->der_size = size;
        ck_assert_int_eq(store_apply(manager->store, change), 0);
        ck_assert_int_eq(change->error, 0);
}

START_TEST(test_pages_wait_for_room) {
        _cleanup_(door_done) Door door = {}, gone = {};
        Request *request;

        for (uint16_t port = 1; port <= 2 * LIST_PAGE_MAX + 1; port++)
                store_decision(caller.uid, port, NULL);

        request = start_with("org.certexc1.ListExceptions", "{}", true, &door, NULL);
        ck_assert_msg(door.n == 1 && !door.finished, "one page");
        request_resume(request);
        ck_assert_msg(door.n == 2 && !door.finished, "and one more when there is room");
        ck_assert_str_eq(at(&door, "next"), "200");
        request_resume(request);
        ck_assert_msg(door.n == 3 && door.finished, "and the last");
        ck_assert_str_eq(at(&door, "next"), "");

        request = start_with("org.certexc1.ListExceptions", "{}", true, &gone, NULL);
        (void) request_free(request);
        ck_assert_msg(gone.n == 1, "who leaves gets no more");
}
END_TEST

START_TEST(test_resume_disturbs_nobody) {
        _cleanup_(door_done) Door monitor = {}, verify = {};
        Request *listening, *asking;

        listening = start_with("org.certexc1.Monitor", "{}", true, &monitor, NULL);
        request_resume(listening);
        ck_assert_uint_eq(monitor.n, 1);
        asking = start("org.certexc1.Verify", with(VERIFY, bad), &verify);
        request_resume(asking);
        wait_for(&verify);
        (void) request_free(listening);
}
END_TEST

/* Until the store has taken all that was sent to it. */
static void finish_commits(void) {
        manager->commits = commits_free(manager->commits);
        ck_assert_int_eq(commits_new(manager->store, &manager->commits), 0);
}

/* A session ends with the boot that it was in, whatever the clock says. */
START_TEST(test_another_boot) {
        _cleanup_(door_done) Door same = {}, other = {}, again = {};
        Session session;

        login_session(caller.uid, &session);
        ck_assert(session.known);
        store_decision(caller.uid, 993, &session);
        (void) start("org.certexc1.Verify", with(VERIFY, bad), &same);
        wait_for(&same);
        ck_assert_str_eq(at(&same, "because"), "exception");

        session.boot_id[0] ^= 1;
        store_decision(caller.uid, 143, &session);
        (void) start("org.certexc1.Verify", with(VERIFY_AT_143, bad), &other);
        wait_for(&other);
        ck_assert_str_eq(at(&other, "because"), "ended");
        finish_commits();
        (void) start("org.certexc1.GetException", "{\"id\":2}", &again);
        ck_assert_msg(strstr(at(&again, "exception"), "\"state\": \"ended\""), "%s",
                      at(&again, "exception"));
}
END_TEST

/* Stores an exception of ours that was made under another name. */
static void store_anothers_decision(void) {
        _cleanup_(change_freep) Change *change = NULL;

        store_decision(caller.uid, 993, NULL);
        ck_assert_int_eq(change_new(CHANGE_OWNER, caller.uid, caller.uid, PKI_NOW, &change), 0);
        change->owner_name = strdup("somebody-else");
        ck_assert_int_eq(store_apply(manager->store, change), 0);
}

/* The owner's decisions were made under another name: they wait for a new word. */
START_TEST(test_another_user_with_the_same_uid) {
        _cleanup_(door_done) Door door = {}, status = {};
        char name[CALLER_NAME_MAX];

        if (caller_user_name(getuid(), name) <= 0)
                return; /* nothing is concluded from no name */

        store_anothers_decision();
        (void) start("org.certexc1.Verify", with(VERIFY, bad), &door);
        wait_for(&door);
        ck_assert_str_eq(at(&door, "because"), "unconfirmed");
        ck_assert_ptr_null(start("org.certexc1.GetStatus", "{}", &status));
        ck_assert_msg(strstr(at(&status, "counts"), "\"unconfirmed\": 1"), "%s",
                      at(&status, "counts"));
}
END_TEST

/* The same where that cannot be written down, since the store's files were removed. */
START_TEST(test_another_user_and_no_store) {
        _cleanup_(door_done) Door door = {}, status = {}, list = {};
        _cleanup_free_ char *database = path_new("state/certexc.db");
        char name[CALLER_NAME_MAX];

        if (caller_user_name(getuid(), name) <= 0)
                return;

        store_anothers_decision();
        ck_assert_int_eq(unlink(database), 0);
        (void) start("org.certexc1.Verify", with(VERIFY, bad), &door);
        wait_for(&door);
        ck_assert_str_eq(door.error, "org.certexc1.StoreFailed");
        (void) start("org.certexc1.GetStatus", "{}", &status);
        wait_for(&status);
        ck_assert_msg(!status.error, "the daemon's state can still be seen");
        ck_assert_str_eq(at(&status, "store"), "failed");
        (void) start("org.certexc1.ListExceptions", "{}", &list);
        wait_for(&list);
        ck_assert_ptr_null(list.error);
}
END_TEST

START_TEST(test_name_is_kept_with_the_first_decision) {
        _cleanup_(door_done) Door door = {};
        _cleanup_free_ char *stored = NULL;
        char name[CALLER_NAME_MAX];

        if (caller_user_name(getuid(), name) <= 0)
                return;

        ck_assert_int_eq(store_owner_name(manager->store, caller.uid, &stored), 0);
        (void) start("org.certexc1.AddException", with(ADD, bad), &door);
        wait_for(&door);
        ck_assert_int_eq(store_owner_name(manager->store, caller.uid, &stored), 1);
        ck_assert_str_eq(stored, name);
}
END_TEST

/* true if the certificate last seen is the one in @text. */
static bool is_seen(const char *text) {
        _cleanup_(certificate_facts_freep) CertificateFacts *seen = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        uint8_t digest[SHA256_SIZE];
        int64_t time;
        size_t size;

        ck_assert_int_eq(base64_decode(text, strlen(text), &der, &size), 0);
        ck_assert_int_eq(sha256(der, size, digest), 0);
        if (store_seen(manager->store, caller.uid, "mail.example.org", 993, &seen, &time) <= 0)
                return false;
        return memcmp(seen->sha256, digest, SHA256_SIZE) == 0;
}

static void verify(const char *text) {
        _cleanup_(door_done) Door door = {};

        (void) start("org.certexc1.Verify", with(VERIFY, text), &door);
        wait_for(&door);
        ck_assert_ptr_null(door.error);
}

START_TEST(test_seen_is_written_when_it_changes) {
        verify(bad);
        finish_commits();
        ck_assert_msg(!is_seen(bad), "only what was accepted");

        verify(good);
        finish_commits();
        ck_assert_msg(is_seen(good), "what was accepted is");
        for (unsigned i = 0; i < 2 * SEEN_WRITES_PER_OWNER_MAX; i++)
                verify(good);

        verify(better);
        finish_commits();
        ck_assert_msg(is_seen(better), "the same one again has cost no write of this minute's");

        /* Two writes are spent; the clock stands, so the minute does not pass. */
        for (unsigned i = 2; i < SEEN_WRITES_PER_OWNER_MAX; i++) {
                verify(i % 2 ? better : good);
                finish_commits();
        }
        ck_assert_msg(is_seen(better), "two that take turns are written up to the bound");
        verify(good);
        finish_commits();
        ck_assert_msg(is_seen(better), "and not past it");
}
END_TEST

START_TEST(test_overflow_uid_leaves_nothing) {
        _cleanup_(door_done) Door door = {};
        uint64_t generation = store_generation(manager->store);

        caller = (Caller){ .uid = 65534, .overflow = true };
        (void) start("org.certexc1.Verify", with(VERIFY, good), &door);
        wait_for(&door);
        ck_assert_str_eq(at(&door, "verdict"), "accept");
        finish_commits();
        ck_assert_uint_eq(store_generation(manager->store), generation);
}
END_TEST

int main(int argc, char **argv) {
        Suite *suite = suite_create("request");
        TCase *tcase = tcase_create("request");
        SRunner *runner;
        int failed;

        /* The workers are this program again, as they are the daemon's. */
        failed = worker_dispatch(argc, argv);
        if (failed >= 0)
                return failed;
#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 300);
        tcase_add_test(tcase, test_answer_at_once);
        tcase_add_loop_test(tcase, test_unknown_method, 0, (int) N_ELEMENTS(unknown));
        tcase_add_test(tcase, test_needs_more);
        tcase_add_test(tcase, test_cancel_the_judge);
        tcase_add_test(tcase, test_known_chain_is_answered_at_once);
        tcase_add_test(tcase, test_leave_while_it_is_stored);
        tcase_add_test(tcase, test_answer_comes_after_the_commit);
        tcase_add_test(tcase, test_pages_wait_for_room);
        tcase_add_test(tcase, test_resume_disturbs_nobody);
        tcase_add_test(tcase, test_another_boot);
        tcase_add_test(tcase, test_another_user_with_the_same_uid);
        tcase_add_test(tcase, test_another_user_and_no_store);
        tcase_add_test(tcase, test_name_is_kept_with_the_first_decision);
        tcase_add_test(tcase, test_seen_is_written_when_it_changes);
        tcase_add_test(tcase, test_overflow_uid_leaves_nothing);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
