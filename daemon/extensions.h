/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The extensions of a certificate that its judgement depends on (RFC 5280, section 4.2). */
#pragma once

#include "daemon/der.h"

/* Kinds of GeneralName by their context tag. */
typedef enum GeneralNameKind {
        NAME_OTHER = 0,
        NAME_EMAIL = 1,
        NAME_DNS = 2,
        NAME_X400 = 3,
        NAME_DIRECTORY = 4,
        NAME_EDI = 5,
        NAME_URI = 6,
        NAME_ADDRESS = 7,
        NAME_REGISTERED_ID = 8,
        _NAME_KIND_MAX,
} GeneralNameKind;

/* The next of GeneralNames: its kind and content (of a directory name, the whole Name). false at
 * the end, or with @der bad. */
bool general_name_next(Der *der, GeneralNameKind *ret_kind, Blob *ret);

/* Bits of key usage, the first bit first. */
enum {
        USAGE_DIGITAL_SIGNATURE = 1 << 0,
        USAGE_NON_REPUDIATION = 1 << 1,
        USAGE_KEY_ENCIPHERMENT = 1 << 2,
        USAGE_DATA_ENCIPHERMENT = 1 << 3,
        USAGE_KEY_AGREEMENT = 1 << 4,
        USAGE_CERTIFICATE_SIGN = 1 << 5,
        USAGE_CRL_SIGN = 1 << 6,
};

/* Purposes of extended key usage. */
enum {
        PURPOSE_SERVER = 1 << 0,
        PURPOSE_ANY = 1 << 1,
        PURPOSE_OCSP = 1 << 2,
        PURPOSE_OTHER = 1 << 3,
};

typedef struct Extensions {
        bool has_basic_constraints;
        bool ca;
        bool has_path_length;
        uint32_t path_length;

        bool has_key_usage;
        unsigned key_usage;

        bool has_purposes;
        unsigned purposes;

        bool has_names;
        Blob names; /* content of the GeneralNames */

        bool has_constraints;
        Blob permitted; /* content of the GeneralSubtrees; size 0: none */
        Blob excluded;

        bool has_subject_key_id;
        Blob subject_key_id;
        bool has_authority_key_id; /* the keyIdentifier of it */
        Blob authority_key_id;

        bool must_staple;
        bool ocsp_no_check;
        Blob crl_points; /* content; size 0: none */
        Blob access;     /* content of authorityInfoAccess; size 0: none */
        Blob policies;   /* content; size 0: none */
        Blob policy_mappings;
        bool has_explicit_policy;
        uint32_t explicit_policy;
        bool has_inhibit_mapping;
        uint32_t inhibit_mapping;
        bool has_inhibit_any;
        uint32_t inhibit_any;

        Blob unknown_critical; /* the OID's content of the first; size 0: none */
} Extensions;

/*
 * Reads the content of a certificate's Extensions. Returns NULL, or why they are malformed (a
 * static sentence without full stop); what could be read is in @ret then.
 */
const char *extensions_read(Blob content, Extensions *ret);

/* An OID's content as dotted text, cut to @size. */
void oid_text(Blob oid, char *ret, size_t size);
