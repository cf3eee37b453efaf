/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judge's sandbox: what it lets through, and what ends the process. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "client/cleanup.h"
#include "client/encoding.h"
#include "daemon/limits.h"
#include "daemon/sandbox.h"

#if defined(CERTEXC_SANITIZERS)
#define RUNNING_ON_VALGRIND 0
static const bool is_watched = true;
#elif defined(HAVE_VALGRIND_VALGRIND_H)
#include <valgrind/valgrind.h>
static const bool is_watched;
#else
#define RUNNING_ON_VALGRIND 0
static const bool is_watched;
#endif

/* Runs @act in a process of its own, inside the sandbox; returns its wait status. It ends with 0 if
 * @act says that it succeeded, else with 1. */
static int run_inside(bool (*act)(void)) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (sandbox_enter_judge() < 0)
                        _exit(99);
                _exit(act() ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return status;
}

static bool act_open(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool act_open_relative(void) { return syscall(SYS_openat2, AT_FDCWD, ".", NULL, 0) >= 0; }
static bool act_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool act_connect(void) { return connect(0, NULL, 0) >= 0; }
static bool act_exec(void) { return execl("/bin/true", "true", NULL) >= 0; }
static bool act_fork(void) { return fork() >= 0; }
static bool act_kill(void) { return kill(getppid(), 0) >= 0; }
static bool act_signal_parent(void) { return syscall(SYS_tgkill, getppid(), getppid(), 0) >= 0; }
static bool act_ptrace(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0; }
static bool act_stat(void) { return access("/", F_OK) >= 0; }
static bool act_unlink(void) { return unlink("/nowhere") >= 0; }
static bool act_write_file(void) { return write(1, "x", 1) >= 0; }
static bool act_dumpable(void) { return prctl(PR_SET_DUMPABLE, 1) >= 0; }
static bool act_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0) >= 0; }
static bool act_receive_descriptor(void) {
        struct msghdr message = {};
        return recvmsg(0, &message, 0) >= 0;
}
static bool act_executable_memory(void) {
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0) != MAP_FAILED;
}
static bool act_make_executable(void) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mprotect(p, 4096, PROT_READ | PROT_EXEC) >= 0;
}

static const struct {
        const char *says;
        bool (*act)(void);
} forbidden[] = {
        { "opening a file", act_open },
        { "opening another way", act_open_relative },
        { "a socket", act_socket },
        { "connecting", act_connect },
        { "running a program", act_exec },
        { "a process", act_fork },
        { "a signal to the daemon", act_kill },
        { "a signal to a thread of the daemon", act_signal_parent },
        { "being traced", act_ptrace },
        { "looking for a file", act_stat },
        { "removing a file", act_unlink },
        { "writing otherwise than to the socket", act_write_file },
        { "becoming dumpable again", act_dumpable },
        { "loading a program into the kernel", act_bpf },
        { "receiving a descriptor", act_receive_descriptor },
        { "memory that can be executed", act_executable_memory },
        { "making memory executable", act_make_executable },
};

START_TEST(forbidden_row) {
        int status;

        if (is_watched || RUNNING_ON_VALGRIND)
                return;
        status = run_inside(forbidden[_i].act);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
                      "%s does not end the process: wait status %#x", forbidden[_i].says,
                      (unsigned) status);
}
END_TEST

static bool act_memory(void) {
        for (size_t size = 16; size <= 8U << 20; size *= 2) {
                uint8_t *p = malloc(size);

                if (!p)
                        return false;
                memset(p, 1, size);
                p = realloc(p, size * 2);
                if (!p)
                        return false;
                free(p);
        }
        return true;
}
static bool act_digest(void) {
        uint8_t digest[SHA256_SIZE];
        return sha256("x", 1, digest) == 0;
}
static bool act_clock(void) {
        struct timespec t;
        return syscall(SYS_clock_gettime, CLOCK_REALTIME, &t) == 0;
}
static bool act_timer(void) {
        const struct itimerval timer = { .it_value.tv_sec = 5 };
        return setitimer(ITIMER_PROF, &timer, NULL) == 0;
}
static int compare_bytes(const void *a, const void *b) {
        return memcmp(a, b, 1);
}
static bool act_sort(void) {
        static uint8_t items[100000];
        qsort(items, sizeof(items), 1, compare_bytes);
        return true;
}
/* Malloc would otherwise look how many processors there are. */
static bool act_no_more_than_the_limit(void) {
        return is_watched || RUNNING_ON_VALGRIND ||
               mmap(NULL, JUDGE_ADDRESS_SPACE_MAX, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0) == MAP_FAILED;
}

static const struct {
        const char *says;
        bool (*act)(void);
} allowed[] = {
        { "memory comes and goes", act_memory },
        { "digests are computed", act_digest },
        { "the clock is read", act_clock },
        { "processor time is bounded", act_timer },
        { "much is sorted", act_sort },
        { "memory has its limit", act_no_more_than_the_limit },
};

START_TEST(allowed_row) {
        ck_assert_msg(run_inside(allowed[_i].act) == 0, "not so in the sandbox: %s",
                      allowed[_i].says);
}
END_TEST

static bool act_abort(void) { abort(); }

START_TEST(abort_ends_by_its_own_signal) {
        int status = run_inside(act_abort);

        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("sandbox");
        TCase *tcase = tcase_create("sandbox");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, forbidden_row, 0, N_ELEMENTS(forbidden));
        tcase_add_loop_test(tcase, allowed_row, 0, N_ELEMENTS(allowed));
        tcase_add_test(tcase, abort_ends_by_its_own_signal);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
