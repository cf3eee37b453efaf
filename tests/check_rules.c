/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions in files: which files count, what is refused and by which sentence, what stays in force while one
 * is broken. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/worker.h"
#include "tests/exports.h"
#include "tests/ruled.h"

/* -- which files count ------------------------------------------------------------------------- */

START_TEST(nothing_is_there) {
        Seen seen = { 0 };
        _cleanup_(rules_freep) Rules *rules = NULL;

        for (unsigned i = 0; i < _RULE_FOLDER_MAX; i++)
                ck_assert_int_eq(rmdir(folders[i]), 0);
        rules = start(&seen);
        ck_assert_uint_eq(count(rules), 0);
        ck_assert_uint_eq(rules_n_warnings(rules), 0);
        ck_assert(!rules_is_doubtful(rules));
        ck_assert_uint_eq(rules_generation(rules), 0);
        reload(rules, &seen);
        ck_assert_msg(rules_generation(rules) == 0, "and nothing has changed");
}
END_TEST

typedef enum Content {
        ABSENT,
        ONE, /* denies one */
        TWO,
        EMPTY,
        DEV_NULL,
        LINK, /* to a file elsewhere that denies one */
        BROKEN,
} Content;

static void put_content(RuleFolder folder, const char *name, Content content) {
        char elsewhere[128];

        switch (content) {
        case ABSENT:
                break;
        case ONE:
        case TWO:
                put(folder, name, content == ONE ? one : two);
                break;
        case EMPTY:
                export_write_text(in(folder, name), "");
                break;
        case DEV_NULL:
                ck_assert_int_eq(symlink("/dev/null", in(folder, name)), 0);
                break;
        case LINK:
                (void) snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", home);
                export_write(elsewhere, &(ExportRow){ .action = "deny", .pki = one }, 1);
                ck_assert_int_eq(symlink(elsewhere, in(folder, name)), 0);
                break;
        case BROKEN:
                put_broken(folder, name);
                break;
        }
}

static const struct {
        const char *sentence;
        Content admin, vendor, own; /* of a file of the same name */
        const char *name;           /* NULL: x.json */
        bool denies_one, denies_two, doubtful;
} places[] = {
        { "the administrator's file counts", ONE, ABSENT, ABSENT, NULL, true, false, false },
        { "the distribution's file counts", ABSENT, TWO, ABSENT, NULL, false, true, false },
        { "the administrator's covers the distribution's", ONE, TWO, ABSENT, NULL, true, false, false },
        { "an empty one does no more than that", EMPTY, TWO, ABSENT, NULL, false, false, false },
        { "nor does a link to /dev/null", DEV_NULL, TWO, ABSENT, NULL, false, false, false },
        { "an empty one of the distribution's masks nothing, and is broken", ABSENT, EMPTY, ABSENT, NULL, false,
          false, true },
        { "a link to /dev/null that masks nothing is of no account", DEV_NULL, ABSENT, ABSENT, NULL, false, false,
          false },
        { "a link to a file is that file", LINK, TWO, ABSENT, NULL, true, false, false },
        { "a broken one covers as well, and leaves a doubt", BROKEN, TWO, ABSENT, NULL, false, false,
          true },
        { "one's own covers nothing", ABSENT, TWO, ONE, NULL, true, true, false },
        { "nor is it covered", DEV_NULL, ABSENT, ONE, NULL, true, false, false },
        { "an empty one that masks nothing is broken", EMPTY, ABSENT, ONE, NULL, true, false, true },
        { "one's own that is empty covers nothing, and is broken", ABSENT, TWO, EMPTY, NULL, false, true, true },
        { "a hidden file is none", ONE, TWO, ONE, ".x.json", false, false, false },
        { "what an editor left is none", ONE, TWO, ONE, "x.json~", false, false, false },
        { "nor is what only ends like it", ONE, TWO, ONE, ".json", false, false, false },
};

