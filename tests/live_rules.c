/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions in files and the real daemon: what they accept and refuse, for whom, what comes of those who would
 * change them, and of a file that is broken. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/exports.h"
#include "tests/methods.h"

#define VERIFY_BAD "Verify", "{" AT "'chain':[@bad]}"
#define FIRST "1000000000001"

static Methods *m;
static char folder[160];

static void setup(void) {
        m = methods_new();
        (void) snprintf(folder, sizeof(folder), "%s", fixture_path(m->fixture, "conf/exceptions.d"));
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        ck_assert_int_eq(mkdir(folder, 0755), 0);
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

static const char *in_folder(const char *name) {
        static char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

/* A decision about bad at mail.example.org:993. */
static void put(const char *name, const char *action, const char *more) {
        const ExportRow row = { .action = action, .more = more, .pki = methods_certificate(m, "bad") };

        export_write(in_folder(name), &row, 1);
}

/* As the service manager does it, until the daemon says that it is done. */
static void reload(void) {
        m->fixture->launch.n_heard = 0;
        m->fixture->launch.heard[0] = '\0';
        ck_assert_int_eq(kill(m->fixture->launch.pid, SIGHUP), 0);
        ck_assert_int_eq(launch_wait(&m->fixture->launch, "RELOADING=1", FIXTURE_WAIT_MSEC), 0);
        ck_assert_int_eq(launch_wait(&m->fixture->launch, "READY=1", FIXTURE_WAIT_MSEC), 0);
}

static bool has_warning(const char *words) {
        _cleanup_(json_freep) struct json_object *reply = methods_call(m, "GetStatus", "{}");

        return strstr(json_object_get_string(reply_field(reply, "warnings")), words) != NULL;
}

START_TEST(a_file_speaks_for_everybody) {
        put("10-fleet.json", "allow", NULL);
        WALK({ "not before the daemon is told", ALICE, VERIFY_BAD, "verdict", "prompt" });
        reload();
        WALK({ "it is accepted", ALICE, VERIFY_BAD, "verdict", "accept" },
             { "by an exception", ALICE, VERIFY_BAD, "because", "exception" },
             { "for everybody", BOB, VERIFY_BAD, "verdict", "accept" },
             { "which is the system's", BOB, VERIFY_BAD, "exception.owner", "-1" },
             { "in a file", BOB, VERIFY_BAD, "exception.origin", "file" },
             { "of that name", BOB, VERIFY_BAD, "exception.file", in_folder("10-fleet.json") },
             { "another port is another endpoint", ALICE, "Verify",
               "{'host':'mail.example.org','port':143,'chain':[@bad]}", "verdict", "prompt" },
             { "another certificate is a change", ALICE, "Verify", "{" AT "'chain':[@other]}", "because",
               "changed" },
             { "from the one in the file", ALICE, "Verify", "{" AT "'chain':[@other]}",
               "change.old.subject", "CN=nobody.example.net" },
             { "it is listed", ALICE, "ListExceptions", "{}", "exceptions.0.id", FIRST },
             { "with its file", ALICE, "ListExceptions", "{}", "exceptions.0.origin", "file" },
             { "also as the system's", 0, "ListExceptions", "{'owner':-1}", "exceptions.0.id", FIRST },
             { "and at its host", ALICE, "ListExceptions", "{'host':'mail.example.org'}",
               "exceptions.0.id", FIRST },
             { "but at no other", ALICE, "ListExceptions", "{'host':'example.org'}", "exceptions", "[]" },
             { "it is shown", ALICE, "GetException", "{'id':" FIRST "}",
               "exception.certificate.subject", "CN=nobody.example.net" },
             { "there is no other", ALICE, "GetException", "{'id':1000000000002}", "error",
               "org.certexc1.NotFound" },
             { "it is nobody's history", ALICE, "GetHistory", "{}", "entries", "[]" },
             { "nor has it any", ALICE, "GetHistory", "{'id':" FIRST "}", "entries", "[]" },
             { "and counts for nobody", ALICE, "GetStatus", "{}", "counts.exceptions", "0" });
        ck_assert_int_eq(unlink(in_folder("10-fleet.json")), 0);
        reload();
        WALK({ "a file that is gone says nothing", ALICE, VERIFY_BAD, "verdict", "prompt" },
             { "nor is it listed", ALICE, "ListExceptions", "{'all':true}", "exceptions", "[]" });
}
END_TEST

START_TEST(nobody_changes_it_from_below) {
        put("10-lock.json", "deny", NULL);
        reload();
        WALK({ "it is refused", ALICE, VERIFY_BAD, "verdict", "reject" },
             { "by a denial", ALICE, VERIFY_BAD, "because", "denial" },
             { "which she cannot take back", ALICE, "RevokeException", "{'id':" FIRST "}", "error",
               "org.certexc1.HeldByFile" },
             { "and is told where it is", ALICE, "RevokeException", "{'id':" FIRST "}", "file",
               in_folder("10-lock.json") },
             { "nor root", 0, "RevokeException", "{'id':" FIRST ",'owner':-1}", "error",
               "org.certexc1.HeldByFile" },
             { "she cannot allow it", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "error",
               "org.certexc1.HeldByFile" },
             { "and is told why", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "file",
               in_folder("10-lock.json") },
             { "nor root for everybody", 0, "AddException", "{" AT SHOWN "'chain':[@bad],'owner':-1}",
               "error", "org.certexc1.HeldByFile" },
             { "at another port she may", ALICE, "AddException",
               "{'host':'mail.example.org','port':143," SHOWN "'chain':[@bad]}", "already", "false" },
             { "nothing else was stored", ALICE, "ListExceptions", "{'all':true}", "exceptions.1.id",
               FIRST });
}
END_TEST

START_TEST(no_import_allows_what_a_file_denies) {
        Blob der = pki_der(methods_certificate(m, "bad"));
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE], import[512], by_digest[512], skip[512];
        static const char entry[] = "'exceptions':[{'host':'mail.example.org','port':993,'action':'allow',"
                                    "'problems':['self-signed'],'certificate':'";

        ck_assert_int_eq(sha256(der.data, der.size, digest), 0);
        hex_encode(digest, sizeof(digest), hex);
        (void) snprintf(import, sizeof(import),
                        "{'certificates':[@bad],%s%s'}],'finish':true,'replace':true}", entry, hex);
        (void) snprintf(by_digest, sizeof(by_digest), "{%s%s'}],'finish':true}", entry, hex);
        (void) snprintf(skip, sizeof(skip), "{'certificates':[@bad],%s%s'}],'finish':true,'skip':true}",
                        entry, hex);
        put("10-lock.json", "deny", NULL);
        reload();
        WALK({ "it is held by the file", ALICE, "ImportExceptions", import, "outcomes.0", "held-by-file" },
             { "nothing is stored", ALICE, "ImportExceptions", import, "stored", "false" },
             { "nor by its digest alone", ALICE, "ImportExceptions", by_digest, "outcomes.0",
               "held-by-file" },
             { "it can be left out", ALICE, "ImportExceptions", skip, "stored", "true" },
             { "and is", ALICE, "ListExceptions", "{'all':true}", "exceptions.0.id", FIRST });
}
END_TEST

START_TEST(who_comes_first) {
        WALK({ "she allows it", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "exception.id", "1" },
             { "root allows it for everybody", 0, "AddException",
               "{" AT SHOWN "'chain':[@bad],'owner':-1}", "exception.id", "1" });
        put("x.json", "deny", NULL);
        reload();
        WALK({ "a file's denial beats her exception", ALICE, VERIFY_BAD, "verdict", "reject" },
             { "and the system's", BOB, VERIFY_BAD, "verdict", "reject" },
             { "whatever is wrong", ALICE, "AddDenial", "{" AT "'chain':[@good]}", "already", "false" },
             { "its file is named", ALICE, VERIFY_BAD, "exception.file", in_folder("x.json") });
        put("x.json", "allow", "'problems':['self-signed','name-mismatch','expired'],");
        reload();
        WALK({ "her own exception is named before a file's", ALICE, VERIFY_BAD, "exception.origin", "own" },
             { "she denies it", ALICE, "AddDenial", "{" AT "'chain':[@bad]}", "already", "false" },
             { "her denial beats a file's exception", ALICE, VERIFY_BAD, "because", "denial" },
             { "but not for him", BOB, VERIFY_BAD, "verdict", "accept" },
             { "root denies it for everybody", 0, "AddDenial", "{" AT "'chain':[@bad],'owner':-1}",
               "already", "false" },
             { "which beats a file's exception as well", BOB, VERIFY_BAD, "verdict", "reject" },
             { "by the administrator's word", BOB, VERIFY_BAD, "exception.origin", "admin" });
}
END_TEST

START_TEST(it_covers_what_it_says_and_no_more) {
        put("x.json", "allow", "'problems':['self-signed'],");
        reload();
        WALK({ "another problem is news", ALICE, VERIFY_BAD, "because", "new-problem" },
             { "of that name", ALICE, VERIFY_BAD, "new_problems.0", "name-mismatch" });
        put("x.json", "allow", "'pin':'key','problems':['self-signed','name-mismatch'],");
        reload();
        WALK({ "a key is any of its certificates", ALICE, "Verify", "{" AT "'chain':[@renewed]}",
               "verdict", "accept" },
             { "and no other's", ALICE, "Verify", "{" AT "'chain':[@other]}", "verdict", "prompt" });
        put("x.json", "allow", "'problems':['self-signed','name-mismatch'],'until':1767225601,");
        reload();
        WALK({ "it holds until its end", ALICE, VERIFY_BAD, "verdict", "accept" });
        methods_restart(m, PKI_NOW + 1);
        WALK({ "and no longer", ALICE, VERIFY_BAD, "because", "ended" },
             { "then it is not listed", ALICE, "ListExceptions", "{}", "exceptions", "[]" },
             { "but among all", ALICE, "ListExceptions", "{'all':true}", "exceptions.0.state", "ended" });
        methods_restart(m, PKI_NOW);
        WALK({ "a clock set back revives nothing, across a restart as well", ALICE, VERIFY_BAD, "because",
               "ended" });
        put("x.json", "allow", "'state':'unconfirmed','problems':['self-signed','name-mismatch'],");
        reload();
        WALK({ "one that is unconfirmed is asked about", ALICE, VERIFY_BAD, "because", "unconfirmed" },
             { "and why is told", ALICE, VERIFY_BAD, "unconfirmed_because", "incomplete" });
}
END_TEST

START_TEST(a_broken_file_keeps_its_last_good_reading) {
        put("allow.json", "allow", NULL);
        reload();
        export_write_text(in_folder("allow.json"), "{\n\"format\":\n}");
        reload();
        WALK({ "what was read holds", ALICE, VERIFY_BAD, "verdict", "accept" });
        ck_assert(has_warning("allow.json: line 3: "));
        ck_assert(has_warning("What was read of it before stays in force"));

        methods_restart(m, PKI_NOW);
        WALK({ "there is none after a start", ALICE, VERIFY_BAD, "verdict", "prompt" },
             { "not even what she allows is accepted", ALICE, "AddException",
               "{" AT SHOWN "'chain':[@bad]}", "already", "false" },
             { "since it may be denied there", ALICE, VERIFY_BAD, "because", "in-doubt" },
             { "nor does saying it again help", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}",
               "error", "org.certexc1.InDoubt" },
             { "what is right is right", ALICE, "Verify", "{" AT "'chain':[@good]}", "verdict",
               "accept" });
        ck_assert(has_warning("A denial may be missing"));
        put("allow.json", "deny", NULL);
        reload();
        ck_assert(!has_warning("allow.json"));
        WALK({ "it is mended", ALICE, VERIFY_BAD, "verdict", "reject" });
        ck_assert_int_eq(unlink(in_folder("allow.json")), 0);
        reload();
        WALK({ "what she allowed holds again", ALICE, VERIFY_BAD, "verdict", "accept" });
}
END_TEST

