/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conf: what certexcd.conf and its drop-in folder say. Every key is in certexcd.conf(5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/problem.h"

typedef struct Conf {
        ProblemSet never;     /* [Verdict] Never= */
        bool user_exceptions; /* [Verdict] UserExceptions= */
        bool user_authorities; /* [Verdict] UserAuthorities= */
        bool host_only_lookups; /* [Verdict] HostOnlyLookups= */
        uint32_t checks;      /* [Checks] WeakSignatures= Wildcards= Revocation= (CheckFlags) */
        unsigned idle_exit_sec; /* [Daemon] IdleExitSec=, 0: stay */
        char **warnings;      /* sentences about relaxed checks and lines that were refused */
        size_t n_warnings;
} Conf;

/* What holds without any file. */
void conf_defaults(Conf *conf);

/*
 * Reads @directory/certexcd.conf and @directory/certexcd.conf.d/[*].conf, by name, later ones over
 * earlier. A line that makes no sense keeps the stricter value and leaves a warning naming file,
 * line and key. Missing files are no error. Returns 0, or -errno if one cannot be read.
 */
int conf_read(Conf *conf, const char *directory);
void conf_done(Conf *conf);
