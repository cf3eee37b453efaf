/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting a program and hearing of it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "client/cleanup.h"
#include "tests/launch.h"

/* SD_LISTEN_FDS_START, by its protocol. */
#define LISTEN_FD 3

static int64_t now_msec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A socket with a name that the kernel chooses: "@" and the name in @ret_name, as in
 * sd_notify(3). */
static int open_notify(int *ret_fd, char ret_name[static sizeof(struct sockaddr_un)]) {
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t length = sizeof(address);
        size_t n;

        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(sa_family_t)) < 0 ||
            getsockname(fd, (struct sockaddr *) &address, &length) < 0)
                return -errno;

        n = length - offsetof(struct sockaddr_un, sun_path);
        memcpy(ret_name, address.sun_path, n);
        ret_name[0] = '@';
        ret_name[n] = '\0';
        *ret_fd = take_fd(&fd);
        return 0;
}

static void child_environment(const LaunchHow *how, const char *notify) {
        char pid[16];

        (void) setenv("NOTIFY_SOCKET", notify, 1);
        (void) unsetenv("JOURNAL_STREAM");
        (void) unsetenv("WATCHDOG_USEC");
        (void) unsetenv("WATCHDOG_PID");
        (void) unsetenv("LISTEN_PID");
        (void) unsetenv("LISTEN_FDS");
        if (how->listen_fd >= 0) {
                (void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
                (void) setenv("LISTEN_PID", pid, 1);
                (void) setenv("LISTEN_FDS", "1", 1);
        }
        for (const char *const *s = how->settings; s && *s; s++)
                (void) putenv((char *) *s);
}

static void __attribute__((noreturn))
child_run(const char *const argv[], const LaunchHow *how, const char *notify) {
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        child_environment(how, notify);
        /* Nobody shall wait for the end of our output because the daemon holds it open. */
        (void) dup2(null_fd, STDIN_FILENO);
        (void) dup2(how->quiet ? null_fd : STDERR_FILENO, STDOUT_FILENO);
        if (how->quiet)
                (void) dup2(null_fd, STDERR_FILENO);
        if (how->listen_fd >= 0) {
                if (how->listen_fd == LISTEN_FD)
                        (void) fcntl(LISTEN_FD, F_SETFD, 0);
                else
                        (void) dup2(how->listen_fd, LISTEN_FD);
        }
        (void) execvp(argv[0], (char *const *) argv);
        (void) fprintf(stderr, "Cannot run %s: %m\n", argv[0]);
        _exit(127);
}

int launch_start(const char *const argv[], const LaunchHow *how, Launch *ret) {
        char notify[sizeof(struct sockaddr_un)];
        _cleanup_fd_ int notify_fd = -1;
        pid_t pid;
        int r;

        r = open_notify(&notify_fd, notify);
        if (r < 0)
                return r;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_run(argv, how, notify);

        *ret = (Launch){
                .pid = pid,
                .pid_fd = pidfd_open(pid, 0),
                .notify_fd = take_fd(&notify_fd),
        };
        return ret->pid_fd < 0 ? -errno : 0;
}

static void hear(Launch *launch) {
        size_t room = sizeof(launch->heard) - launch->n_heard - 2;
        ssize_t n = recv(launch->notify_fd, launch->heard + launch->n_heard, room, MSG_DONTWAIT);

        if (n <= 0)
                return;
        launch->n_heard += (size_t) n;
        launch->heard[launch->n_heard++] = '\n';
        launch->heard[launch->n_heard] = '\0';
}

int launch_wait(Launch *launch, const char *word, int timeout_msec) {
        int64_t end = now_msec() + timeout_msec, left;

        while (!strstr(launch->heard, word)) {
                struct pollfd fds[] = {
                        { .fd = launch->notify_fd, .events = POLLIN },
                        { .fd = launch->pid_fd, .events = POLLIN },
                };

                left = end - now_msec();
                if (left <= 0 || poll(fds, 2, (int) left) == 0)
                        return -ETIMEDOUT;
                if (fds[0].revents)
                        hear(launch);
                else if (fds[1].revents)
                        return -ECHILD;
        }
        return 0;
}

int launch_wait_end(Launch *launch, int timeout_msec) {
        struct pollfd fd = { .fd = launch->pid_fd, .events = POLLIN };
        int status = 0;

        if (poll(&fd, 1, timeout_msec) <= 0)
                return -ETIMEDOUT;
        if (waitpid(launch->pid, &status, 0) < 0)
                return -errno;

        launch->pid = 0;
        hear(launch);
        return status;
}

void launch_done(Launch *launch) {
        if (launch->pid > 0) {
                (void) kill(launch->pid, SIGKILL);
                (void) waitpid(launch->pid, NULL, 0);
        }
        launch->pid = 0;
        launch->pid_fd = close_fd(launch->pid_fd);
        launch->notify_fd = close_fd(launch->notify_fd);
}
