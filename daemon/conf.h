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
        bool doubtful;     /* a line that was not understood may have been meant to refuse something */
        const char *doubt; /* the first warning of one; NULL: there was no room for it */
} Conf;

/* What holds without any file. */
void conf_defaults(Conf *conf);

/*
 * Reads @directory/certexcd.conf and @directory/certexcd.conf.d/[*].conf, by name, later ones over
 * earlier. A line that makes no sense keeps the stricter value and leaves a warning naming file,
 * line and key; where it cannot be told which is the stricter, it is a doubt. Missing files are no error. Returns 0, or -errno if one cannot be read.
 */
int conf_read(Conf *conf, const char *directory);

/*
 * @new, which was read anew, takes effect in @conf; but if it is doubtful and @conf is not, only its warnings do,
 * so that a slip relaxes nothing: @conf says the rest as before. Takes what is in @new. 0 or -ENOMEM: nothing was
 * changed, and @new is still to be freed.
 */
int conf_replace(Conf *conf, Conf *new);
void conf_done(Conf *conf);
