/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options: what the command line and the environment decided. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Options {
        bool user_mode;
        char *state_directory;
        char *socket_path;
        char *conf_directory;
        char *trust_file; /* NULL: the system's store */
        bool bus;         /* false with --no-bus */
#ifdef CERTEXC_TESTING
        int64_t replaced_clock; /* 0: the real one */
#endif
} Options;

/*
 * Reads the command line; what it does not say comes from the mode and the environment. Complains
 * on standard error, answers --help and --version on standard output. Returns 1 to go on, 0 if all
 * is said, -EINVAL for wrong usage, -ENOMEM.
 */
int options_parse(int argc, char **argv, Options *ret);
void options_done(Options *options);
