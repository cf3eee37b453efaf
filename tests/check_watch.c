/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders that are watched by more than one, each for something else: whatever happens there, the loop goes on. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/trust-sources.h"
#include "daemon/watch.h"

static unsigned n_touched, n_named;

static void on_sources(void *userdata) {
        n_touched++;
}

static void on_named(const char *name, void *userdata) {
        n_named += name && strcmp(name, "file") == 0;
}

static void turn(sd_event *event) {
        while (sd_event_run(event, 0) > 0)
                ;
}

static const char *in(const char *folder, const char *name) {
        static char path[128];

        (void) snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

/* The trust file lies where the folder of the block list will be. What was noticed for a watch that has gone
 * deeper meanwhile is nothing to the one that stays: libsystemd before 256 never comes back from that. */
START_TEST(what_nobody_waits_for_any_more_does_no_harm) {
        char folder[] = "/tmp/certexc-check-watch-XXXXXX", trust[128], blocked[128];
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sources_freep) Sources *sources = NULL;
        TrustFolders folders = { { NULL } };

        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_ptr_nonnull(mkdtemp(folder));
        (void) snprintf(trust, sizeof(trust), "%s", in(folder, "trust.pem"));
        (void) snprintf(blocked, sizeof(blocked), "%s", in(folder, "blocked.d"));
        folders.paths[0] = blocked;
        ck_assert_int_eq(sources_new(event, trust, &folders, on_sources, NULL, &sources), 0);
        turn(event);

        ck_assert_int_eq(mkdir(blocked, 0700), 0);
        ck_assert_int_eq(chmod(blocked, 0755), 0);
        (void) alarm(20);
        turn(event);
        (void) alarm(0);
        ck_assert_msg(n_touched > 0, "a folder that arrives is noticed");

        n_touched = 0;
        ck_assert_int_eq(chmod(folder, 0755), 0);
        turn(event);
        ck_assert_uint_eq(n_touched, 0);
        ck_assert_int_eq(rmdir(blocked), 0);
        ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_folder_is_found_when_it_comes) {
        char folder[] = "/tmp/certexc-check-watch-XXXXXX", deep[128], file[160];
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(watch_freep) Watch *watch = NULL;
        FILE *f;

        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_ptr_nonnull(mkdtemp(folder));
        (void) snprintf(deep, sizeof(deep), "%s", in(folder, "a/b"));
        ck_assert_int_eq(watch_new(event, deep, on_named, NULL, &watch), 0);
        ck_assert_int_eq(mkdir(in(folder, "a"), 0755), 0);
        turn(event);
        ck_assert_int_eq(mkdir(deep, 0755), 0);
        turn(event);
        (void) snprintf(file, sizeof(file), "%s/file", deep);
        f = fopen(file, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(fclose(f), 0);
        turn(event);
        ck_assert_uint_gt(n_named, 0);
        ck_assert_int_eq(unlink(file), 0);
        ck_assert_int_eq(rmdir(deep), 0);
        ck_assert_int_eq(rmdir(in(folder, "a")), 0);
        ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("watch");
        TCase *tcase = tcase_create("watch");
        SRunner *runner = srunner_create(suite);
        int failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, what_nobody_waits_for_any_more_does_no_harm);
        tcase_add_test(tcase, a_folder_is_found_when_it_comes);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? 0 : 1;
}
