/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RuleFile: decisions in the form of schema/export.md, as an administrator puts them into exceptions.d.
 * Read strictly: a slip of the pen must not allow more than was meant, nor refuse less.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "daemon/decision.h"
#include "daemon/facts.h"

typedef struct RuleCertificate {
        uint8_t sha256[SHA256_SIZE];
        uint8_t *der;
        size_t der_size;
        CertificateFacts *facts; /* NULL until a judge has read it */
} RuleCertificate;

typedef struct RuleFile {
        char *path;
        Decision *decisions; /* the system's; without ids */
        size_t n_decisions;
        RuleCertificate *certificates; /* by digest, each once */
        size_t n_certificates;
} RuleFile;

/*
 * Reads @text, which came from @path. Certificates are true to their digests then, but nobody has looked
 * into them, so that keys are not known yet. 0; -EBADMSG and in *@ret_reason (free()) the line or the member
 * with what is wrong there; -ENOMEM.
 */
int rule_file_parse(const char *path, Blob text, RuleFile **ret, char **ret_reason);
RuleFile *rule_file_free(RuleFile *file);
DEFINE_CLEANUP(RuleFile *, rule_file_free)

/* The certificate with this digest, or NULL. */
const RuleCertificate *rule_file_certificate(const RuleFile *file,
                                             const uint8_t sha256[static SHA256_SIZE]);

/* What a judge says of certificate @i, copied: its key becomes that of the decisions about it. 0, -ENOMEM. */
int rule_file_learn(RuleFile *file, size_t i, const CertificateFacts *facts);