START_TEST(which_files_count) {
        const char *name = places[_i].name ? places[_i].name : "x.json";
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put_content(RULES_ADMIN, name, places[_i].admin);
        put_content(RULES_VENDOR, name, places[_i].vendor);
        put_content(RULES_OWN, name, places[_i].own);
        rules = start(&seen);
        ck_assert_msg(denies(rules, one) == places[_i].denies_one, "%s", places[_i].sentence);
        ck_assert_msg(denies(rules, two) == places[_i].denies_two, "%s", places[_i].sentence);
        ck_assert_msg(rules_is_doubtful(rules) == places[_i].doubtful, "%s", places[_i].sentence);
        ck_assert_uint_eq(rules_n_warnings(rules), places[_i].doubtful);
        ck_assert_msg(rules_n_notices(rules) == (!places[_i].name && places[_i].vendor == TWO &&
                                                 (places[_i].admin == EMPTY || places[_i].admin == DEV_NULL)),
                      "%s: what is masked is told", places[_i].sentence);
        if (rules_n_notices(rules) > 0)
                ck_assert_ptr_nonnull(strstr(rules_notice(rules, 0), in(RULES_VENDOR, "x.json")));
        ck_assert_msg(rules_generation(rules) == (denies(rules, one) || denies(rules, two) ||
                                                  places[_i].doubtful),
                      "%s", places[_i].sentence);
}
END_TEST

/* -- what is refused --------------------------------------------------------------------------- */

static void make_writable(const char *path) {
        put(RULES_ADMIN, "bad.json", one);
        ck_assert_int_eq(chmod(path, 0664), 0);
}

static void make_everybodys(const char *path) {
        put(RULES_ADMIN, "bad.json", one);
        ck_assert_int_eq(chmod(path, 0646), 0);
}

/* Only root can give files away. */
static void make_foreign(const char *path) {
        put(RULES_ADMIN, "bad.json", one);
        ck_assert_int_eq(chown(path, 4711, (gid_t) -1), 0);
}

static void make_unreadable(const char *path) {
        put(RULES_ADMIN, "bad.json", one);
        ck_assert_int_eq(chmod(path, 0), 0);
}

static void make_pipe(const char *path) {
        ck_assert_int_eq(mkfifo(path, 0644), 0);
}

static void make_dangling(const char *path) {
        ck_assert_int_eq(symlink("/nowhere/at/all", path), 0);
}

/* In a folder elsewhere that has this mode, on the way or at the end of it. */
static void make_link(const char *path, mode_t mode, bool at_the_end) {
        char elsewhere[128], below[160], file[200];

        (void) snprintf(elsewhere, sizeof(elsewhere), "%s/others", home);
        (void) snprintf(below, sizeof(below), "%s/below", elsewhere);
        (void) snprintf(file, sizeof(file), "%s/file", at_the_end ? elsewhere : below);
        make_folder(elsewhere);
        make_folder(below);
        export_write(file, &(ExportRow){ .action = "deny", .pki = one }, 1);
        ck_assert_int_eq(chmod(elsewhere, mode), 0);
        ck_assert_int_eq(symlink(file, path), 0);
}

static void make_link_to_open_folder(const char *path) {
        make_link(path, 0757, true);
}

static void make_link_to_sticky_folder(const char *path) {
        make_link(path, 01777, true);
}

static void make_link_through_open_folder(const char *path) {
        make_link(path, 0775, false);
}

/* The last link is as it should be; one on the way may be led elsewhere. */
static void make_link_to_link(const char *path) {
        char elsewhere[128], link[160], file[128];

        (void) snprintf(elsewhere, sizeof(elsewhere), "%s/others", home);
        (void) snprintf(link, sizeof(link), "%s/link", elsewhere);
        (void) snprintf(file, sizeof(file), "%s/file", home);
        make_folder(elsewhere);
        export_write(file, &(ExportRow){ .action = "deny", .pki = one }, 1);
        ck_assert_int_eq(symlink("../file", link), 0);
        ck_assert_int_eq(chmod(elsewhere, 0777), 0);
        ck_assert_int_eq(symlink("../others/link", path), 0);
}

/* Only root can give folders away. */
static void make_link_to_foreign_folder(const char *path) {
        char elsewhere[128];

        make_link(path, 0755, true);
        (void) snprintf(elsewhere, sizeof(elsewhere), "%s/others", home);
        ck_assert_int_eq(chown(elsewhere, 4711, (gid_t) -1), 0);
}

