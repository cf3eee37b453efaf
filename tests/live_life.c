/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon's life: starting, its socket file, being passed one, reloading, stopping. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "client/encoding.h"
#include "tests/fixture.h"
#include "tests/pki.h"

#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"
#define STATUS "{\"method\":\"org.certexc1.GetStatus\"}"
#define MONITOR "{\"method\":\"org.certexc1.Monitor\",\"more\":true}"

static Fixture *f;

static void set_up(void) {
        f = fixture_new();
        f->how.quiet = true;
}

static void tear_down(void) {
        f = fixture_free(f);
}

static void answers(void) {
        _cleanup_(peer_freep) Peer *peer = peer_new(f);
        struct json_object *reply = peer_call(peer, INFO);

        ck_assert_str_eq(reply_error(reply), "");
        (void) json_object_put(reply);
}

static bool is_there(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0;
}

static unsigned mode_of(const char *path) {
        struct stat st;

        ck_assert_msg(lstat(path, &st) == 0, "%s: %s", path, strerror(errno));
        return st.st_mode & 07777;
}

static void put_file(const char *path, const char *text) {
        FILE *file = fopen(path, "we");

        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
}

/* The exit status of the daemon that fixture_launch() started. */
static int end_of(void) {
        int status = launch_wait_end(&f->launch, FIXTURE_WAIT_MSEC);

        ck_assert_int_ge(status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* -- the socket file --------------------------------------------------------------------- */

START_TEST(files_are_only_as_open_as_they_must_be) {
        fixture_start(f, NULL);
        ck_assert_uint_eq(mode_of(fixture_path(f, "run")), 0755);
        ck_assert_uint_eq(mode_of(fixture_path(f, "run/org.certexc1")), 0666);
        ck_assert_uint_eq(mode_of(fixture_path(f, "state")), 0700);
        ck_assert_uint_eq(mode_of(fixture_path(f, "state/certexc.db")), 0600);
        ck_assert_int_eq(fixture_stop(f), 0);
        ck_assert(!is_there(f->socket_path));
}
END_TEST

START_TEST(a_user_keeps_all_closed) {
        static const char *const user[] = { "--user", NULL };

        fixture_start(f, user);
        ck_assert_uint_eq(mode_of(fixture_path(f, "run")), 0700);
        ck_assert_uint_eq(mode_of(fixture_path(f, "run/org.certexc1")), 0600);
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

START_TEST(an_open_state_directory_is_closed) {
        ck_assert_int_eq(mkdir(fixture_path(f, "state"), 0755), 0);
        fixture_start(f, NULL);
        ck_assert_uint_eq(mode_of(fixture_path(f, "state")), 0700);
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

START_TEST(the_state_directory_of_another_is_refused) {
        if (geteuid() != 0)
                return;
        ck_assert_int_eq(mkdir(fixture_path(f, "state"), 0700), 0);
        ck_assert_int_eq(chown(fixture_path(f, "state"), 61000, 61000), 0);
        fixture_launch(f, NULL);
        ck_assert_int_eq(end_of(), EXIT_FAILURE);
        ck_assert(!is_there(fixture_path(f, "state/certexc.db")));
}
END_TEST

START_TEST(a_living_socket_is_not_stolen) {
        _cleanup_(fixture_freep) Fixture *second = fixture_new();
        _cleanup_free_ char *option = NULL;
        const char *arguments[] = { NULL, NULL };

        fixture_start(f, NULL);
        ck_assert_int_gt(asprintf(&option, "--socket=%s", f->socket_path), 0);
        arguments[0] = option;
        second->how.quiet = true;
        fixture_launch(second, arguments);
        ck_assert_int_eq(WEXITSTATUS(launch_wait_end(&second->launch, FIXTURE_WAIT_MSEC)),
                         EXIT_FAILURE);
        answers();
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

/* As a service manager listens: without our lock. */
START_TEST(nor_is_one_without_a_lock) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(mkdir(fixture_path(f, "run"), 0755), 0);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket_path);
        ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        fixture_launch(f, NULL);
        ck_assert_int_eq(end_of(), EXIT_FAILURE);
        ck_assert(is_there(f->socket_path));

        /* Its owner dies: now it may be replaced. */
        fd = close_fd(fd);
        fixture_start(f, NULL);
        answers();
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

/* Another that is about to bind holds the lock, and there is no socket yet. */
START_TEST(two_at_once_do_not_take_it_from_each_other) {
        _cleanup_fd_ int fd = -1;

        ck_assert_int_eq(mkdir(fixture_path(f, "run"), 0755), 0);
        fd = open(fixture_path(f, "run/org.certexc1.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_eq(flock(fd, LOCK_EX), 0);
        fixture_launch(f, NULL);
        ck_assert_int_eq(end_of(), EXIT_FAILURE);
        fd = close_fd(fd);
        fixture_start(f, NULL);
        answers();
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

START_TEST(a_dead_socket_is_replaced) {
        fixture_start(f, NULL);
        (void) kill(f->launch.pid, SIGKILL);
        ck_assert_int_eq(end_of(), 128 + SIGKILL);
        ck_assert(is_there(f->socket_path));
        fixture_start(f, NULL);
        answers();
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone) {
        ck_assert_int_eq(mkdir(fixture_path(f, "run"), 0755), 0);
        put_file(f->socket_path, "");
        fixture_launch(f, NULL);
        ck_assert_int_eq(end_of(), EXIT_FAILURE);
        ck_assert(is_there(f->socket_path));
}
END_TEST

START_TEST(another_s_socket_is_not_removed_at_the_end) {
        fixture_start(f, NULL);
        ck_assert_int_eq(rename(f->socket_path, fixture_path(f, "run/moved")), 0);
        put_file(f->socket_path, "");
        ck_assert_int_eq(fixture_stop(f), 0);
        ck_assert(is_there(f->socket_path));
}
END_TEST

START_TEST(too_long_a_path_is_told) {
        _cleanup_free_ char *option = NULL;
        const char *arguments[] = { NULL, NULL };

        ck_assert_int_gt(asprintf(&option, "--socket=%s/run/%0100d", f->directory, 7), 0);
        arguments[0] = option;
        fixture_launch(f, arguments);
        ck_assert_int_eq(end_of(), EXIT_FAILURE);
}
END_TEST

/* -- a socket from the service manager --------------------------------------------------- */

static int open_passed(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                        fixture_path(f, "passed"));
        ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        return fd;
}

static void point_clients_at_passed(void) {
        free(f->socket_path);
        f->socket_path = strdup(fixture_path(f, "passed"));
}

START_TEST(a_passed_socket_is_taken_and_stays) {
        _cleanup_fd_ int fd = open_passed();

        f->how.listen_fd = fd;
        fixture_start(f, NULL);
        ck_assert(!is_there(f->socket_path));
        point_clients_at_passed();
        answers();
        ck_assert_int_eq(fixture_stop(f), 0);
        ck_assert(is_there(f->socket_path));
}
END_TEST

START_TEST(who_waits_in_a_passed_socket_at_the_end_is_left_to_the_next) {
        _cleanup_fd_ int fd = open_passed(), waiting = -1;
        _cleanup_(peer_freep) Peer *peer = NULL;
        char call[sizeof(INFO)];

        f->how.listen_fd = fd;
        fixture_start(f, NULL);
        point_clients_at_passed();
        answers();
        ck_assert_int_eq(kill(f->launch.pid, SIGSTOP), 0);
        peer = peer_new(f);
        ck_assert(peer_send(peer, INFO));
        ck_assert_int_eq(kill(f->launch.pid, SIGTERM), 0);
        ck_assert_int_eq(kill(f->launch.pid, SIGCONT), 0);
        ck_assert_int_eq(end_of(), EXIT_SUCCESS);
        waiting = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        ck_assert_int_ge(waiting, 0);
        ck_assert_int_eq(recv(waiting, call, sizeof(call), 0), (int) sizeof(call));
        ck_assert_str_eq(call, INFO);
}
END_TEST

START_TEST(a_passed_descriptor_of_another_kind_is_not_taken) {
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        f->how.listen_fd = fd;
        fixture_start(f, NULL);
        answers();
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

static void put_conf(const char *text) {
        (void) mkdir(fixture_path(f, "conf"), 0755);
        put_file(fixture_path(f, "conf/certexcd.conf"), text);
}

START_TEST(with_a_passed_socket_an_idle_daemon_leaves) {
        _cleanup_fd_ int fd = open_passed();
        _cleanup_(peer_freep) Peer *peer = NULL;

        put_conf("[Daemon]\nIdleExitSec=1\n");
        f->how.listen_fd = fd;
        fixture_start(f, NULL);
        point_clients_at_passed();
        /* Not while somebody is connected. */
        peer = peer_new(f);
        ck_assert_int_eq(launch_wait_end(&f->launch, 1500), -ETIMEDOUT);
        peer = peer_free(peer);
        ck_assert_int_eq(end_of(), EXIT_SUCCESS);
        ck_assert_ptr_nonnull(strstr(f->launch.heard, "STOPPING=1"));
}
END_TEST

START_TEST(with_its_own_socket_an_idle_daemon_stays) {
        put_conf("[Daemon]\nIdleExitSec=1\n");
        fixture_start(f, NULL);
        ck_assert_int_eq(launch_wait_end(&f->launch, 1500), -ETIMEDOUT);
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

/* -- the service manager ----------------------------------------------------------------- */

START_TEST(the_watchdog_is_fed) {
        static const char *const settings[] = { "WATCHDOG_USEC=400000", NULL };

        f->how.settings = settings;
        fixture_start(f, NULL);
        for (unsigned i = 0; i < 3; i++) {
                ck_assert_int_eq(launch_wait(&f->launch, "WATCHDOG=1", FIXTURE_WAIT_MSEC), 0);
                *strstr(f->launch.heard, "WATCHDOG=1") = '-';
        }
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

static bool has_warning(Peer *peer, const char *word) {
        struct json_object *reply = peer_call(peer, STATUS), *warnings;
        bool found;

        warnings = reply_field(reply, "warnings");
        ck_assert_ptr_nonnull(warnings);
        found = strstr(json_object_get_string(warnings), word) != NULL;
        (void) json_object_put(reply);
        return found;
}

START_TEST(a_reload_reads_everything_again) {
        _cleanup_(pki_freep) Pki *ca = pki_new(&(PkiSpec){ .subject = "Root", .ca = true });
        _cleanup_(peer_freep) Peer *peer = NULL, *monitor = NULL;
        const Pki *const list[] = { ca };
        struct json_object *reply;

        fixture_start(f, NULL);
        peer = peer_new(f);
        monitor = peer_new(f);
        reply = peer_call(monitor, MONITOR);
        ck_assert_str_eq(json_object_get_string(reply_field(reply, "event")), "ready");
        (void) json_object_put(reply);
        ck_assert(!has_warning(peer, "Wildcards=no"));

        put_conf("[Checks]\nWildcards=no\n");
        pki_write(fixture_path(f, "authorities.pem"), list, 1, false);
        (void) kill(f->launch.pid, SIGHUP);
        ck_assert_int_eq(launch_wait(&f->launch, "RELOADING=1", FIXTURE_WAIT_MSEC), 0);
        ck_assert_int_eq(launch_wait(&f->launch, "with 1 authority", FIXTURE_WAIT_MSEC), 0);
        reply = peer_reply(monitor, FIXTURE_WAIT_MSEC);
        ck_assert_str_eq(json_object_get_string(reply_field(reply, "event")),
                         "authorities-changed");
        (void) json_object_put(reply);
        ck_assert(has_warning(peer, "Wildcards=no"));
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

static int64_t generation(void) {
        _cleanup_(peer_freep) Peer *peer = peer_new(f);
        struct json_object *reply = peer_call(peer, STATUS);
        int64_t n = json_object_get_int64(reply_field(reply, "generation"));

        (void) json_object_put(reply);
        return n;
}

/* Who remembers verdicts by it remembers none that would be another now. */
START_TEST(the_generation_grows_with_the_configuration_and_from_daemon_to_daemon) {
        int64_t before;

        fixture_start(f, NULL);
        before = generation();
        ck_assert_int_gt(before, 0);
        ck_assert_msg(generation() == before, "nothing has changed");
        put_conf("[Verdict]\nNever=self-signed\n");
        (void) kill(f->launch.pid, SIGHUP);
        ck_assert_int_eq(launch_wait(&f->launch, "RELOADING=1", FIXTURE_WAIT_MSEC), 0);
        ck_assert_int_eq(launch_wait(&f->launch, "READY=1", FIXTURE_WAIT_MSEC), 0);
        ck_assert_int_gt(generation(), before);
        before = generation();
        ck_assert_int_eq(fixture_stop(f), 0);
        fixture_start(f, NULL);
        ck_assert_int_gt(generation(), before);
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

START_TEST(a_configuration_that_cannot_be_read_changes_nothing) {
        _cleanup_(peer_freep) Peer *peer = NULL;

        put_conf("[Checks]\nWildcards=no\n");
        fixture_start(f, NULL);
        ck_assert_int_eq(remove(fixture_path(f, "conf/certexcd.conf")), 0);
        ck_assert_int_eq(mkdir(fixture_path(f, "conf/certexcd.conf"), 0755), 0);
        (void) kill(f->launch.pid, SIGHUP);
        ck_assert_int_eq(launch_wait(&f->launch, "RELOADING=1", FIXTURE_WAIT_MSEC), 0);
        peer = peer_new(f);
        ck_assert(has_warning(peer, "Wildcards=no"));
        ck_assert_int_eq(fixture_stop(f), 0);

        fixture_launch(f, NULL);
        ck_assert_int_eq(end_of(), EXIT_FAILURE);
}
END_TEST

/* -- stopping ---------------------------------------------------------------------------- */

START_TEST(a_monitor_does_not_hold_the_end_up) {
        _cleanup_(peer_freep) Peer *monitor = NULL, *idle = NULL;
        struct json_object *reply;

        fixture_start(f, NULL);
        monitor = peer_new(f);
        idle = peer_new(f);
        reply = peer_call(monitor, MONITOR);
        ck_assert_str_eq(reply_error(reply), "");
        (void) json_object_put(reply);
        (void) kill(f->launch.pid, SIGTERM);
        ck_assert_int_eq(launch_wait(&f->launch, "STOPPING=1", FIXTURE_WAIT_MSEC), 0);
        ck_assert_int_eq(launch_wait_end(&f->launch, 4000), 0);
        ck_assert(peer_is_closed(monitor, 0));
        ck_assert(peer_is_closed(idle, 0));
}
END_TEST

#ifdef CERTEXC_TESTING
START_TEST(a_call_at_work_is_answered_before_the_end) {
        static const char *const settings[] = { "CERTEXC_TEST_JUDGE_CPU_MSEC=500", NULL };
        _cleanup_(pki_freep) Pki *spin = pki_new(&(PkiSpec){ .subject = "certexc-test-spin" });
        _cleanup_(peer_freep) Peer *peer = NULL, *other = NULL;
        Blob der = pki_der(spin);
        _cleanup_free_ char *chain = malloc(BASE64_SIZE(der.size)), *call = NULL;
        struct json_object *reply;

        base64_encode(der.data, der.size, chain);
        ck_assert_int_gt(asprintf(&call,
                                  "{\"method\":\"org.certexc1.Verify\",\"parameters\":{\"host\":"
                                  "\"a.example\",\"port\":993,\"chain\":[\"%s\"]}}",
                                  chain),
                         0);
        f->how.settings = settings;
        fixture_start(f, NULL);
        peer = peer_new(f);
        ck_assert(peer_send(peer, call));
        ck_assert(peer_send(peer, INFO));
        /* Its judge is at work when the daemon tells so. */
        other = peer_new(f);
        for (int judges = 0; judges == 0;) {
                reply = peer_call(other, STATUS);
                judges = json_object_get_int(reply_field(reply, "judges"));
                (void) json_object_put(reply);
        }

        (void) kill(f->launch.pid, SIGTERM);
        reply = peer_reply(peer, FIXTURE_WAIT_MSEC);
        ck_assert_str_eq(reply_error(reply), "org.certexc1.JudgeFailed");
        (void) json_object_put(reply);
        /* The call behind it was not begun. */
        ck_assert_ptr_null(peer_reply(peer, FIXTURE_WAIT_MSEC));
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
        ck_assert_int_eq(end_of(), EXIT_SUCCESS);
}
END_TEST
#endif

/* -- who may come in --------------------------------------------------------------------- */

static int is_turned_away(void *userdata) {
        _cleanup_(peer_freep) Peer *peer = peer_new(f);
        struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);
        bool denied = strcmp(reply_error(reply), "org.certexc1.AccessDenied") == 0;

        (void) json_object_put(reply);
        return denied && peer_is_closed(peer, FIXTURE_WAIT_MSEC) ? 0 : 1;
}

START_TEST(a_user_s_daemon_serves_nobody_else) {
        static const char *const user[] = { "--user", NULL };

        if (geteuid() != 0)
                return;
        fixture_start(f, user);
        /* Only if somebody has opened what is closed, another gets as far as the daemon. */
        ck_assert_int_eq(chmod(fixture_path(f, "run"), 0755), 0);
        ck_assert_int_eq(chmod(f->socket_path, 0666), 0);
        ck_assert_int_eq(fixture_as(61000, is_turned_away, NULL), 0);
        answers();
        ck_assert_int_eq(fixture_stop(f), 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("life");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_set_timeout(tcase, 180);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, files_are_only_as_open_as_they_must_be);
        tcase_add_test(tcase, a_user_keeps_all_closed);
        tcase_add_test(tcase, an_open_state_directory_is_closed);
        tcase_add_test(tcase, the_state_directory_of_another_is_refused);
        tcase_add_test(tcase, a_living_socket_is_not_stolen);
        tcase_add_test(tcase, nor_is_one_without_a_lock);
        tcase_add_test(tcase, two_at_once_do_not_take_it_from_each_other);
        tcase_add_test(tcase, a_dead_socket_is_replaced);
        tcase_add_test(tcase, what_is_no_socket_is_left_alone);
        tcase_add_test(tcase, another_s_socket_is_not_removed_at_the_end);
        tcase_add_test(tcase, too_long_a_path_is_told);
        tcase_add_test(tcase, a_passed_socket_is_taken_and_stays);
        tcase_add_test(tcase, who_waits_in_a_passed_socket_at_the_end_is_left_to_the_next);
        tcase_add_test(tcase, a_passed_descriptor_of_another_kind_is_not_taken);
        tcase_add_test(tcase, with_a_passed_socket_an_idle_daemon_leaves);
        tcase_add_test(tcase, with_its_own_socket_an_idle_daemon_stays);
        tcase_add_test(tcase, the_watchdog_is_fed);
        tcase_add_test(tcase, a_reload_reads_everything_again);
        tcase_add_test(tcase, a_configuration_that_cannot_be_read_changes_nothing);
        tcase_add_test(tcase, the_generation_grows_with_the_configuration_and_from_daemon_to_daemon);
        tcase_add_test(tcase, a_monitor_does_not_hold_the_end_up);
#ifdef CERTEXC_TESTING
        tcase_add_test(tcase, a_call_at_work_is_answered_before_the_end);
#endif
        tcase_add_test(tcase, a_user_s_daemon_serves_nobody_else);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
