/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real daemon is started while its state directory cannot be written to: verdicts come from what is
 * there, changes are refused with the way out, and once it can be written again they are taken without a
 * restart. Needs mounts of its own, for which a user name space will do.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/methods.h"

static Methods *m;

static const char *state(const char *name) {
        char path[64];

        (void) snprintf(path, sizeof(path), "state/%s", name);
        return fixture_path(m->fixture, path);
}

/* -- mounts ---------------------------------------------------------------------------------- */

static bool write_text(const char *path, const char *text) {
        _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);
}

/* Root of a user name space, in which everything is somebody else's but what is ours. */
static bool become_root(void) {
        char users[64], groups[64];

        (void) snprintf(users, sizeof(users), "0 %u 1\n", (unsigned) geteuid());
        (void) snprintf(groups, sizeof(groups), "0 %u 1\n", (unsigned) getegid());
        return unshare(CLONE_NEWUSER) == 0 && write_text("/proc/self/setgroups", "deny") &&
               write_text("/proc/self/uid_map", users) && write_text("/proc/self/gid_map", groups);
}

/* Mounts that nobody else sees. */
static bool take_mounts_apart(void) {
        return (geteuid() == 0 || become_root()) && unshare(CLONE_NEWNS) == 0 &&
               mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* What else holds of the mount it must keep. */
static bool mount_state(bool read_only) {
        const char *path = state(".");
        struct statvfs fs;

        return statvfs(path, &fs) == 0 &&
               mount(NULL, path, NULL,
                     MS_REMOUNT | MS_BIND | (fs.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC)) |
                             (read_only ? MS_RDONLY : 0),
                     NULL) == 0;
}

static bool bind_state(void) {
        return mount(state("."), state("."), NULL, MS_BIND, NULL) == 0;
}

static void must_mount(bool read_only) {
        ck_assert_msg(mount_state(read_only), "cannot be mounted %s: %m",
                      read_only ? "read-only" : "writable");
}

/* -- what was decided ------------------------------------------------------------------------ */

static void setup(void) {
        m = methods_new();
        methods_add_certificate(m, "root", &(PkiSpec){ .subject = "Private Root", .ca = true });
        methods_add_certificate(m, "mail",
                                &(PkiSpec){ .name = "mail.example.org",
                                            .issuer = methods_certificate(m, "root") });
        WALK({ "one is allowed", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}",
               "exception.id", "1" },
             { "another is allowed and revoked", 0, "AddException",
               "{'host':'revoked.example','port':1," SHOWN "'chain':[@bad]}", "exception.id", "2" },
             { "another is allowed and revoked", 0, "RevokeException", "{'id':2}",
               "exception.state", "revoked" },
             { "one is denied", 0, "AddDenial",
               "{'host':'denied.example','port':1,'chain':[@other]}", "exception.id", "3" },
             { "and an authority is believed", 0, "ImportAuthority",
               "{'der':@root,'all_names':true}", "authority.id", "4" });
        ck_assert_msg(bind_state(), "cannot be mounted: %m");
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        ck_assert_int_eq(umount2(state("."), MNT_DETACH), 0);
        m = methods_free(m);
}

static void stop(bool killed) {
        m->peer = peer_free(m->peer);
        if (!killed) {
                ck_assert_int_eq(fixture_stop(m->fixture), 0);
                return;
        }
        ck_assert_int_eq(kill(m->fixture->launch.pid, SIGKILL), 0);
        ck_assert_int_ge(launch_wait_end(&m->fixture->launch, FIXTURE_WAIT_MSEC), 0);
        launch_done(&m->fixture->launch);
}

#define ADD_NEW "{'host':'new.example','port':1," SHOWN "'chain':[@bad]}"
#define IS_NEW  "{'host':'new.example','port':1,'chain':[@bad]}"

