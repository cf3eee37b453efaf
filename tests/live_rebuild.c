/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon, a client that stays connected, and files that are damaged under them: what was
 * decided holds, nothing is accepted that was not, and the client is told. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/json.h"
#include "tests/methods.h"

static Methods *m;

static void setup(void) {
        m = methods_new();
        WALK({ "one is allowed", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "another is allowed and revoked", 0, "AddException",
               "{'host':'revoked.example','port':1," SHOWN "'chain':[@bad]}", "exception.id", "2" },
             { "another is allowed and revoked", 0, "RevokeException", "{'id':2}",
               "exception.state", "revoked" },
             { "and one is denied", 0, "AddDenial",
               "{'host':'denied.example','port':1,'chain':[@other]}", "already", "false" });
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

static void expect_decisions(void) {
        WALK({ "what was allowed is accepted", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" },
             { "what was revoked is not", 0, "Verify",
               "{'host':'revoked.example','port':1,'chain':[@bad]}", "verdict", "prompt" },
             { "what was denied is refused", 0, "Verify",
               "{'host':'denied.example','port':1,'chain':[@other]}", "because", "denial" },
             { "all are listed", 0, "ListExceptions", "{'all':true}", "exceptions.2.id", "3" },
             { "and no more", 0, "ListExceptions", "{'all':true}", "exceptions.3", "" },
             { "the history is there", 0, "GetHistory", "{'id':2}", "entries.1.kind", "revoked" },
             { "the store is well", 0, "GetStatus", "{}", "store", "ok" });
}

/* -- damage ---------------------------------------------------------------------------------- */

static int open_file(const char *name) {
        char path[64];
        int fd;

        (void) snprintf(path, sizeof(path), "state/%s", name);
        fd = open(fixture_path(m->fixture, path), O_RDWR | O_CLOEXEC);
        ck_assert_msg(fd >= 0 || errno == ENOENT, "%s", name);
        return fd;
}

/* A file that is not there is none to be damaged. */
static void overwrite(const char *name, double from, double to) {
        _cleanup_fd_ int fd = open_file(name);
        off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

        for (off_t i = (off_t) (from * (double) size); i < (off_t) (to * (double) size); i++)
                ck_assert_int_eq(pwrite(fd, "x", 1, i), 1);
}

static void remove_file(const char *name) {
        char path[64];

        (void) snprintf(path, sizeof(path), "state/%s", name);
        ck_assert(unlink(fixture_path(m->fixture, path)) == 0 || errno == ENOENT);
}

static void middle_of_database(void) {
        overwrite("certexc.db", 0.3, 0.7);
}

static void all_of_database_and_log(void) {
        overwrite("certexc.db", 0, 1);
        overwrite("certexc.db-wal", 0, 1);
}

static void database_cut(void) {
        _cleanup_fd_ int fd = open_file("certexc.db");
        _cleanup_fd_ int log = open_file("certexc.db-wal");

        ck_assert_int_eq(ftruncate(fd, 5000), 0);
        ck_assert(log < 0 || ftruncate(log, 0) == 0);
}

static void database_removed(void) {
        remove_file("certexc.db");
}

static void both_removed(void) {
        remove_file("certexc.db");
        remove_file("certexc.db-wal");
}

static void journal_removed(void) {
        remove_file("journal");
}

static void journal_damaged(void) {
        overwrite("journal", 0.6, 0.9);
}

/* -- something else in the place of a file ---------------------------------------------------- */

static const char *place_of(const char *name) {
        char path[64];

        (void) snprintf(path, sizeof(path), "state/%s", name);
        return fixture_path(m->fixture, path);
}

/* Where something is made before it takes a file's place. */
static const char *made(void) {
        return fixture_path(m->fixture, "made");
}

/* What was made takes the place of @name in one step: a file that is missing for a moment is what the
 * daemon mends at once. */
static void put_at(const char *name) {
        if (renameat2(AT_FDCWD, made(), AT_FDCWD, place_of(name), RENAME_EXCHANGE) == 0) {
                ck_assert_int_eq(unlink(made()), 0);
                return;
        }
        ck_assert_int_eq(errno, ENOENT);
        ck_assert_int_eq(rename(made(), place_of(name)), 0);
}

/* One that is not empty. */
static void directory_at(const char *name) {
        ck_assert_int_eq(mkdir(made(), 0700), 0);
        ck_assert_int_eq(mkdir(fixture_path(m->fixture, "made/something"), 0700), 0);
        put_at(name);
}

static void directory_as_database(void) {
        directory_at("certexc.db");
}

static void directory_as_log(void) {
        directory_at("certexc.db-wal");
}

static void directory_as_journal(void) {
        directory_at("journal");
}

static void directories_where_new_files_are_made(void) {
        directory_at("certexc.db.new");
        directory_at("journal.new");
        remove_file("certexc.db");
}

static void pipe_as_database(void) {
        ck_assert_int_eq(mkfifo(made(), 0600), 0);
        put_at("certexc.db");
}

static void pipe_as_journal(void) {
        ck_assert_int_eq(mkfifo(made(), 0600), 0);
        put_at("journal");
}

static void link_as_database(void) {
        char kept[4096];

        (void) snprintf(kept, sizeof(kept), "%s.elsewhere", place_of("certexc.db"));
        ck_assert_int_eq(link(place_of("certexc.db"), kept), 0);
        ck_assert_int_eq(symlink(kept, made()), 0);
        put_at("certexc.db");
}

static void link_to_itself_as_database(void) {
        ck_assert_int_eq(symlink("certexc.db", made()), 0);
        put_at("certexc.db");
}

/* Where that may not be made, a pipe does. */
static void device_as_database(void) {
        if (mknod(made(), S_IFCHR | 0600, makedev(1, 5)) < 0)
                ck_assert_int_eq(mkfifo(made(), 0600), 0);
        put_at("certexc.db");
}

static void nobody_may_read(void) {
        ck_assert_int_eq(chmod(place_of("certexc.db"), 0), 0);
}

static const struct {
        const char *sentence;
        void (*damage)(void);
} damages[] = {
        { "a directory is where the database was", directory_as_database },
        { "a directory is where the log was", directory_as_log },
        { "a directory is where the journal was", directory_as_journal },
        { "directories are where new files would be made", directories_where_new_files_are_made },
        { "a pipe is where the database was", pipe_as_database },
        { "a pipe is where the journal was", pipe_as_journal },
        { "a link is where the database was", link_as_database },
        { "a link to itself is where the database was", link_to_itself_as_database },
        { "a device is where the database was", device_as_database },
        { "nobody may read the database", nobody_may_read },
        { "text over the middle of the database", middle_of_database },
        { "text over the database and its log", all_of_database_and_log },
        { "the database is cut", database_cut },
        { "the database is removed", database_removed },
        { "the database and its log are removed", both_removed },
        { "the journal is removed", journal_removed },
        { "the journal is damaged", journal_damaged },
};

START_TEST(a_running_daemon_loses_nothing) {
        damages[_i].damage();
        expect_decisions();
        WALK({ "a change is taken", 0, "AddException",
               "{'host':'new.example','port':1," SHOWN "'chain':[@bad]}", "exception.id", "4" },
             { "and holds", 0, "Verify", "{'host':'new.example','port':1,'chain':[@bad]}",
               "because", "exception" },
             { "it is revoked", 0, "RevokeException", "{'id':4}", "exception.state", "revoked" });
        methods_restart(m, PKI_NOW);
        WALK({ "after a restart it is revoked", 0, "Verify",
               "{'host':'new.example','port':1,'chain':[@bad]}", "verdict", "prompt" },
             { "what was allowed is accepted", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" });
}
END_TEST

/* What the log has is in the database then, and there is no log. */
START_TEST(a_daemon_that_finds_damage_at_its_start_serves) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        damages[_i].damage();
        methods_start(m, PKI_NOW);
        expect_decisions();
}
END_TEST

/* -- what is not read from the disk any more -------------------------------------------------- */

/* At @at, or so far before the end; what is asked next stands in memory. */
static void one_page(const char *name, off_t at) {
        _cleanup_fd_ int fd = open_file(name);
        char bytes[4096];

        memset(bytes, 'x', sizeof(bytes));
        at = at < 0 ? lseek(fd, 0, SEEK_END) + at : at;
        ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), at), sizeof(bytes));
}

