/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths: every way from the leaf to an authority (or to where the certificates end), each judged
 * by RFC 5280, section 6, and the one that explains the verdict best.
 */
#pragma once

#include "client/cleanup.h"
#include "client/encoding.h"

/*
 * The key that an authority is looked up by: SHA-256 of its subject in one canonical form, in which
 * names that RFC 5280, section 7.1, calls equal (case, spacing, string type) are the same bytes.
 * Returns 0, -EBADMSG if @der is no certificate, -EIO.
 */
int path_subject_key(Blob der, uint8_t ret[static SHA256_SIZE]);