static void make_empty(const char *path) {
        export_write_text(path, "");
}

static void make_cut(const char *path) {
        export_write_text(path, "{\n");
}

static void make_broken(const char *path) {
        put_broken(RULES_ADMIN, "bad.json");
}

static void make_garbage(const char *path) {
        Pki *garbage = pki_from_der("0\x82\x01\x01no certificate", 18);
        const ExportRow rows[] = { { .action = "deny", .port = 1, .pki = two },
                                   { .action = "deny", .port = 1, .pki = garbage } };

        export_write(path, rows, 2);
        (void) pki_free(garbage);
}

#ifdef CERTEXC_TESTING
static void make_killer(const char *path) {
        Pki *killer = pki_new(&(PkiSpec){ .subject = "certexc-test-crash" });
        const ExportRow rows[] = { { .action = "deny", .port = 1, .pki = two },
                                   { .action = "deny", .port = 1, .pki = killer } };

        export_write(path, rows, 2);
        (void) pki_free(killer);
}
#endif

static const struct {
        const char *sentence;
        void (*make)(const char *path);
        const char *reason;
        int for_root; /* 1: only root can make it; -1: root may do it all the same */
} refused[] = {
        { "a file that the group may write", make_writable, ": others than its owner may write to it. ", 0 },
        { "a file that everybody may write", make_everybodys,
          ": others than its owner may write to it. ", 0 },
        { "another's file", make_foreign, ": it does not belong to root. ", 1 },
        { "a file that the daemon may not read", make_unreadable, ": the daemon may not read it. ", -1 },
        { "a folder", make_folder, ": it is a folder. ", 0 },
        { "a pipe", make_pipe, ": it is no regular file. ", 0 },
        { "a link that leads nowhere", make_dangling, ": it is a link to something that is not there. ", 0 },
        { "a link to a file in a folder that others may write", make_link_to_open_folder,
          ": it is a link through a folder that others than its owner may write to. ", 0 },
        { "also where they may not remove it", make_link_to_sticky_folder,
          ": it is a link through a folder that others than its owner may write to. ", 0 },
        { "a link through such a folder", make_link_through_open_folder,
          ": it is a link through a folder that others than its owner may write to. ", 0 },
        { "a link to a link that others may lead elsewhere", make_link_to_link,
          ": it is a link through a folder that others than its owner may write to. ", 0 },
        { "a link to a file in another's folder", make_link_to_foreign_folder,
          ": it is a link through a folder, or to another link, of another user. ", 1 },
        { "what is no export", make_broken, ": line 2: ", 0 },
        { "what ends too early does so on its last line", make_cut, ": line 1: it ends too early. ", 0 },
        { "an empty file that masks nothing", make_empty, ": it is empty, and there is no file of the distribution ", 0 },
        { "a certificate that nobody can read", make_garbage, ": it cannot be read. ", 0 },
#ifdef CERTEXC_TESTING
        { "a certificate that kills the judge", make_killer,
          ": the worker that reads certificates failed on it. ", 0 },
#endif
};

START_TEST(what_is_refused) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        const char *path = in(RULES_ADMIN, "bad.json");
        Seen seen = { 0 };

        if (refused[_i].for_root != 0 && (geteuid() == 0) != (refused[_i].for_root > 0))
                return;
        put(RULES_ADMIN, "good.json", two);
        refused[_i].make(path);
        rules = start(&seen);
        ck_assert_msg(rules_n_warnings(rules) == 1, "%s", refused[_i].sentence);
        ck_assert_msg(strncmp(rules_warning(rules, 0), path, strlen(path)) == 0, "%s: %s",
                      refused[_i].sentence, rules_warning(rules, 0));
        ck_assert_msg(has_warning(rules, refused[_i].reason), "%s: %s", refused[_i].sentence,
                      rules_warning(rules, 0));
        ck_assert(has_warning(rules, "A denial may be missing"));
        ck_assert_msg(rules_is_doubtful(rules), "%s", refused[_i].sentence);
        ck_assert_msg(denies(rules, two), "%s: the others are not", refused[_i].sentence);
        ck_assert_msg(count(rules) == 1, "%s: nothing of it counts", refused[_i].sentence);
}
END_TEST

