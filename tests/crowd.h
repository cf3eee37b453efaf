/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A crowd: a journal of many exceptions of many owners, of which the store makes the rest. */
#pragma once

#include <stdint.h>

/* The host of an owner's exception @id, from 1 on; all are at port 993, for a certificate of the few
 * that there are, without an end. */
#define CROWD_HOST "h%u.example.org"
#define CROWD_PORT 993

/* Writes it into the directory, which has no journal yet, for the owners from @first on. 0 or -errno. */
int crowd_write(int directory, int64_t first, unsigned owners, unsigned each);
