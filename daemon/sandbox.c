/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sandbox. Theory of operation:
 *
 * A judge takes certificates apart that enemies made. Should one of them take over the judge, then
 * the judge has nothing to steal and no way out: it sees one owner's questions, the public list of
 * authorities, and a socket on which the daemon expects a well-formed answer.
 *
 *   1. worker_spawn()    new program image, no environment, two descriptors, dies with the daemon
 *   2. judge_run()       maps the authorities, closes their descriptor, makes the crypto library
 *                        open and allocate whatever it wants
 *   3. here, limits      memory, no new descriptors, no file may grow, no processes, no core (it
 *                        would hold the owner's questions)
 *   4. here, privileges  none can be gained any more; nobody of the same uid may attach
 *   5. here, seccomp     the calls below are left; any other one ends the process
 *
 * The daemon's own bound on time and answer size stands outside and holds whatever happens here.
 *
 * The daemon itself reads only messages, but many people's. Should one of them take it over, then the
 * store is lost to them; what is left to defend is the rest of the machine:
 *
 *   1. manager_new()     opens directories, the store and the listening socket. The one worker that is started
 *                        before what follows is a judge, which shuts more doors than these by itself
 *   2. here, privileges  none can be gained any more, by the daemon or by a worker
 *   3. here, seccomp     files, memory, time, sockets of this machine, and starting workers: what the
 *                        loop does. Not left: other address families, listening anywhere else, name
 *                        spaces, mounting, tracing, changing of identity, keys, modules, memory that
 *                        is both written and executed. It holds for the committing thread too.
 *
 * A call that is not left fails and does not end the daemon: libraries try this and that, and everybody's
 * answers depend on this process. Under a service manager the unit shuts further doors (the network,
 * the file system).
 */
#include "config.h"

#include "daemon/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "daemon/limits.h"

#if defined(CERTEXC_TESTING) && defined(HAVE_VALGRIND_VALGRIND_H)
#include <valgrind/valgrind.h>
#endif

/* Sanitizers and valgrind live in the process that they watch and need what is taken away here:
 * address space, files, signals, and to be looked at. */
static bool is_watched(void) {
#if defined(CERTEXC_SANITIZERS)
        return true;
#elif defined(CERTEXC_TESTING) && defined(HAVE_VALGRIND_VALGRIND_H)
        return RUNNING_ON_VALGRIND;
#else
        return false;
#endif
}

static int enter_limits(void) {
        static const struct {
                int resource;
                rlim_t value;
        } limits[] = {
                { RLIMIT_AS, JUDGE_ADDRESS_SPACE_MAX },
                { RLIMIT_NOFILE, 0 }, /* those that are open stay */
                { RLIMIT_FSIZE, 0 },
                { RLIMIT_NPROC, 0 },
                { RLIMIT_CORE, 0 },
        };

        for (size_t i = 0; i < N_ELEMENTS(limits); i++) {
                const struct rlimit limit = { limits[i].value, limits[i].value };

                if (setrlimit(limits[i].resource, &limit) < 0)
                        return -errno;
        }
        return 0;
}

static int enter_privileges(void) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        return 0;
}

static int add_calls(scmp_filter_ctx filter, const int *calls, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* -- the judge ---------------------------------------------------------------------------- */

/* Calls that are let through whatever their arguments. */
static const int judge_calls[] = {
        /* the socket to the daemon */
        SCMP_SYS(read), SCMP_SYS(sendmsg),
        /* memory; see also add_memory_rules() */
        SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
        /* what the C library asks for its own sake: qsort() looks how much memory there is */
        SCMP_SYS(sysinfo), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(restart_syscall),
        /* time and chance, for the crypto library */
        SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday),
        SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
        SCMP_SYS(getrusage),
        /* processor time for one chain */
        SCMP_SYS(setitimer),
        /* the end, also by abort() */
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(close),
};

/* Memory may be had, but never executed. */
static int add_memory_rules(scmp_filter_ctx filter) {
        static const int calls[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect) };

        for (size_t i = 0; i < N_ELEMENTS(calls); i++) {
                int r;

                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* abort() sends a signal; nobody else may get one. */
static int add_signal_rules(scmp_filter_ctx filter) {
        scmp_datum_t self = (scmp_datum_t) getpid();

        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                SCMP_A0(SCMP_CMP_EQ, self));
}

static int fill_judge(scmp_filter_ctx filter) {
        int r;

        r = add_calls(filter, judge_calls, N_ELEMENTS(judge_calls));
        if (r < 0)
                return r;
        r = add_memory_rules(filter);
        if (r < 0)
                return r;
        return add_signal_rules(filter);
}

