/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting the daemon's own program as a worker, and what becomes of the process. */
#include "config.h"

#include "daemon/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "daemon/judge.h"
#include "daemon/trust.h"

int worker_open_program(int *ret_fd) {
        int fd;

        fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

#if defined(CERTEXC_TESTING) || defined(CERTEXC_SANITIZERS)
/* What tells the tools that watch a worker what to do, and the tests' own switches. */
static const char *const kept_variables[] = {
        "ASAN_OPTIONS",
        "LSAN_OPTIONS",
        "UBSAN_OPTIONS",
        "CERTEXC_TEST_JUDGE_CPU_MSEC",
        "CERTEXC_TEST_FORGERY",
};
static char *environment[N_ELEMENTS(kept_variables) + 1];

static char **worker_environment(void) {
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(kept_variables); i++)
                for (char **e = environ; *e; e++) {
                        size_t length = strlen(kept_variables[i]);

                        if (strncmp(*e, kept_variables[i], length) == 0 && (*e)[length] == '=')
                                environment[n++] = *e;
                }
        environment[n] = NULL;
        return environment;
}
#else
static char **worker_environment(void) {
        static char *nothing[] = { NULL };

        return nothing;
}
#endif

/* -- between fork() and exec(): only what is safe when another thread held a lock -------------- */

static int child_signals(void) {
        const struct sigaction action = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (int signal = 1; signal < NSIG; signal++)
                if (signal != SIGKILL && signal != SIGSTOP)
                        (void) sigaction(signal, &action, NULL);

        (void) sigemptyset(&none);
        return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The worker must not outlive a daemon that was killed; it may already have been. */
static int child_dies_with(pid_t parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -1;
        return getppid() == parent ? 0 : -1;
}

/* Puts the descriptors in their places; all others end at exec. */
static int child_descriptors(int socket_fd, int extra_fd) {
        int null_fd, last = extra_fd >= 0 ? WORKER_EXTRA_FD : WORKER_SOCKET_FD;

        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd < 0)
                return -1;

        /* First out of the way of each other's place. */
        null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 16);
        socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, 16);
        if (extra_fd >= 0)
                extra_fd = fcntl(extra_fd, F_DUPFD_CLOEXEC, 16);

        if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
            dup2(socket_fd, WORKER_SOCKET_FD) < 0)
                return -1;
        if (last == WORKER_EXTRA_FD && dup2(extra_fd, WORKER_EXTRA_FD) < 0)
                return -1;
#if !defined(CERTEXC_TESTING) && !defined(CERTEXC_SANITIZERS)
        /* A worker that was taken over shall not write into our log. */
        if (dup2(null_fd, STDERR_FILENO) < 0)
                return -1;
#endif
        return close_range((unsigned) last + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static void __attribute__((noreturn))
child_run(int program_fd, char *const argv[], char *const env[], int socket_fd, int extra_fd,
          pid_t parent) {
        program_fd = fcntl(program_fd, F_DUPFD_CLOEXEC, 16);

        /* Out of the terminal's process group: the daemon alone decides about its workers. Not a session of its own,
         * which the kernel would give the same part of the processor as all other programs of this one together. */
        (void) setpgid(0, 0);
        if (program_fd >= 0 && child_signals() == 0 && child_dies_with(parent) == 0 &&
            child_descriptors(socket_fd, extra_fd) == 0)
                (void) execveat(program_fd, "", argv, env, AT_EMPTY_PATH);
        _exit(127);
}

/* -------------------------------------------------------------------------------------------- */

int worker_spawn(int program_fd, const char *role, const char *argument, int socket_fd,
                 int extra_fd, Process *ret) {
        char *argv[] = { (char *) "certexcd", (char *) role, (char *) argument, NULL };
        char **env = worker_environment();
        Process p = PROCESS_INIT;
        pid_t parent = getpid();

        p.pid = fork();
        if (p.pid < 0)
                return -errno;
        if (p.pid == 0)
                child_run(program_fd, argv, env, socket_fd, extra_fd, parent);

        /* Without it (valgrind does not know the call) its death has to be waited for. */
        p.pidfd = pidfd_open(p.pid, 0);
        *ret = p;
        return 0;
}

void process_kill(const Process *p) {
        /* The pid cannot be another's: it is ours until we reap it. */
        if (p->pid > 0)
                (void) kill(p->pid, SIGKILL);
}

bool process_reap(Process *p, bool wait) {
        siginfo_t info = {};
        int r;

        if (p->pid <= 0)
                return true;

        do
                r = waitid(P_PID, (id_t) p->pid, &info, WEXITED | (wait ? 0 : WNOHANG));
        while (r < 0 && errno == EINTR);
        if (r == 0 && info.si_pid == 0)
                return false;

        /* Also when it is nobody's child any more, where SIGCHLD is ignored. */
        p->pidfd = close_fd(p->pidfd);
        p->pid = 0;
        return true;
}

bool worker_is(int argc, char *argv[], const char *role) {
        return argc >= 2 && strcmp(argv[1], role) == 0;
}

int worker_dispatch(int argc, char *argv[]) {
        if (worker_is(argc, argv, JUDGE_ROLE))
                return judge_run();
        if (worker_is(argc, argv, IMPORTER_ROLE))
                return importer_run(argv[2]);
        return -1;
}
