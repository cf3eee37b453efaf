/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Presented: the certificates that a server showed, or that a file holds, and the staple. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"

/* A file of certificates; the daemon takes chains of a quarter of this. */
#define PRESENTED_FILE_MAX (1024U * 1024U)

typedef struct Presented {
        Blob *chain; /* DER, leaf first; each owned here */
        size_t n_chain;
        Blob staple; /* stapled OCSP answer, owned here; size 0: none */
} Presented;

/* Copies one certificate to the end of the chain. 0, -ENOMEM. */
int presented_add(Presented *presented, const void *data, size_t size);

/* Copies the staple, replacing another. 0, -ENOMEM. */
int presented_set_staple(Presented *presented, const void *data, size_t size);

/*
 * Finds the certificates in @size bytes: PEM with any text around it, or DER, several one after
 * the other. 0; -EBADMSG and a sentence in *@ret_reason (static, no full stop); -ENOMEM.
 */
int presented_parse(Presented *presented, const void *data, size_t size, const char **ret_reason);

/* The same from a file, "-" being standard input. Also -errno of opening it, and -EFBIG. */
int presented_read(Presented *presented, const char *path, const char **ret_reason);

/* true if the bytes are one element of DER by its own header; nothing in it is looked at. */
bool presented_is_element(const void *data, size_t size);

void presented_done(Presented *presented);
