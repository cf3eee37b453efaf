/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of a descriptor, for programs that wait for more than that: nothing here blocks if there is
 * something to read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A line with its NUL; a longer one is cut, and so is no word that anybody waits for. */
#define LINES_MAX 8192U

typedef struct Lines {
        char bytes[LINES_MAX];
        size_t n_bytes;
        size_t n_taken; /* of these, by the last lines_next() */
        bool at_end;    /* nothing more comes */
        bool cut;       /* the rest of the line does not count */
} Lines;

/* Reads what is there, once. */
void lines_read(Lines *lines, int fd);

/* The next line without its end, valid until the next call here; NULL if none is there. */
char *lines_next(Lines *lines);

/* Forgets what was read. */
void lines_drop(Lines *lines);