static void expect_verdicts(void) {
        WALK({ "what was allowed is accepted", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" },
             { "what was revoked is not", 0, "Verify",
               "{'host':'revoked.example','port':1,'chain':[@bad]}", "verdict", "prompt" },
             { "what was denied is refused", 0, "Verify",
               "{'host':'denied.example','port':1,'chain':[@other]}", "because", "denial" },
             { "of anything else a person is asked", 0, "Verify", IS_NEW, "verdict", "prompt" },
             { "the system's authorities are believed", 0, "Verify", "{" AT "'chain':[@good]}",
               "because", "no-problem" },
             { "and a person's own", 0, "Verify", "{" AT "'chain':[@mail]}", "because",
               "no-problem" });
}

static void expect_lists(void) {
        WALK({ "all are listed", 0, "ListExceptions", "{'all':true}", "exceptions.2.id", "3" },
             { "and no more", 0, "ListExceptions", "{'all':true}", "exceptions.3", "" },
             { "the history is there", 0, "GetHistory", "{'id':2}", "entries.1.kind", "revoked" },
             { "so is a certificate", 0, "GetException", "{'id':1}", "exception.state", "live" });
}

static void expect_refusals(void) {
        WALK({ "nothing is added", 0, "AddException", ADD_NEW, "error", "org.certexc1.StoreFailed" },
             { "for a reason", 0, "AddException", ADD_NEW, "reason",
               "the state directory is read-only" },
             { "that has a way out", 0, "AddException", ADD_NEW, "hint",
               "mount it writable; look for disk errors first" },
             { "nothing is revoked", 0, "RevokeException", "{'id':1}", "error",
               "org.certexc1.StoreFailed" },
             { "nothing is denied", 0, "AddDenial", "{" AT "'chain':[@bad]}", "reason",
               "the state directory is read-only" },
             { "the status tells", 0, "GetStatus", "{}", "store", "failed" },
             { "why", 0, "GetStatus", "{}", "store_detail", "the state directory is read-only" });
}

static void expect_changes(void) {
        WALK({ "a change is taken", 0, "AddException", ADD_NEW, "exception.id", "5" },
             { "and holds", 0, "Verify", IS_NEW, "because", "exception" },
             { "the store is well", 0, "GetStatus", "{}", "store", "ok" },
             { "it is revoked", 0, "RevokeException", "{'id':5}", "exception.state", "revoked" },
             { "and is so at once", 0, "Verify", IS_NEW, "verdict", "prompt" });
}

/* -- what is left of it ---------------------------------------------------------------------- */

static void nothing(void) {}

static void overwrite(const char *name, double from, double to) {
        _cleanup_fd_ int fd = open(state(name), O_RDWR | O_CLOEXEC);
        off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

        for (off_t i = (off_t) (from * (double) size); i < (off_t) (to * (double) size); i++)
                ck_assert_int_eq(pwrite(fd, "x", 1, i), 1);
}

static void remove_file(const char *name) {
        ck_assert(unlink(state(name)) == 0 || errno == ENOENT);
}

static void no_database(void) {
        remove_file("certexc.db");
        remove_file("certexc.db-wal");
}

static void no_log(void) {
        remove_file("certexc.db-wal");
}

static void text_as_database(void) {
        overwrite("certexc.db", 0, 1);
}

static void half_a_log(void) {
        struct stat st;

        ck_assert_int_eq(stat(state("certexc.db-wal"), &st), 0);
        ck_assert_int_eq(truncate(state("certexc.db-wal"), st.st_size / 2), 0);
}

static void pipe_as_log(void) {
        remove_file("certexc.db-wal");
        ck_assert_int_eq(mkfifo(state("certexc.db-wal"), 0600), 0);
}

static void no_journal(void) {
        remove_file("journal");
}

static void journal_with_text(void) {
        overwrite("journal", 0.6, 0.7);
}

static void no_witness(void) {
        remove_file("witness");
}

static void both_with_text(void) {
        text_as_database();
        overwrite("certexc.db-wal", 0, 1);
        journal_with_text();
}

static void half_a_log_and_no_journal(void) {
        half_a_log();
        no_journal();
}

static void half_a_log_alone(void) {
        half_a_log_and_no_journal();
        no_witness();
}

static void only_a_witness(void) {
        no_database();
        no_journal();
}

static void all(void) {
        only_a_witness();
        no_witness();
}

typedef struct Case {
        const char *sentence;
        bool killed;
        void (*damage)(void);
} Case;

static const Case readable[] = {
        { "a store that was closed in order", false, nothing },
        { "one that was not, and has a log", true, nothing },
        { "the database is gone", false, no_database },
        { "the database and its log are gone", true, no_database },
        { "the database is text", true, text_as_database },
        { "the log is gone", true, no_log },
        { "the log is cut", true, half_a_log },
        { "a pipe is where the log was", true, pipe_as_log },
        { "the journal is gone", false, no_journal },
        { "the journal is gone, and there is a log", true, no_journal },
        { "text is over some of the journal", true, journal_with_text },
        { "the witness is gone", true, no_witness },
};

START_TEST(what_can_be_read_is_answered) {
        stop(readable[_i].killed);
        readable[_i].damage();
        must_mount(true);
        methods_start(m, PKI_NOW);
        expect_verdicts();
        expect_lists();
        expect_refusals();
        expect_verdicts();
        WALK({ "it can be examined", 0, "CheckStore", "{'deep':true}", "error", "" },
             { "mending is refused, with the reason", 0, "Rebuild", "{}", "reason",
               "the state directory is read-only" });
        expect_verdicts();
        must_mount(false);
        expect_changes();
        expect_verdicts();
        methods_restart(m, PKI_NOW);
        expect_verdicts();
}
END_TEST

/* A question is enough. */
START_TEST(it_is_written_again_without_a_change) {
        stop(false);
        must_mount(true);
        methods_start(m, PKI_NOW);
        expect_verdicts();
        must_mount(false);
        expect_verdicts();
        WALK({ "the store is well", 0, "GetStatus", "{}", "store", "ok" },
             { "nothing was rebuilt", 0, "GetStatus", "{}", "last_rebuild", "" });
}
END_TEST

static mode_t mode_of_state(void) {
        struct stat st;

        ck_assert_int_eq(stat(state("."), &st), 0);
        return st.st_mode & 07777;
}

/* That others may look is no reason to serve nobody; it ends as soon as it can. */
START_TEST(others_may_look_where_nothing_can_be_changed) {
        stop(false);
        ck_assert_int_eq(chmod(state("."), 0755), 0);
        must_mount(true);
        methods_start(m, PKI_NOW);
        expect_verdicts();
        expect_refusals();
        WALK({ "an examination says so", 0, "CheckStore", "{}", "check.findings.0.id", "directory-open" });
        ck_assert_int_eq(mode_of_state(), 0755);
        must_mount(false);
        expect_changes();
        ck_assert_int_eq(mode_of_state(), 0700);
}
END_TEST

/* What could be written to by anybody may be anybody's. */
START_TEST(others_may_not_have_written) {
        stop(false);
        ck_assert_int_eq(chmod(state("."), 0775), 0);
        must_mount(true);
        fixture_launch(m->fixture, NULL);
        ck_assert_int_eq(launch_wait(&m->fixture->launch, "READY=1", FIXTURE_WAIT_MSEC), -ECHILD);
        launch_done(&m->fixture->launch);
        must_mount(false);
        ck_assert_int_eq(chmod(state("."), 0700), 0);
        methods_start(m, PKI_NOW);
        expect_verdicts();
}
END_TEST

/* The second refuses, on such a file system too. */
START_TEST(two_daemons_are_one_too_many) {
        _cleanup_free_ char *socket = strdup(fixture_path(m->fixture, "second"));
        Fixture second = *m->fixture;

        stop(false);
        must_mount(true);
        methods_start(m, PKI_NOW);
        second.launch = (Launch){ 0 };
        second.socket_path = socket;
        fixture_launch(&second, NULL);
        ck_assert_int_eq(launch_wait(&second.launch, "READY=1", FIXTURE_WAIT_MSEC), -ECHILD);
        launch_done(&second.launch);
        expect_verdicts();
}
END_TEST

/* What root may is taken from the daemon; it has a directory of its own, but none to write to. */
START_TEST(a_directory_without_permission) {
        ck_assert_int_eq(prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0), 0);
        stop(false);
        ck_assert_int_eq(chmod(state("."), 0500), 0);
        methods_start(m, PKI_NOW);
        expect_verdicts();
        expect_lists();
        WALK({ "nothing is added", 0, "AddException", ADD_NEW, "reason",
               "the state directory, or a file in it, does not let the daemon read and write" },
             { "there is a way out", 0, "AddException", ADD_NEW, "hint",
               "give it and all that is in it back to the daemon's user, with mode 0700 and files with 0600" },
             { "the status tells", 0, "GetStatus", "{}", "store_detail",
               "the state directory, or a file in it, does not let the daemon read and write" });
        ck_assert_int_eq(chmod(state("."), 0700), 0);
        expect_changes();
        expect_verdicts();
}
END_TEST

