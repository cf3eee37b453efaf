/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blocks of authorities for the tests, from any bytes. */
#pragma once

#include "daemon/authorities.h"
#include "daemon/lists.h"

/* A sealed block of those of @certificates that are certificates; aborts when it cannot be made. */
int block_fd(const Blob *certificates, size_t n);
Authorities *block_new(const Blob *certificates, size_t n);

/* A block list of @certificates and their keys, as daemon/problems.h describes it. */
Authorities *block_list_new(const Blob *certificates, size_t n);

/* A block with lists of revoked certificates; bytes that are none are left out. */
Authorities *block_with_lists(const Blob *certificates, size_t n, const Blob *lists,
                              size_t n_lists);