static int enter_seccomp(uint32_t otherwise, int (*fill)(scmp_filter_ctx filter)) {
        scmp_filter_ctx filter;
        int r;

        filter = seccomp_init(otherwise);
        if (!filter)
                return -ENOMEM;
        r = fill(filter);
        if (r == 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}

int sandbox_enter_judge(void) {
        int r;

        if (is_watched())
                return 0;

        r = enter_limits();
        if (r < 0)
                return r;
        r = enter_privileges();
        if (r < 0)
                return r;
        return enter_seccomp(SCMP_ACT_KILL_PROCESS, fill_judge);
}

/* -- the daemon --------------------------------------------------------------------------- */

static const int daemon_calls[] = {
        /* descriptors and the loop */
        SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
        SCMP_SYS(pwrite64), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2),
        SCMP_SYS(dup3), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(flock), SCMP_SYS(lseek),
        SCMP_SYS(_llseek), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64),
        SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2), SCMP_SYS(signalfd4), SCMP_SYS(timerfd_create),
        SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_settime64), SCMP_SYS(timerfd_gettime),
        SCMP_SYS(timerfd_gettime64), SCMP_SYS(pipe2), SCMP_SYS(memfd_create),
        SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch),
        /* sockets that are open, and asking a bus, the log or the name service; see add_socket_rules() */
        SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(connect), SCMP_SYS(sendto),
        SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
        SCMP_SYS(recvmmsg), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
        SCMP_SYS(getpeername), SCMP_SYS(shutdown),
        /* the store, the folders, and the system's authorities */
        SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat),
        SCMP_SYS(lstat64), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat),
        SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(statfs64),
        SCMP_SYS(fstatfs), SCMP_SYS(fstatfs64), SCMP_SYS(access), SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
        SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
        SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fallocate), SCMP_SYS(rename),
        SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(unlink),
        SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(chmod),
        SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(fchown), SCMP_SYS(fchown32),
        SCMP_SYS(umask), SCMP_SYS(fadvise64), SCMP_SYS(fadvise64_64), SCMP_SYS(utimensat),
        /* memory; see also add_loader_rules() */
        SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(sysinfo),
        /* threads and workers; see also add_clone_rules() */
        SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(exit),
        SCMP_SYS(exit_group), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(kill), SCMP_SYS(tgkill),
        SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_send_signal), SCMP_SYS(setpgid), SCMP_SYS(prctl),
        SCMP_SYS(arch_prctl), SCMP_SYS(seccomp), SCMP_SYS(setrlimit), SCMP_SYS(getrlimit),
        SCMP_SYS(ugetrlimit), SCMP_SYS(prlimit64), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
        SCMP_SYS(set_tid_address), SCMP_SYS(set_thread_area), SCMP_SYS(futex),
        SCMP_SYS(futex_time64), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
        SCMP_SYS(membarrier), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack),
        SCMP_SYS(rt_sigtimedwait), SCMP_SYS(restart_syscall), SCMP_SYS(setitimer),
        /* who and when */
        SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(getuid32),
        SCMP_SYS(geteuid), SCMP_SYS(geteuid32), SCMP_SYS(getgid), SCMP_SYS(getgid32),
        SCMP_SYS(getegid), SCMP_SYS(getegid32), SCMP_SYS(getgroups), SCMP_SYS(uname),
        SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres),
        SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(nanosleep),
        SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
};

static int add_socket_rules(scmp_filter_ctx filter) {
        static const int calls[] = { SCMP_SYS(socket), SCMP_SYS(socketpair) };

        for (size_t i = 0; i < N_ELEMENTS(calls); i++) {
                int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
                                         SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Programs and libraries are mapped to be executed, but nothing that can be written is. */
static int add_loader_rules(scmp_filter_ctx filter) {
        static const int maps[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2) };
        int r;

        for (size_t i = 0; i < N_ELEMENTS(maps); i++) {
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, maps[i], 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0));
                if (r < 0)
                        return r;
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, maps[i], 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
                if (r < 0)
                        return r;
        }
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Processes and threads, in the name spaces that we are in. The flags of clone3() are in memory, where a
 * filter does not see them: as on a kernel that has no such call, the C library takes clone(). */
static int add_clone_rules(scmp_filter_ctx filter) {
        static const scmp_datum_t spaces = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET |
                                           CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER |
                                           CLONE_NEWUTS;
        int r;

        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        if (r < 0)
                return r;
#if defined(__s390__) || defined(__s390x__)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, spaces, 0));
#else
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
#endif
}

/* What the C library and the log ask of a terminal. */
static int add_ioctl_rules(scmp_filter_ctx filter) {
        static const scmp_datum_t requests[] = { TCGETS, FIONREAD, FIONBIO };

        for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
                int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                         SCMP_A1(SCMP_CMP_EQ, requests[i]));

                if (r < 0)
                        return r;
        }
        return 0;
}

static int fill_daemon(scmp_filter_ctx filter) {
        static int (*const steps[])(scmp_filter_ctx) = { add_socket_rules, add_loader_rules,
                                                         add_clone_rules, add_ioctl_rules };
        int r;

        /* For the threads that are there already, too. */
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        if (r < 0)
                return r;
        r = add_calls(filter, daemon_calls, N_ELEMENTS(daemon_calls));
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(steps); i++)
                r = steps[i](filter);
        return r;
}

int sandbox_enter_daemon(void) {
        if (is_watched())
                return 0;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return enter_seccomp(SCMP_ACT_ERRNO(EPERM), fill_daemon);
}