static const Case unreadable[] = {
        { "both copies are damaged", true, both_with_text },
        { "the log is cut, and the journal is gone", true, half_a_log_and_no_journal },
        { "so is the witness", true, half_a_log_alone },
        { "there is nothing but a witness of more", true, only_a_witness },
};

START_TEST(what_must_be_mended_first_is_not_believed) {
        stop(unreadable[_i].killed);
        unreadable[_i].damage();
        must_mount(true);
        methods_start(m, PKI_NOW);
        WALK({ "nothing is answered", 0, "Verify", "{" AT "'chain':[@bad]}", "error",
               "org.certexc1.StoreFailed" },
             { "for a reason", 0, "Verify", "{" AT "'chain':[@bad]}", "reason",
               "the state directory is read-only" },
             { "that has a way out", 0, "Verify",
               "{'host':'revoked.example','port':1,'chain':[@bad]}", "hint",
               "mount it writable; look for disk errors first" });
        expect_refusals();
        must_mount(false);
        WALK({ "then it is mended", 0, "Verify",
               "{'host':'revoked.example','port':1,'chain':[@bad]}", "verdict", "prompt" },
             { "as ever", 0, "GetStatus", "{}", "store", "ok" });
}
END_TEST

/* Its place in the database's first page: https://sqlite.org/fileformat2.html#user_version_number */
#define VERSION_AT 63

