/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Presented: certificates as they come in a message, base64 of DER, to bytes within the bounds of
 * limits.h. Nothing is parsed but the outermost length of each certificate.
 */
#pragma once

#include "daemon/cache.h"

struct json_object;

/* Why a chain was not taken: the certificate's index (-1: the whole) and a static sentence. */
typedef struct PresentedFault {
        int certificate;
        const char *reason;
} PresentedFault;

/* Reads an array of strings. 0, -EBADMSG and *@ret_fault, -ENOMEM, -EIO. */
int presented_chain(struct json_object *array, Chain **ret, PresentedFault *ret_fault);

/* The same for a stapled OCSP answer, with a sentence in *@ret_reason; *@ret is free()d. */
int presented_staple(const char *text, uint8_t **ret, size_t *ret_size, const char **ret_reason);