/* After a start there is no log that has them. */
static void a_page_of_the_database(void) {
        methods_restart(m, PKI_NOW);
        expect_decisions();
        one_page("certexc.db", 3 * 4096);
}

static void a_line_of_the_journal(void) {
        one_page("journal", 4096);
}

static void the_last_page_of_the_log(void) {
        one_page("certexc.db-wal", -4096);
}

static const struct {
        const char *sentence;
        void (*damage)(void);
} unseen[] = {
        { "a page of the database", a_page_of_the_database },
        { "lines of the journal", a_line_of_the_journal },
        { "the last page of the log", the_last_page_of_the_log },
};

START_TEST(what_is_in_memory_hides_no_damage) {
        expect_decisions();
        WALK({ "nothing was rebuilt so far", 0, "GetStatus", "{}", "last_rebuild", "" });
        unseen[_i].damage();
        WALK({ "the next verdict is right", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" },
             { "and the damage was found", 0, "GetStatus", "{}", "last_rebuild.reason",
               "its files were removed, or changed by something else" },
             { "all is there", 0, "GetStatus", "{}", "last_rebuild.saved", "2" },
             { "nothing is missing", 0, "GetStatus", "{}", "last_rebuild.missing", "0" });
        expect_decisions();
}
END_TEST

/* Only a look; nothing is set aside. */
START_TEST(files_that_were_only_touched_are_whole) {
        expect_decisions();
        ck_assert_int_eq(utimensat(AT_FDCWD, place_of("certexc.db"), NULL, 0), 0);
        ck_assert_int_eq(chmod(place_of("journal"), 0640), 0);
        expect_decisions();
        WALK({ "nothing was rebuilt", 0, "GetStatus", "{}", "last_rebuild", "" });
}
END_TEST

/* What the daemon writes itself is no reason. */
START_TEST(changes_of_its_own_are_no_damage) {
        for (unsigned i = 0; i < 20; i++)
                WALK({ "it is allowed", 0, "AddException",
                       "{'host':'own.example','port':1," SHOWN "'chain':[@bad]}", "already",
                       "false" },
                     { "and denied", 0, "AddDenial", "{'host':'own.example','port':1,'chain':[@bad]}",
                       "already", "false" });
        WALK({ "nothing was rebuilt", 0, "GetStatus", "{}", "last_rebuild", "" });
}
END_TEST

/* In its bytes as they are kept, behind the first "CN". */
static void a_certificate(void) {
        static const char cn[] = { 0x06, 0x03, 0x55, 0x04, 0x03 };
        _cleanup_fd_ int fd = open_file("certexc.db");
        size_t size = (size_t) lseek(fd, 0, SEEK_END);
        _cleanup_free_ char *bytes = malloc(size);
        const char *found;

        ck_assert_int_eq(pread(fd, bytes, size, 0), (ssize_t) size);
        found = memmem(bytes, size, cn, sizeof(cn));
        ck_assert_ptr_nonnull(found);
        ck_assert_int_eq(pwrite(fd, "x", 1, found - bytes + (off_t) sizeof(cn)), 1);
}

/* Damage that neither opening nor any question meets. */
START_TEST(a_store_is_examined_when_it_has_been_opened) {
        _cleanup_(peer_freep) Peer *listener = NULL;
        _cleanup_free_ char *text = methods_text(m, "Monitor", "{}", true);
        _cleanup_(json_freep) struct json_object *ready = NULL, *told = NULL;

        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        a_certificate();
        methods_start(m, PKI_NOW);
        listener = peer_new(m->fixture);
        ck_assert(peer_send(listener, text));
        ready = peer_reply(listener, FIXTURE_WAIT_MSEC);
        told = peer_reply(listener, FIXTURE_WAIT_MSEC);
        ck_assert_msg(strcmp(methods_at(told, "event"), "store-rebuilt") == 0, "%s",
                      json_object_to_json_string(told));
        ck_assert_str_eq(methods_at(told, "rebuild.reason"), "an examination found damage");
        ck_assert_str_eq(methods_at(told, "rebuild.missing"), "0");
        expect_decisions();
}
END_TEST

/* -- what is told ---------------------------------------------------------------------------- */

START_TEST(a_rebuild_is_told) {
        _cleanup_(peer_freep) Peer *listener = peer_new(m->fixture);
        _cleanup_free_ char *text = methods_text(m, "Monitor", "{}", true);
        _cleanup_(json_freep) struct json_object *ready = NULL, *told = NULL;

        ck_assert(peer_send(listener, text));
        ready = peer_reply(listener, FIXTURE_WAIT_MSEC);
        ck_assert_str_eq(methods_at(ready, "event"), "ready");
        database_removed();
        WALK({ "somebody asks", 0, "Verify", "{" AT "'chain':[@bad]}", "because", "exception" });
        told = peer_reply(listener, FIXTURE_WAIT_MSEC);
        methods_hold("Monitor", told);
        ck_assert_str_eq(methods_at(told, "event"), "store-rebuilt");
        ck_assert_str_eq(methods_at(told, "rebuild.saved"), "2");
        ck_assert_str_eq(methods_at(told, "rebuild.missing"), "0");
        WALK({ "the status tells", 0, "GetStatus", "{}", "last_rebuild.reason",
               "its files were removed, or changed by something else" },
             { "how many are there", 0, "GetStatus", "{}", "last_rebuild.saved", "2" });
}
END_TEST

START_TEST(a_rebuild_can_be_asked_for) {
        WALK({ "there was none", 0, "GetStatus", "{}", "last_rebuild", "" },
             { "it is done", 0, "Rebuild", "{}", "rebuild.reason", "it was asked for" },
             { "nothing is missing", 0, "Rebuild", "{}", "rebuild.missing", "0" },
             { "the status tells", 0, "GetStatus", "{}", "last_rebuild.reason", "it was asked for" });
        expect_decisions();
        if (getuid() == 0)
                WALK({ "not everybody may", ALICE, "Rebuild", "{}", "error",
                       "org.certexc1.AccessDenied" });
}
END_TEST

int main(void) {
        Suite *s = suite_create("live, rebuild");
        TCase *tc = tcase_create("rebuild"), *examined = tcase_create("examined");
        SRunner *runner = srunner_create(s);
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        suite_add_tcase(s, tc);
        suite_add_tcase(s, examined);
        tcase_set_timeout(examined, 300);
        tcase_add_checked_fixture(examined, setup, teardown);
        tcase_set_timeout(tc, 300);
        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_loop_test(tc, a_running_daemon_loses_nothing, 0, N_ELEMENTS(damages));
        tcase_add_loop_test(tc, a_daemon_that_finds_damage_at_its_start_serves, 0,
                            N_ELEMENTS(damages));
        tcase_add_loop_test(tc, what_is_in_memory_hides_no_damage, 0, N_ELEMENTS(unseen));
        tcase_add_test(tc, files_that_were_only_touched_are_whole);
        tcase_add_test(tc, changes_of_its_own_are_no_damage);
        tcase_add_test(examined, a_store_is_examined_when_it_has_been_opened);
        tcase_add_test(tc, a_rebuild_is_told);
        tcase_add_test(tc, a_rebuild_can_be_asked_for);

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed != 0;
}