/* Returns what was there. */
static char set_version(char version) {
        _cleanup_fd_ int fd = open(state("certexc.db"), O_RDWR | O_CLOEXEC);
        char was;

        ck_assert_int_eq(pread(fd, &was, 1, VERSION_AT), 1);
        ck_assert_int_eq(pwrite(fd, &version, 1, VERSION_AT), 1);
        return was;
}

START_TEST(what_a_newer_version_wrote_is_refused) {
        char version;

        stop(false);
        version = set_version('\x7f');
        must_mount(true);
        fixture_launch(m->fixture, NULL);
        ck_assert_int_eq(launch_wait(&m->fixture->launch, "READY=1", FIXTURE_WAIT_MSEC), -ECHILD);
        must_mount(false);
        (void) set_version(version);
        methods_start(m, PKI_NOW);
        expect_verdicts();
}
END_TEST

START_TEST(where_nothing_was_decided_a_person_is_asked) {
        stop(false);
        all();
        must_mount(true);
        methods_start(m, PKI_NOW);
        WALK({ "a good one is accepted", 0, "Verify", "{" AT "'chain':[@good]}", "because",
               "no-problem" },
             { "of another a person is asked", 0, "Verify", "{" AT "'chain':[@bad]}", "verdict",
               "prompt" });
        expect_refusals();
        must_mount(false);
        WALK({ "then a store is begun", 0, "AddException", ADD_NEW, "exception.id", "1" });
}
END_TEST

int main(void) {
        Suite *s = suite_create("live, read-only");
        TCase *tc = tcase_create("read-only");
        SRunner *runner = srunner_create(s);
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        if (!take_mounts_apart()) {
                (void) fprintf(stderr, "SKIP: no mounts of our own: %m\n");
                srunner_free(runner);
                return 77;
        }
        suite_add_tcase(s, tc);
        tcase_set_timeout(tc, 300);
        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_loop_test(tc, what_can_be_read_is_answered, 0, N_ELEMENTS(readable));
        tcase_add_loop_test(tc, what_must_be_mended_first_is_not_believed, 0, N_ELEMENTS(unreadable));
        tcase_add_test(tc, it_is_written_again_without_a_change);
        tcase_add_test(tc, others_may_look_where_nothing_can_be_changed);
        tcase_add_test(tc, others_may_not_have_written);
        tcase_add_test(tc, two_daemons_are_one_too_many);
        tcase_add_test(tc, what_a_newer_version_wrote_is_refused);
        tcase_add_test(tc, a_directory_without_permission);
        tcase_add_test(tc, where_nothing_was_decided_a_person_is_asked);

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed != 0;
}