START_TEST(a_denial_is_there_before_the_first_question) {
        put("lock.json", "deny", "'pin':'key',");
        WALK({ "she allowed it", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" });
        methods_restart(m, PKI_NOW);
        WALK({ "the file is read before she is answered", ALICE, VERIFY_BAD, "verdict", "reject" });
}
END_TEST

START_TEST(a_foreign_file_is_refused) {
        put("x.json", "allow", NULL);
        ck_assert_int_eq(chown(in_folder("x.json"), ALICE, (gid_t) -1), 0);
        reload();
        WALK({ "she cannot allow it for everybody", BOB, VERIFY_BAD, "verdict", "prompt" });
        ck_assert(has_warning("x.json: it does not belong to root"));
}
END_TEST

START_TEST(where_users_may_make_no_exceptions) {
        FILE *f;

        WALK({ "she allowed it", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" });
        f = fopen(fixture_path(m->fixture, "conf/certexcd.conf"), "we");
        ck_assert_ptr_nonnull(f);
        (void) fputs("[Verdict]\nUserExceptions=no\n", f);
        ck_assert_int_eq(fclose(f), 0);
        reload();
        WALK({ "hers do not count", ALICE, VERIFY_BAD, "verdict", "prompt" },
             { "she can make no other", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "error",
               "org.certexc1.AccessDenied" });
        put("x.json", "allow", NULL);
        reload();
        WALK({ "those in files do", ALICE, VERIFY_BAD, "verdict", "accept" },
             { "and are told", ALICE, VERIFY_BAD, "exception.origin", "file" },
             { "she may still say no", ALICE, "AddDenial", "{" AT "'chain':[@bad]}", "already", "false" },
             { "which counts", ALICE, VERIFY_BAD, "verdict", "reject" });
}
END_TEST

static void configure(const char *text) {
        FILE *f = fopen(fixture_path(m->fixture, "conf/certexcd.conf"), "we");

        ck_assert_ptr_nonnull(f);
        (void) fputs(text, f);
        ck_assert_int_eq(fclose(f), 0);
}

/* Nobody knows what it was to say. */
START_TEST(a_slip_in_the_configuration_relaxes_nothing) {
        WALK({ "she allowed it", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" });
        configure("[Verdict]\nNever=self_signed\n");
        reload();
        WALK({ "what was read holds", ALICE, VERIFY_BAD, "verdict", "accept" });
        ck_assert(has_warning("certexcd.conf:2: Never= names self_signed"));
        ck_assert(has_warning("What was read of the configuration before stays in force"));

        methods_restart(m, PKI_NOW);
        WALK({ "at the start nothing was read before", ALICE, VERIFY_BAD, "because", "in-doubt" });
        configure("[Verdict]\nUserExeptions=no\n");
        reload();
        WALK({ "an unknown key is one as well", ALICE, VERIFY_BAD, "because", "in-doubt" });
        ck_assert(has_warning("Nothing is accepted by exception"));
        configure("[Verdict]\nNever=self-signed\n");
        reload();
        WALK({ "mended, it says so", ALICE, VERIFY_BAD, "because", "never-exceptable" });
        configure("[Verdict]\nUserExeptions=no\n");
        reload();
        WALK({ "and holds until the next that is understood", ALICE, VERIFY_BAD, "because",
               "never-exceptable" });
        configure("");
        reload();
        WALK({ "which says nothing", ALICE, VERIFY_BAD, "verdict", "accept" });
}
END_TEST

/* Calls ListExceptions page by page; how many there were. */
static size_t count_listed(const char *what, size_t *ret_pages) {
        char parameters[128];
        int64_t after = 0;
        size_t n = 0;

        *ret_pages = 0;
        do {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                (void) snprintf(parameters, sizeof(parameters), "{%s'after':%lld}", what,
                                (long long) after);
                reply = methods_call(m, "ListExceptions", parameters);
                n += json_object_array_length(reply_field(reply, "exceptions"));
                after = json_object_get_int64(reply_field(reply, "next"));
                (*ret_pages)++;
        } while (after != 0);
        return n;
}

static void put_many(const char *name, unsigned n) {
        FILE *f = fopen(in_folder(name), "we");

        ck_assert_ptr_nonnull(f);
        (void) fputs("{\"format\":\"certexc-export\",\"version\":1,\"decisions\":[", f);
        for (unsigned i = 0; i < n; i++)
                (void) fprintf(f, "%s{\"host\":\"h.example\",\"port\":%u,\"action\":\"deny\","
                                  "\"certificate\":\"%064u\"}",
                               i > 0 ? "," : "", i + 1, i);
        (void) fputs("],\"certificates\":[]}", f);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(chmod(in_folder(name), 0644), 0);
}

START_TEST(lists_come_in_pages) {
        size_t pages;

        WALK({ "one of the store's", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "exception.id",
               "1" });
        put_many("x.json", LIST_PAGE_MAX - 1);
        reload();
        ck_assert_uint_eq(count_listed("", &pages), LIST_PAGE_MAX);
        ck_assert_msg(pages == 1, "a page that is just full is the last");
        put_many("x.json", LIST_PAGE_MAX);
        reload();
        ck_assert_uint_eq(count_listed("", &pages), LIST_PAGE_MAX + 1);
        ck_assert_msg(pages == 2, "one more makes another");
        ck_assert_uint_eq(count_listed("'host':'h.example',", &pages), LIST_PAGE_MAX);
        ck_assert_uint_eq(pages, 1);
        put_many("x.json", 3 * LIST_PAGE_MAX);
        reload();
        ck_assert_uint_eq(count_listed("'all':true,", &pages), 3 * LIST_PAGE_MAX + 1);
        ck_assert_uint_eq(pages, 4);
}
END_TEST

START_TEST(who_listens_hears_of_it) {
        _cleanup_(peer_freep) Peer *monitor = peer_new(m->fixture);
        _cleanup_(json_freep) struct json_object *ready = NULL, *changed = NULL;

        ck_assert(peer_send(monitor, "{\"method\":\"org.certexc1.Monitor\",\"more\":true}"));
        ready = peer_reply(monitor, FIXTURE_WAIT_MSEC);
        ck_assert_str_eq(methods_at(ready, "event"), "ready");
        reload();
        put("x.json", "deny", NULL);
        reload();
        changed = peer_reply(monitor, FIXTURE_WAIT_MSEC);
        ck_assert_msg(strcmp(methods_at(changed, "event"), "rules-changed") == 0,
                      "of the change, and not of the reload before, which changed nothing");
}
END_TEST

/* One who runs the daemon for themselves. */
START_TEST(a_user_has_a_folder_of_their_own) {
        const char *const arguments[] = { "--user", "--replace-clock=1767225600", NULL };
        const Pki *bad = methods_certificate(m, "bad");
        _cleanup_(fixture_freep) Fixture *f = fixture_new();
        _cleanup_(peer_freep) Peer *peer = NULL;
        _cleanup_(json_freep) struct json_object *reply = NULL;
        _cleanup_free_ char *text = methods_text(m, VERIFY_BAD, false);

        (void) mkdir(fixture_path(f, "conf"), 0755);
        ck_assert_int_eq(mkdir(fixture_path(f, "conf/exceptions.d"), 0755), 0);
        export_write(fixture_path(f, "conf/exceptions.d/mine.json"),
                     &(ExportRow){ .action = "allow",
                                   .more = "'problems':['self-signed','name-mismatch'],",
                                   .pki = bad },
                     1);
        f->how.quiet = true;
        fixture_start(f, arguments);
        peer = peer_new(f);
        reply = peer_call(peer, text);
        ck_assert_str_eq(methods_at(reply, "verdict"), "accept");
        ck_assert_str_eq(methods_at(reply, "exception.file"),
                         fixture_path(f, "conf/exceptions.d/mine.json"));
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

static void add_system_tests(TCase *tcase) {
        tcase_add_test(tcase, a_file_speaks_for_everybody);
        tcase_add_test(tcase, nobody_changes_it_from_below);
        tcase_add_test(tcase, no_import_allows_what_a_file_denies);
        tcase_add_test(tcase, who_comes_first);
        tcase_add_test(tcase, it_covers_what_it_says_and_no_more);
        tcase_add_test(tcase, a_broken_file_keeps_its_last_good_reading);
        tcase_add_test(tcase, a_denial_is_there_before_the_first_question);
        tcase_add_test(tcase, a_foreign_file_is_refused);
        tcase_add_test(tcase, a_slip_in_the_configuration_relaxes_nothing);
        tcase_add_test(tcase, where_users_may_make_no_exceptions);
        tcase_add_test(tcase, lists_come_in_pages);
        tcase_add_test(tcase, who_listens_hears_of_it);
}

int main(void) {
        Suite *suite = suite_create("rules");
        TCase *tcase = tcase_create("rules");
        SRunner *runner = srunner_create(suite);
        int n_failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_user_has_a_folder_of_their_own);
        /* The files of the system's daemon must be root's. */
        if (geteuid() == 0)
                add_system_tests(tcase);
        else
                (void) fputs("left out, since this needs root: files of the system's daemon\n", stderr);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
