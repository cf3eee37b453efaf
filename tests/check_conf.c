/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexcd.conf and its drop-in folder. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cleanup.h"
#include "daemon/conf.h"
#include "daemon/problems.h"

static char directory[] = "/tmp/certexc-conf-XXXXXX";
static Conf conf;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
        return remove(path);
}

static void set_up(void) {
        (void) strcpy(directory + strlen(directory) - 6, "XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        conf_defaults(&conf);
}

static void tear_down(void) {
        conf_done(&conf);
        (void) nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *text) {
        char path[PATH_MAX];
        FILE *file;

        (void) snprintf(path, sizeof(path), "%s/certexcd.conf.d", directory);
        (void) mkdir(path, 0755);
        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
}

START_TEST(no_file_is_no_error) {
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_eq(conf.n_warnings, 0);
        ck_assert_uint_eq(conf.never, 0);
        ck_assert(conf.user_exceptions);
        ck_assert(conf.host_only_lookups);
        ck_assert_uint_eq(conf.checks, CHECK_ALL);
        ck_assert_uint_eq(conf.idle_exit_sec, 0);

        ck_assert_int_eq(conf_read(&conf, "/nonexistent/certexc"), 0);
        ck_assert_uint_eq(conf.n_warnings, 0);
}
END_TEST

START_TEST(every_key_is_read) {
        put("certexcd.conf", "# what this is for\n"
                             "[Verdict]\n"
                             "Never = expired  weak-key\n"
                             "Never=self-signed ; for now\n"
                             "UserExceptions=no\n"
                             "HostOnlyLookups=off\n"
                             "[Checks]\n"
                             "WeakSignatures=yes\n"
                             "Wildcards=TRUE\n"
                             "Revocation=1\n"
                             "[Daemon]\n"
                             "IdleExitSec=60\n");
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_eq(conf.n_warnings, 0);
        ck_assert_uint_eq(conf.never, PROBLEM_EXPIRED | PROBLEM_WEAK_KEY | PROBLEM_SELF_SIGNED);
        ck_assert(!conf.user_exceptions);
        ck_assert(!conf.host_only_lookups);
        ck_assert_uint_eq(conf.checks, CHECK_ALL);
        ck_assert_uint_eq(conf.idle_exit_sec, 60);
}
END_TEST

START_TEST(drop_ins_come_in_order_and_never_only_grows) {
        put("certexcd.conf", "[Verdict]\nNever=expired\n[Daemon]\nIdleExitSec=1\n");
        put("certexcd.conf.d/20-b.conf", "[Verdict]\nNever=weak-key\n[Daemon]\nIdleExitSec=3\n");
        put("certexcd.conf.d/10-a.conf", "[Daemon]\nIdleExitSec=2\n[Verdict]\nNever=\n");
        put("certexcd.conf.d/90-c.conf.bak", "[Daemon]\nIdleExitSec=4\n");
        put("certexcd.conf.d/.90-d.conf", "[Daemon]\nIdleExitSec=5\n");
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_eq(conf.n_warnings, 0);
        ck_assert_uint_eq(conf.never, PROBLEM_EXPIRED | PROBLEM_WEAK_KEY);
        ck_assert_uint_eq(conf.idle_exit_sec, 3);
}
END_TEST

/* Each line stands third, after a section and a line that is as lax as can be. */
static const struct {
        const char *section;
        const char *line;
        const char *says; /* after "PATH:3: " */
        bool doubtful;
} warned[] = {
        { "Verdict", "Never=expred", "Never= names expred, which is no problem; see certexc(1)", true },
        { "Verdict", "Never=Expired", "Never= names Expired, which is no problem; see certexc(1)", true },
        { "Verdict", "UserExceptions=maybe",
          "UserExceptions=maybe is neither yes nor no; no is taken, the stricter" },
        { "Verdict", "UserExceptions=",
          "UserExceptions= is neither yes nor no; no is taken, the stricter" },
        { "Verdict", "HostOnlyLookups=2",
          "HostOnlyLookups=2 is neither yes nor no; no is taken, the stricter" },
        { "Verdict", "userexceptions=yes",
          "there is no userexceptions= in section [Verdict]; the line is ignored", true },
        { "Verdict", "WeakSignatures=no",
          "there is no WeakSignatures= in section [Verdict]; the line is ignored", true },
        { "verdict", "Never=expired",
          "there is no Never= in section [verdict]; the line is ignored", true },
        { "Checks", "WeakSignatures=no", "WeakSignatures=no relaxes a check for everybody" },
        { "Checks", "Wildcards=off", "Wildcards=off relaxes a check for everybody" },
        { "Checks", "Revocation=0", "Revocation=0 relaxes a check for everybody" },
        { "Checks", "Wildcards=nope",
          "Wildcards=nope is neither yes nor no; yes is taken, the stricter" },
        { "Daemon", "IdleExitSec=-1", "IdleExitSec=-1 is not 0 to 2592000; it is ignored" },
        { "Daemon", "IdleExitSec=1m", "IdleExitSec=1m is not 0 to 2592000; it is ignored" },
        { "Daemon", "IdleExitSec=99999999999999999999",
          "IdleExitSec=99999999999999999999 is not 0 to 2592000; it is ignored" },
        { "Daemon", "IdleExitSec=", "IdleExitSec= is not 0 to 2592000; it is ignored" },
        { "Checks", "Revocaton=yes",
          "there is no Revocaton= in section [Checks]; the line is ignored", true },
        { "Daemon", "IdleSec=1", "there is no IdleSec= in section [Daemon]; the line is ignored", true },
        { "Daemon", "nonsense", "the line is neither [Section] nor Key=Value; it is ignored", true },
};

START_TEST(nonsense_is_told_with_file_and_line) {
        char text[256], want[PATH_MAX + 256];

        (void) snprintf(text, sizeof(text), "[%s]\n; a comment\n%s\n", warned[_i].section,
                        warned[_i].line);
        put("certexcd.conf", text);
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_eq(conf.n_warnings, 1);
        (void) snprintf(want, sizeof(want), "%s/certexcd.conf:3: %s", directory, warned[_i].says);
        ck_assert_str_eq(conf.warnings[0], want);
        ck_assert_msg(conf.doubtful == warned[_i].doubtful, "%s", warned[_i].line);
        if (conf.doubtful)
                ck_assert_str_eq(conf.doubt, want);
}
END_TEST

START_TEST(a_link_to_nothing_is_no_absence) {
        static const char *const names[] = { "certexcd.conf", "certexcd.conf.d", "certexcd.conf.d/x.conf" };
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/%s", directory, names[_i]);
        if (_i == 2)
                put("certexcd.conf.d/y.conf", "");
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_int_eq(symlink("nowhere", path), 0);
        ck_assert_int_eq(conf_read(&conf, directory), -ENOENT);
        ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_slip_relaxes_nothing_that_held) {
        Conf slip;

        put("certexcd.conf", "[Verdict]\nNever=expired\n");
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert(!conf.doubtful);
        put("certexcd.conf", "[Verdict]\nNever=expred\nUserExceptions=no\n");
        conf_defaults(&slip);
        ck_assert_int_eq(conf_read(&slip, directory), 0);
        ck_assert_int_eq(conf_replace(&conf, &slip), 0);
        ck_assert_uint_eq(conf.never, PROBLEM_EXPIRED);
        ck_assert(conf.user_exceptions);
        ck_assert(!conf.doubtful);
        ck_assert_uint_eq(conf.n_warnings, 2);
        ck_assert_ptr_nonnull(strstr(conf.warnings[1], "What was read of the configuration before stays"));
}
END_TEST

START_TEST(a_long_comment_is_a_comment) {
        char text[1024] = "# ";

        for (unsigned i = 0; i < 100; i++)
                (void) strcat(text, " weak-key");
        (void) strcat(text, "\n[Verdict]\nNever=expired\n");
        put("certexcd.conf", text);
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert(!conf.doubtful);
        ck_assert_uint_eq(conf.n_warnings, 0);
        ck_assert_uint_eq(conf.never, PROBLEM_EXPIRED);
}
END_TEST

START_TEST(what_is_not_understood_is_strict) {
        put("certexcd.conf", "[Verdict]\nUserExceptions=yes\nHostOnlyLookups=yes\n"
                             "[Checks]\nWeakSignatures=no\nWildcards=no\nRevocation=no\n");
        put("certexcd.conf.d/a.conf", "[Verdict]\nUserExceptions=?\nHostOnlyLookups=?\n"
                                      "[Checks]\nWeakSignatures=?\nWildcards=?\nRevocation=?\n");
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_eq(conf.n_warnings, 8);
        ck_assert(!conf.user_exceptions);
        ck_assert(!conf.host_only_lookups);
        ck_assert_uint_eq(conf.checks, CHECK_ALL);
}
END_TEST

START_TEST(checks_are_relaxed_one_by_one) {
        put("certexcd.conf", "[Checks]\nWeakSignatures=no\n");
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_eq(conf.checks, CHECK_WILDCARDS | CHECK_REVOCATION);
        ck_assert_uint_eq(conf.n_warnings, 1);
}
END_TEST

START_TEST(a_long_line_is_told_and_the_next_is_read) {
        char text[1024] = "[Verdict]\nNever=expired ";

        for (unsigned i = 0; i < 100; i++)
                (void) strcat(text, " weak-key");
        (void) strcat(text, "\n[Daemon]\nIdleExitSec=x\n");
        put("certexcd.conf", text);
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_ge(conf.n_warnings, 2);
        ck_assert_ptr_nonnull(strstr(conf.warnings[0], ":2: the line is longer than "));
        ck_assert_ptr_nonnull(strstr(conf.warnings[conf.n_warnings - 1], ":4: IdleExitSec=x"));
        ck_assert_uint_eq(conf.never, PROBLEM_EXPIRED | PROBLEM_WEAK_KEY);
        ck_assert(conf.doubtful);
}
END_TEST

START_TEST(warnings_have_a_bound) {
        char text[8192] = "[Daemon]\n";

        for (unsigned i = 0; i < 200; i++)
                (void) strcat(text, "IdleExitSec=x\n");
        put("certexcd.conf", text);
        ck_assert_int_eq(conf_read(&conf, directory), 0);
        ck_assert_uint_eq(conf.n_warnings, 64);
}
END_TEST

START_TEST(what_is_no_file_is_an_error) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/certexcd.conf", directory);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        ck_assert_int_eq(conf_read(&conf, directory), -EISDIR);
        ck_assert_int_eq(rmdir(path), 0);
        ck_assert_int_eq(mkfifo(path, 0644), 0);
        ck_assert_int_eq(conf_read(&conf, directory), -EINVAL);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("conf");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, no_file_is_no_error);
        tcase_add_test(tcase, every_key_is_read);
        tcase_add_test(tcase, drop_ins_come_in_order_and_never_only_grows);
        tcase_add_loop_test(tcase, nonsense_is_told_with_file_and_line, 0,
                            (int) N_ELEMENTS(warned));
        tcase_add_test(tcase, what_is_not_understood_is_strict);
        tcase_add_test(tcase, checks_are_relaxed_one_by_one);
        tcase_add_test(tcase, a_long_line_is_told_and_the_next_is_read);
        tcase_add_loop_test(tcase, a_link_to_nothing_is_no_absence, 0, 3);
        tcase_add_test(tcase, a_slip_relaxes_nothing_that_held);
        tcase_add_test(tcase, a_long_comment_is_a_comment);
        tcase_add_test(tcase, warnings_have_a_bound);
        tcase_add_test(tcase, what_is_no_file_is_an_error);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