static const struct {
        const char *sentence;
        mode_t mode; /* 0: a file in the place of the folder; 1: a link that leads nowhere */
        const char *reason;
} bad_folders[] = {
        { "a folder that the group may write", 0775, ": others than its owner may write to it. " },
        { "a folder that everybody may write", 01777, ": others than its owner may write to it. " },
        { "a file where the folder should be", 0, ": it is no folder. " },
        { "a link to a folder that is not there", 1, ": it is a link to something that is not there. " },
};

START_TEST(what_makes_a_folder_refused) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put(RULES_ADMIN, "one.json", one);
        put(RULES_VENDOR, "two.json", two);
        if (bad_folders[_i].mode > 1)
                ck_assert_int_eq(chmod(folders[RULES_ADMIN], bad_folders[_i].mode), 0);
        else {
                ck_assert_int_eq(unlink(in(RULES_ADMIN, "one.json")), 0);
                ck_assert_int_eq(rmdir(folders[RULES_ADMIN]), 0);
                if (bad_folders[_i].mode == 0)
                        export_write_text(folders[RULES_ADMIN], "");
                else
                        ck_assert_int_eq(symlink("/nonexistent/folder", folders[RULES_ADMIN]), 0);
        }
        rules = start(&seen);
        ck_assert_msg(!denies(rules, one), "%s", bad_folders[_i].sentence);
        ck_assert_msg(has_warning(rules, bad_folders[_i].reason), "%s", bad_folders[_i].sentence);
        ck_assert_msg(rules_is_doubtful(rules), "%s", bad_folders[_i].sentence);
        ck_assert_msg(denies(rules, two), "%s: the other one is read", bad_folders[_i].sentence);
}
END_TEST

/* -- the last good reading --------------------------------------------------------------------- */

START_TEST(what_was_read_stays_in_force_while_its_file_is_broken) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put(RULES_ADMIN, "x.json", one);
        rules = start(&seen);
        for (unsigned i = 0; i < 2; i++) {
                put_broken(RULES_ADMIN, "x.json");
                reload(rules, &seen);
                ck_assert_msg(denies(rules, one), "by what was read before");
                ck_assert_msg(!rules_is_doubtful(rules), "nothing is missing");
                ck_assert(has_warning(rules, "admin/x.json: line 2: "));
                ck_assert(has_warning(rules, "What was read of it before stays in force"));
        }
        export_write_text(in(RULES_ADMIN, "x.json"), "");
        reload(rules, &seen);
        ck_assert_msg(denies(rules, one) && !rules_is_doubtful(rules), "also while it is empty");
        ck_assert(has_warning(rules, "admin/x.json: it is empty"));
        put(RULES_ADMIN, "x.json", two);
        reload(rules, &seen);
        ck_assert_msg(!denies(rules, one) && denies(rules, two), "until it is mended");
        ck_assert_uint_eq(rules_n_warnings(rules), 0);
        ck_assert_int_eq(unlink(in(RULES_ADMIN, "x.json")), 0);
        reload(rules, &seen);
        ck_assert_msg(!denies(rules, two), "or taken away");
        ck_assert_uint_eq(count(rules), 0);
}
END_TEST

START_TEST(a_doubt_ends_when_the_file_is_mended) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };
        uint64_t generation;

        put_broken(RULES_ADMIN, "x.json");
        rules = start(&seen);
        ck_assert(rules_is_doubtful(rules));
        generation = rules_generation(rules);
        put(RULES_ADMIN, "x.json", one);
        reload(rules, &seen);
        ck_assert(!rules_is_doubtful(rules));
        ck_assert(denies(rules, one));
        ck_assert_uint_gt(rules_generation(rules), generation);

        generation = rules_generation(rules);
        put_broken(RULES_ADMIN, "y.json");
        reload(rules, &seen);
        ck_assert_msg(rules_is_doubtful(rules), "a new file that was never read leaves one as well");
        ck_assert(denies(rules, one));
        ck_assert_uint_gt(rules_generation(rules), generation);
        ck_assert_int_eq(unlink(in(RULES_ADMIN, "y.json")), 0);
        reload(rules, &seen);
        ck_assert(!rules_is_doubtful(rules));
}
END_TEST

