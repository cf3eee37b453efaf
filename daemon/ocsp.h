/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers about a certificate's status (RFC 6960), as servers staple them or the issuer's responder
 * gives them. */
#pragma once

#include "daemon/limits.h"
#include "daemon/path.h"
#include "daemon/revoked.h"

typedef enum OcspAnswer {
        OCSP_GOOD,
        OCSP_REVOKED,
        OCSP_UNKNOWN, /* no answer that can be believed */
} OcspAnswer;

/*
 * What @response says of @c, whose issuer is @issuer. It is believed only if the issuer signed it,
 * or somebody whom the issuer appointed. With OCSP_UNKNOWN, *@ret_fault says why: static. *@ret_revoked is
 * set with OCSP_REVOKED.
 * *@ret_produced is when it was made, if somebody of these signed that, else OCSP_NO_TIME.
 */
#define OCSP_NO_TIME INT64_MIN
OcspAnswer ocsp_ask(Judging *judging, Blob response, const Certificate *c, Certificate *issuer,
                    const char **ret_fault, Revoked *ret_revoked, int64_t *ret_produced);

/* Where to ask about @c: the first http URL that it names, in new text; NULL: it names none. 0 or
 * -ENOMEM. */
int ocsp_responder(const Certificate *c, char **ret);

/* What to ask there: the DER of a request. Returns its size, 0 if there is no room in @ret. */
size_t ocsp_request(const Certificate *c, const Certificate *issuer,
                    uint8_t ret[static OCSP_REQUEST_BYTES_MAX]);
