/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a certificate of a path has been revoked, by the lists and the stapled answer that are
 * there. */
#pragma once

#include "daemon/path.h"

/* The lists that an administrator handed in, each read once. */
typedef struct Revocation {
        struct Crl *crls;
        size_t n_crls;
        Blob staple; /* size 0: none */
} Revocation;

/* @crls are DER whose bytes outlive *@ret; what is none is left out. 0, -ENOMEM, -EIO. */
int revocation_read(const Blob *crls, size_t n, Blob staple, Revocation *ret);
void revocation_done(Revocation *revocation);

/*
 * Reports revoked for each certificate of @path that a true answer calls so; revocation-unknown
 * where lists of its issuer were handed in and none can be used, where the staple cannot be, and
 * where one is demanded and missing.
 */
void revocation_check(Judging *judging, const Path *path, Report *report);
