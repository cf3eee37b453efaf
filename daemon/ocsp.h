/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers about a certificate's status (RFC 6960), as servers staple them. */
#pragma once

#include "daemon/path.h"

typedef enum OcspAnswer {
        OCSP_GOOD,
        OCSP_REVOKED,
        OCSP_UNKNOWN, /* no answer that can be believed */
} OcspAnswer;

/*
 * What @response says of @c, whose issuer is @issuer. It is believed only if the issuer signed it,
 * or somebody whom the issuer appointed. With OCSP_UNKNOWN, *@ret_fault says why: static.
 */
OcspAnswer ocsp_ask(Judging *judging, Blob response, const Certificate *c, Certificate *issuer,
                    const char **ret_fault);
