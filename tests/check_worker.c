/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker process is started with, and what ends it. This program is its own worker. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "daemon/reaper.h"
#include "daemon/worker.h"

#define INVENTORY_ROLE "--worker=inventory"
#define WAITER_ROLE "--worker=waiter"

/* What a worker finds itself with. */
typedef struct Inventory {
        int n_arguments;
        char argument[32];
        int n_descriptors; /* open ones, but for stderr, which testing builds keep */
        bool has_extra;
        int n_variables; /* but for those that the tools need */
        bool signals_blocked;
        bool signals_ignored;
        int death_signal;
        bool leads_group;
} Inventory;

static int count_descriptors(void) {
        int n = 0;

        for (int fd = 0; fd < 1024; fd++)
                if (fd != STDERR_FILENO && fcntl(fd, F_GETFD) >= 0)
                        n++;
        return n;
}

static void inventory_run(int argc, char *argv[]) {
        Inventory inventory = {};
        struct sigaction action;
        sigset_t blocked;

        inventory.n_arguments = argc;
        (void) snprintf(inventory.argument, sizeof(inventory.argument), "%s", argv[2] ? argv[2] : "");
        inventory.n_descriptors = count_descriptors();
        inventory.has_extra = fcntl(WORKER_EXTRA_FD, F_GETFD) >= 0;
        for (char **e = environ; *e; e++)
                if (!strstr(*e, "SAN_OPTIONS=") && strncmp(*e, "LD_", 3) != 0 &&
                    strncmp(*e, "GLIBC", 5) != 0 && strncmp(*e, "VALGRIND", 8) != 0)
                        inventory.n_variables++;

        (void) sigprocmask(SIG_SETMASK, NULL, &blocked);
        inventory.signals_blocked = sigismember(&blocked, SIGTERM) == 1;
        (void) sigaction(SIGPIPE, NULL, &action);
        inventory.signals_ignored = action.sa_handler == SIG_IGN;
        (void) prctl(PR_GET_PDEATHSIG, &inventory.death_signal);
        inventory.leads_group = getpgrp() == getpid();

        if (write(WORKER_SOCKET_FD, &inventory, sizeof(inventory)) != sizeof(inventory))
                _exit(1);
}

static void pair_new(int pair[static 2]) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static Inventory take_inventory(const char *argument, int extra_fd) {
        _cleanup_fd_ int program = -1, near = -1, far = -1;
        Process process = PROCESS_INIT;
        Inventory inventory = {};
        int pair[2];

        pair_new(pair);
        near = pair[0];
        far = pair[1];
        ck_assert_int_eq(worker_open_program(&program), 0);
        ck_assert_int_eq(worker_spawn(program, INVENTORY_ROLE, argument, far, extra_fd, &process), 0);
        far = close_fd(far);
        ck_assert_int_eq(read(near, &inventory, sizeof(inventory)), sizeof(inventory));
        ck_assert(process_reap(&process, true));
        ck_assert_int_eq(process.pid, 0);
        ck_assert_int_eq(process.pidfd, -1);
        return inventory;
}

START_TEST(a_worker_has_next_to_nothing) {
        _cleanup_fd_ int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC on purpose */
        Inventory inventory;
        sigset_t term;

        ck_assert_int_ge(leak, 0);
        ck_assert_int_eq(setenv("CERTEXC_SOCKET", "/nowhere", 1), 0);
        (void) sigemptyset(&term);
        (void) sigaddset(&term, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &term, NULL);
        (void) signal(SIGPIPE, SIG_IGN);

        inventory = take_inventory(NULL, -1);
        (void) signal(SIGPIPE, SIG_DFL);
        (void) sigprocmask(SIG_UNBLOCK, &term, NULL);
        ck_assert_int_eq(inventory.n_arguments, 2);
        ck_assert_int_eq(inventory.n_descriptors, 3);
        ck_assert(!inventory.has_extra);
        ck_assert_int_eq(inventory.n_variables, 0);
        ck_assert(!inventory.signals_blocked);
        ck_assert(!inventory.signals_ignored);
        ck_assert_int_eq(inventory.death_signal, SIGKILL);
        ck_assert(inventory.leads_group);
}
END_TEST

START_TEST(an_argument_and_another_descriptor_go_along) {
        _cleanup_fd_ int extra = open("/dev/null", O_RDONLY | O_CLOEXEC);
        Inventory inventory = take_inventory("a word", extra);

        ck_assert_int_eq(inventory.n_arguments, 3);
        ck_assert_str_eq(inventory.argument, "a word");
        ck_assert_int_eq(inventory.n_descriptors, 4);
        ck_assert(inventory.has_extra);
}
END_TEST

