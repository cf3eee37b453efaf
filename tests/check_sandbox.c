/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both sandboxes: what they let through; what ends the judge, and what is refused to the daemon. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
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
static int run_in(int (*enter)(void), bool (*act)(void)) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (enter() < 0)
                        _exit(99);
                _exit(act() ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return status;
}

static int run_inside(bool (*act)(void)) { return run_in(sandbox_enter_judge, act); }

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

/* -- the daemon's ------------------------------------------------------------------------- */

static bool refused(long result) { return result == -1 && errno == EPERM; }

static bool refused_inet(void) { return refused(socket(AF_INET, SOCK_STREAM, 0)); }
static bool refused_netlink(void) { return refused(socket(AF_NETLINK, SOCK_RAW, 0)); }
static bool refused_packet(void) { return refused(socket(AF_PACKET, SOCK_RAW, 0)); }
static bool refused_bind(void) { return refused(bind(0, NULL, 0)); }
static bool refused_listen(void) { return refused(listen(0, 1)); }
static bool refused_unshare(void) { return refused(unshare(CLONE_NEWUSER)); }
static bool refused_namespace(void) {
        return refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
}
static bool refused_clone3(void) {
        return syscall(SYS_clone3, 0L, 0L) == -1 && errno == ENOSYS;
}
static bool refused_mount(void) { return refused(mount("none", "/", "tmpfs", 0, NULL)); }
static bool refused_chroot(void) { return refused(chroot("/nowhere")); }
static bool refused_ptrace(void) { return refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
static bool refused_other_memory(void) {
        return refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}
static bool refused_identity(void) { return refused(setresuid(1, 1, 1)); }
static bool refused_groups(void) { return refused(syscall(SYS_setgroups, 0, NULL)); }
static bool refused_bpf(void) { return refused(syscall(SYS_bpf, 0, NULL, 0)); }
static bool refused_keys(void) { return refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }
static bool refused_ring(void) { return refused(syscall(SYS_io_uring_setup, 1, NULL)); }
static bool refused_perf(void) { return refused(syscall(SYS_perf_event_open, 0L, 0, 0, 0, 0)); }
static bool refused_clock(void) { return refused(syscall(SYS_clock_settime, CLOCK_REALTIME, NULL)); }
static bool refused_module(void) { return refused(syscall(SYS_delete_module, "x", 0)); }
static bool refused_handle(void) { return refused(syscall(SYS_open_by_handle_at, 0, NULL, 0)); }
static bool refused_write_and_execute(void) {
        return refused((long) mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
static bool refused_make_executable(void) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return refused(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static bool does_open(void) { return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0; }
static bool does_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0; }
static void *in_a_thread(void *userdata) { return userdata; }
static bool does_thread(void) {
        static int mark;
        pthread_t thread;
        void *value = NULL;
        return pthread_create(&thread, NULL, in_a_thread, &mark) == 0 &&
               pthread_join(thread, &value) == 0 && value == &mark;
}
static bool does_exec(void) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                (void) execl("/bin/true", "true", NULL);
                _exit(1);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
static bool does_judge(void) { return run_inside(act_digest) == 0; }
static bool does_end_a_judge(void) {
        int status = run_inside(act_open);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static const struct {
        const char *says;
        bool (*act)(void);
        bool needs_filter; /* says nothing where there is none */
} daemons[] = {
        { "a socket to the network is refused", refused_inet, true },
        { "a socket to the kernel's configuration is refused", refused_netlink, true },
        { "a socket below the network is refused", refused_packet, true },
        { "giving a socket an address is refused", refused_bind, true },
        { "listening is refused", refused_listen, true },
        { "leaving a name space is refused", refused_unshare, true },
        { "a process in a name space of its own is refused", refused_namespace, true },
        { "clone3() is not there", refused_clone3, true },
        { "mounting is refused", refused_mount, true },
        { "another root is refused", refused_chroot, true },
        { "tracing is refused", refused_ptrace, true },
        { "another process's memory is refused", refused_other_memory, true },
        { "becoming another user is refused", refused_identity, true },
        { "other groups are refused", refused_groups, true },
        { "programs for the kernel are refused", refused_bpf, true },
        { "the kernel's keys are refused", refused_keys, true },
        { "rings of requests, which no filter sees, are refused", refused_ring, true },
        { "measuring others is refused", refused_perf, true },
        { "setting the clock is refused", refused_clock, true },
        { "the kernel's modules are refused", refused_module, true },
        { "opening past directories is refused", refused_handle, true },
        { "memory both written and executed is refused", refused_write_and_execute, true },
        { "making memory executable is refused", refused_make_executable, true },
        { "files are opened", does_open, false },
        { "sockets of this machine are made", does_socket, false },
        { "threads are started", does_thread, false },
        { "programs are run", does_exec, false },
        { "a judge works behind its own filter as well", does_judge, false },
        { "a judge that opens a file is ended all the same", does_end_a_judge, true },
};

START_TEST(daemon_row) {
        if (daemons[_i].needs_filter && (is_watched || RUNNING_ON_VALGRIND))
                return;
        ck_assert_msg(run_in(sandbox_enter_daemon, daemons[_i].act) == 0, "not so: %s",
                      daemons[_i].says);
}
END_TEST

static void *open_a_network_socket(void *userdata) {
        int *go = userdata;
        char byte;

        if (read(go[0], &byte, 1) != 1)
                return NULL;
        return refused_inet() ? userdata : NULL;
}

static bool act_older_thread(void) {
        pthread_t thread;
        void *value = NULL;
        int go[2];

        return pipe(go) == 0 && pthread_create(&thread, NULL, open_a_network_socket, go) == 0 &&
               sandbox_enter_daemon() == 0 && write(go[1], "x", 1) == 1 &&
               pthread_join(thread, &value) == 0 && value == go;
}

static int enter_nothing(void) { return 0; }

START_TEST(threads_that_are_there_already_are_in_it) {
        if (is_watched || RUNNING_ON_VALGRIND)
                return;
        ck_assert_int_eq(run_in(enter_nothing, act_older_thread), 0);
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
        tcase_add_loop_test(tcase, daemon_row, 0, N_ELEMENTS(daemons));
        tcase_add_test(tcase, threads_that_are_there_already_are_in_it);
        tcase_add_test(tcase, abort_ends_by_its_own_signal);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
