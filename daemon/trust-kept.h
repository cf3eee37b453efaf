/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The block of authorities, kept for the next start of the daemon. It is believed as long as everything
 * that it was read from is as it was then: each of those files by its inode, size and times. It is no
 * second copy of anything: without it, or where it is damaged, all is read again.
 *
 * The file is for the very program that wrote it, on the same machine: numbers are as the machine has
 * them, and its stamp is another one for any other build.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/encoding.h"

typedef struct Authorities Authorities;

#define KEPT_FILE     "authorities"
#define KEPT_NEW_FILE "authorities.new"

/*
 * The stamp of what is at @paths now, files or folders with what is in them; NULLs are passed over.
 * Returns 1; 0 if there is none, because something is too young at @now (what is written once more
 * within the same tick of the clock has the same times), too much, or cannot be examined; -errno.
 */
int kept_stamp(const char *const *paths, size_t n, int64_t now, uint8_t ret[static SHA256_SIZE]);

/* 1, and what is kept in @directory under @stamp as authorities_open() has it, with its sealed memfd;
 * 0 if there is nothing such, or it is damaged; -ENOMEM and the like. */
int kept_read(const char *directory, const uint8_t stamp[static SHA256_SIZE], Authorities **ret,
              int *ret_fd);

/* What is kept is not what was read last, and will not be. */
void kept_remove(const char *directory);

/* Keeps @authorities in @directory under @stamp. 0 or -errno. */
int kept_write(const char *directory, const uint8_t stamp[static SHA256_SIZE],
               const Authorities *authorities);

#ifdef CERTEXC_TESTING
/* For the tests: whether nothing is too young. */
void kept_take_the_young(bool take);
#endif