/* Our descriptors lie where the worker's have to go, in the wrong order. */
START_TEST(descriptors_in_each_other_s_place) {
        _cleanup_fd_ int program = -1;
        Process process = PROCESS_INIT;
        Inventory inventory = {};
        int pair[2], near, saved_3, saved_4;

        ck_assert_int_eq(worker_open_program(&program), 0);
        program = fcntl(program, F_DUPFD_CLOEXEC, 64);
        pair_new(pair);
        near = fcntl(pair[0], F_DUPFD_CLOEXEC, 64);
        saved_3 = fcntl(3, F_DUPFD_CLOEXEC, 64);
        saved_4 = fcntl(4, F_DUPFD_CLOEXEC, 64);
        ck_assert_int_eq(dup2(pair[1], 40), 40);
        ck_assert_int_eq(dup2(40, WORKER_EXTRA_FD), WORKER_EXTRA_FD);
        ck_assert_int_eq(dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), WORKER_SOCKET_FD),
                         WORKER_SOCKET_FD);

        ck_assert_int_eq(worker_spawn(program, INVENTORY_ROLE, NULL, WORKER_EXTRA_FD,
                                      WORKER_SOCKET_FD, &process), 0);
        if (saved_3 >= 0)
                ck_assert_int_eq(dup2(saved_3, 3), 3);
        if (saved_4 >= 0)
                ck_assert_int_eq(dup2(saved_4, 4), 4);
        ck_assert_int_eq(read(near, &inventory, sizeof(inventory)), sizeof(inventory));
        ck_assert_int_eq(inventory.n_descriptors, 4);
        ck_assert(process_reap(&process, true));
}
END_TEST

START_TEST(what_is_no_program_is_told_by_the_end_of_the_socket) {
        _cleanup_fd_ int program = open("/dev/null", O_PATH | O_CLOEXEC);
        Process process = PROCESS_INIT;
        int pair[2];
        char c;

        pair_new(pair);
        ck_assert_int_eq(worker_spawn(program, INVENTORY_ROLE, NULL, pair[1], -1, &process), 0);
        (void) close_fd(pair[1]);
        ck_assert_int_eq(read(pair[0], &c, 1), 0);
        ck_assert(process_reap(&process, true));
        (void) close_fd(pair[0]);
}
END_TEST

/* A worker in a middle process; its socket ends with it, though nobody closes the other end. */
START_TEST(a_worker_dies_with_the_daemon) {
        int pair[2], status;
        pid_t middle;
        char c;

        pair_new(pair);
        middle = fork();
        ck_assert_int_ge(middle, 0);
        if (middle == 0) {
                Process process = PROCESS_INIT;
                int program;

                if (worker_open_program(&program) < 0 ||
                    worker_spawn(program, WAITER_ROLE, NULL, pair[1], -1, &process) < 0)
                        _exit(1);
                /* It is there when it has said so; then we are killed. */
                if (read(pair[0], &c, 1) == 1)
                        (void) kill(getpid(), SIGKILL);
                _exit(1);
        }

        (void) close_fd(pair[1]);
        ck_assert_int_eq(waitpid(middle, &status, 0), middle);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(read(pair[0], &c, 1), 0);
        (void) close_fd(pair[0]);
}
END_TEST

START_TEST(the_reaper_does_not_wait_and_leaves_no_zombie) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Process processes[3];
        Reaper *reaper = NULL;
        int pair[2], program;

        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_int_eq(reaper_new(event, &reaper), 0);
        ck_assert_int_eq(worker_open_program(&program), 0);
        pair_new(pair);
        for (size_t i = 0; i < N_ELEMENTS(processes); i++) {
                processes[i] = (Process) PROCESS_INIT;
                ck_assert_int_eq(worker_spawn(program, WAITER_ROLE, NULL, pair[1], -1,
                                              &processes[i]), 0);
        }

        reaper_end(reaper, &processes[0]);
        reaper_end(reaper, &processes[1]);
        ck_assert_int_eq(processes[0].pid, 0);
        /* Once by the loop, and the rest by the end. */
        (void) sd_event_run(event, UINT64_C(10000000));
        reaper_end(reaper, &processes[2]);
        ck_assert_ptr_null(reaper_free(reaper));
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
        ck_assert_int_eq(errno, ECHILD);
        (void) close_fd(program);
}
END_TEST

START_TEST(another_s_name_is_no_worker) {
        char *none[] = { NULL };
        char *alone[] = { (char *) "--worker=judge", NULL };
        char *other[] = { (char *) "certexcd", (char *) "--user", NULL };

        ck_assert_int_eq(worker_dispatch(0, none), -1);
        ck_assert_int_eq(worker_dispatch(1, alone), -1);
        ck_assert_int_eq(worker_dispatch(2, other), -1);
}
END_TEST

int main(int argc, char *argv[]) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed;

        if (worker_is(argc, argv, INVENTORY_ROLE)) {
                inventory_run(argc, argv);
                return 0;
        }
        if (worker_is(argc, argv, WAITER_ROLE)) {
                (void) !write(WORKER_SOCKET_FD, "", 1);
                for (;;)
                        (void) pause();
        }

        suite = suite_create("worker");
        tcase = tcase_create("worker");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, a_worker_has_next_to_nothing);
        tcase_add_test(tcase, an_argument_and_another_descriptor_go_along);
        tcase_add_test(tcase, descriptors_in_each_other_s_place);
        tcase_add_test(tcase, what_is_no_program_is_told_by_the_end_of_the_socket);
        tcase_add_test(tcase, a_worker_dies_with_the_daemon);
        tcase_add_test(tcase, the_reaper_does_not_wait_and_leaves_no_zombie);
        tcase_add_test(tcase, another_s_name_is_no_worker);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
