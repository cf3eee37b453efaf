/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sandbox of the judge. Theory of operation:
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
 */
#include "config.h"

#include "daemon/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* Calls that are let through whatever their arguments. */
static const int allowed_calls[] = {
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

static int load_filter(scmp_filter_ctx filter) {
        int r;

        for (size_t i = 0; i < N_ELEMENTS(allowed_calls); i++) {
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
                if (r < 0)
                        return r;
        }
        r = add_memory_rules(filter);
        if (r < 0)
                return r;
        r = add_signal_rules(filter);
        if (r < 0)
                return r;
        return seccomp_load(filter);
}

static int enter_seccomp(void) {
        scmp_filter_ctx filter;
        int r;

        filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!filter)
                return -ENOMEM;
        r = load_filter(filter);
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
        return enter_seccomp();
}