START_TEST(a_broken_cover_keeps_what_it_was_to_cover) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put(RULES_VENDOR, "x.json", one);
        put(RULES_OWN, "x.json", two);
        rules = start(&seen);
        put_broken(RULES_ADMIN, "x.json");
        reload(rules, &seen);
        ck_assert_msg(denies(rules, one), "a denial does not vanish by a slip of the pen");
        ck_assert_msg(denies(rules, two), "one's own is not meant");
        ck_assert_uint_eq(count(rules), 2);
        ck_assert(has_warning(rules, "What was read of it before stays in force"));
}
END_TEST

/* What the administrator took away does not stand in for what the distribution then says. */
START_TEST(a_cover_that_was_taken_away_holds_no_more) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put_broken(RULES_VENDOR, "x.json");
        put(RULES_ADMIN, "x.json", one);
        rules = start(&seen);
        ck_assert(denies(rules, one));
        ck_assert(!rules_is_doubtful(rules));
        ck_assert_int_eq(unlink(in(RULES_ADMIN, "x.json")), 0);
        reload(rules, &seen);
        ck_assert(!denies(rules, one));
        ck_assert_msg(rules_is_doubtful(rules), "the distribution may deny something");
}
END_TEST

START_TEST(a_folder_that_is_no_more_readable_keeps_its_files_and_leaves_a_doubt) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put(RULES_ADMIN, "x.json", one);
        put(RULES_ADMIN, "y.json", two);
        rules = start(&seen);
        ck_assert_int_eq(chmod(folders[RULES_ADMIN], 0777), 0);
        for (unsigned i = 0; i < 2; i++) {
                reload(rules, &seen);
                ck_assert(denies(rules, one) && denies(rules, two));
                ck_assert(rules_is_doubtful(rules));
                ck_assert_uint_eq(rules_n_warnings(rules), 1);
        }
        ck_assert_int_eq(chmod(folders[RULES_ADMIN], 0755), 0);
        reload(rules, &seen);
        ck_assert(denies(rules, one) && denies(rules, two));
        ck_assert_uint_eq(count(rules), 2);
        ck_assert(!rules_is_doubtful(rules));
}
END_TEST

START_TEST(the_last_of_several_reloads_counts) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put(RULES_ADMIN, "x.json", one);
        rules = start(&seen);
        for (unsigned i = 0; i < 3; i++)
                rules_reload(rules);
        put(RULES_ADMIN, "x.json", two);
        reload(rules, &seen);
        ck_assert_uint_eq(seen.n_calls, 1);
        ck_assert(!denies(rules, one) && denies(rules, two));
        rules_reload(rules); /* and whoever goes meanwhile takes it along */
}
END_TEST

static void add(TCase *tcase) {
        tcase_add_test(tcase, nothing_is_there);
        tcase_add_loop_test(tcase, which_files_count, 0, N_ELEMENTS(places));
        tcase_add_loop_test(tcase, what_is_refused, 0, N_ELEMENTS(refused));
        tcase_add_loop_test(tcase, what_makes_a_folder_refused, 0, N_ELEMENTS(bad_folders));
        tcase_add_test(tcase, what_was_read_stays_in_force_while_its_file_is_broken);
        tcase_add_test(tcase, a_doubt_ends_when_the_file_is_mended);
        tcase_add_test(tcase, a_broken_cover_keeps_what_it_was_to_cover);
        tcase_add_test(tcase, a_cover_that_was_taken_away_holds_no_more);
        tcase_add_test(tcase, a_folder_that_is_no_more_readable_keeps_its_files_and_leaves_a_doubt);
        tcase_add_test(tcase, the_last_of_several_reloads_counts);
}

int main(int argc, char **argv) {
        int status = worker_dispatch(argc, argv);

        return status >= 0 ? status : run("rules", add);
}
