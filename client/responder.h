/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks an issuer's responder whether a certificate has been revoked (RFC 6960, appendix A). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"

/* For all of it: looking the name up, connecting, asking, hearing. */
#define RESPONDER_TIMEOUT_MSEC 5000U

/* The daemon takes no larger one as a staple. */
#define RESPONDER_ANSWER_MAX (32U * 1024U)

/*
 * POSTs @request to @url by the program certexc-ocsp, so that this one need not load what speaks
 * HTTP. 0 and new bytes, which nobody has looked at; -EIO and new text (no full stop) in
 * *@ret_reason; -ENOMEM.
 */
int responder_ask(const char *url, Blob request, uint8_t **ret, size_t *ret_size,
                  char **ret_reason);
