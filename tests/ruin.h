/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ruin: a store of many decisions in test_directory(), what is done to its files, and the store that
 * is made whole again. What cannot be done fails the test.
 */
#pragma once

#include "daemon/rebuild.h"
#include "tests/decisions.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

/* Exceptions at ports 1 to MANY, of which REVOKED is taken back; a denial at port DENIED. */
#define MANY    40U
#define REVOKED 7U
#define DENIED  99U

/* The store, into one that is open, or closed. */
void ruin_fill(Store *store);
void ruin_make(void);

/* As the daemon does with a store that does not open. */
Store *ruin_mend(Mending *ret);

/* Exceptions or denials that are live at the port. */
size_t ruin_live(Store *store, uint16_t port);
void ruin_expect_all(Store *store);

/* -- files of the directory ---------------------------------------------------------------- */

/* free() */
char *ruin_path(const char *name);

/* Overwrites @size bytes at @at; the size of the file if @at is less than 0 counts from its end. */
void ruin_scratch(const char *name, off_t at, size_t size);
void ruin_cut(const char *name, off_t size);
off_t ruin_size(const char *name);
void ruin_remove(const char *name);
void ruin_move(const char *from, const char *to);
void ruin_copy(const char *from, const char *to);

/* Exchanges two blocks of the journal. */
#define RUIN_BLOCK 4096
void ruin_swap_blocks(off_t a, off_t b);

/* How many there are whose names begin so. */
size_t ruin_count(const char *prefix);
