/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/extensions.h"
#include "daemon/limits.h"

bool general_name_next(Der *der, GeneralNameKind *ret_kind, Blob *ret) {
        uint8_t tag;
        unsigned kind;
        Blob content;

        if (!der_more(der))
                return false;

        content = der_any(der, &tag, NULL);
        kind = tag & 0x1f;
        if (der->bad || (tag & 0xc0) != 0x80 || kind >= _NAME_KIND_MAX) {
                der->bad = true;
                return false;
        }
        *ret_kind = kind;
        *ret = content;
        return true;
}

static const char *read_basic_constraints(Der *der, Extensions *e) {
        Der inner = der_enter(der, DER_SEQUENCE);

        e->has_basic_constraints = true;
        e->ca = der_boolean_or(&inner, false);
        if (der_more(&inner)) {
                e->has_path_length = true;
                e->path_length = der_number(&inner, DER_INTEGER, UINT32_MAX);
        }
        return der_end(&inner) < 0 ? "the basic constraints cannot be read" : NULL;
}

static const char *read_key_usage(Der *der, Extensions *e) {
        unsigned unused;
        Blob bits = der_bits(der, DER_BIT_STRING, &unused);

        e->has_key_usage = true;
        for (unsigned i = 0; bits.size > 0 && i < 8 - (bits.size == 1 ? unused : 0); i++)
                if (bits.data[0] & (0x80 >> i))
                        e->key_usage |= 1U << i;
        return bits.size == 0 ? "the key usage is empty" : NULL;
}

static bool oid_is(Blob oid, const char *bytes, size_t size) {
        return oid.size == size && memcmp(oid.data, bytes, size) == 0;
}

#define OID_IS(oid, literal) oid_is(oid, literal, sizeof(literal) - 1)

/* id-pkix, and under it id-kp and id-pe. */
#define OID_PKIX "\x2b\x06\x01\x05\x05\x07"
#define OID_KP   OID_PKIX "\x03"
#define OID_PE   OID_PKIX "\x01"

static const char *read_purposes(Der *der, Extensions *e) {
        Der inner = der_enter(der, DER_SEQUENCE);

        e->has_purposes = true;
        while (der_more(&inner)) {
                Blob oid = der_take(&inner, DER_OID);

                e->purposes |= OID_IS(oid, OID_KP "\x01")        ? PURPOSE_SERVER
                               : OID_IS(oid, OID_KP "\x09")      ? PURPOSE_OCSP
                               : OID_IS(oid, "\x55\x1d\x25\x00") ? PURPOSE_ANY
                                                                 : PURPOSE_OTHER;
        }
        return der_end(&inner) < 0 ? "the extended key usage cannot be read" : NULL;
}

static const char *read_names(Der *der, Extensions *e) {
        GeneralNameKind kind;
        Blob name;
        Der inner;

        e->has_names = true;
        e->names = der_take(der, DER_SEQUENCE);
        inner = der_of(e->names);
        if (!der_more(&inner))
                return "the list of names is empty";
        while (general_name_next(&inner, &kind, &name))
                ;
        return inner.bad ? "the list of names cannot be read" : NULL;
}

static const char *read_other_names(Der *der, Extensions *e) {
        (void) der_take(der, DER_SEQUENCE);
        return NULL;
}

static const char *read_constraints(Der *der, Extensions *e) {
        Der inner = der_enter(der, DER_SEQUENCE);
        Blob part;

        e->has_constraints = true;
        if (der_optional(&inner, DER_CONTEXT_BUILT(0), &part))
                e->permitted = part;
        if (der_optional(&inner, DER_CONTEXT_BUILT(1), &part))
                e->excluded = part;
        if (der_end(&inner) < 0)
                return "the name constraints cannot be read";
        return e->permitted.size + e->excluded.size == 0 ? "the name constraints are empty" : NULL;
}

static const char *read_subject_key_id(Der *der, Extensions *e) {
        e->subject_key_id = der_take(der, DER_OCTET_STRING);
        e->has_subject_key_id = true;
        return NULL;
}

static const char *read_authority_key_id(Der *der, Extensions *e) {
        Der inner = der_enter(der, DER_SEQUENCE);
        Blob part;

        e->has_authority_key_id = der_optional(&inner, DER_CONTEXT(0), &e->authority_key_id);
        (void) der_optional(&inner, DER_CONTEXT_BUILT(1), &part);
        (void) der_optional(&inner, DER_CONTEXT(2), &part);
        return der_end(&inner) < 0 ? "the issuer's key identifier cannot be read" : NULL;
}

/* TLS features (RFC 7633): 5 is status_request. */
static const char *read_tls_features(Der *der, Extensions *e) {
        Der inner = der_enter(der, DER_SEQUENCE);

        while (der_more(&inner))
                if (der_number(&inner, DER_INTEGER, UINT16_MAX) == 5)
                        e->must_staple = true;
        return der_end(&inner) < 0 ? "the TLS features cannot be read" : NULL;
}

static const char *read_ocsp_no_check(Der *der, Extensions *e) {
        (void) der_take(der, DER_NULL);
        e->ocsp_no_check = true;
        return NULL;
}

static const char *read_crl_points(Der *der, Extensions *e) {
        e->crl_points = der_take(der, DER_SEQUENCE);
        return NULL;
}

/* Where more about the issuer is found: pairs of a method and a place. */
static const char *read_access(Der *der, Extensions *e) {
        Der inner = der_enter(der, DER_SEQUENCE);
        GeneralNameKind kind;
        Blob place;

        e->access = inner.rest;

        while (der_more(&inner)) {
                Der access = der_enter(&inner, DER_SEQUENCE);

                (void) der_take(&access, DER_OID);
                if (!general_name_next(&access, &kind, &place) || der_end(&access) < 0)
                        return "the authority information access cannot be read";
        }
        return der_end(&inner) < 0 ? "the authority information access cannot be read" : NULL;
}

static const char *read_policies(Der *der, Extensions *e) {
        e->policies = der_take(der, DER_SEQUENCE);
        return e->policies.size == 0 ? "the list of policies is empty" : NULL;
}

static const char *read_policy_mappings(Der *der, Extensions *e) {
        e->policy_mappings = der_take(der, DER_SEQUENCE);
        return e->policy_mappings.size == 0 ? "the list of policy mappings is empty" : NULL;
}

static const char *read_policy_constraints(Der *der, Extensions *e) {
        Der inner = der_enter(der, DER_SEQUENCE);

        if (der_next_is(&inner, DER_CONTEXT(0))) {
                e->has_explicit_policy = true;
                e->explicit_policy = der_number(&inner, DER_CONTEXT(0), UINT32_MAX);
        }
        if (der_next_is(&inner, DER_CONTEXT(1))) {
                e->has_inhibit_mapping = true;
                e->inhibit_mapping = der_number(&inner, DER_CONTEXT(1), UINT32_MAX);
        }
        return der_end(&inner) < 0 ? "the policy constraints cannot be read" : NULL;
}

static const char *read_inhibit_any(Der *der, Extensions *e) {
        e->has_inhibit_any = true;
        e->inhibit_any = der_number(der, DER_INTEGER, UINT32_MAX);
        return NULL;
}

static const struct {
        const char *oid;
        size_t size;
        const char *(*read)(Der *der, Extensions *e);
} known[] = {
#define KNOWN(oid, read)                                                                           \
        { oid, sizeof(oid) - 1, read }
        KNOWN("\x55\x1d\x13", read_basic_constraints),
        KNOWN("\x55\x1d\x0f", read_key_usage),
        KNOWN("\x55\x1d\x25", read_purposes),
        KNOWN("\x55\x1d\x11", read_names),
        KNOWN("\x55\x1d\x12", read_other_names), /* the issuer's */
        KNOWN("\x55\x1d\x1e", read_constraints),
        KNOWN("\x55\x1d\x0e", read_subject_key_id),
        KNOWN("\x55\x1d\x23", read_authority_key_id),
        KNOWN("\x55\x1d\x1f", read_crl_points),
        KNOWN("\x55\x1d\x20", read_policies),
        KNOWN("\x55\x1d\x21", read_policy_mappings),
        KNOWN("\x55\x1d\x24", read_policy_constraints),
        KNOWN("\x55\x1d\x36", read_inhibit_any),
        KNOWN(OID_PE "\x01", read_access),
        KNOWN(OID_PE "\x18", read_tls_features),
        KNOWN(OID_PKIX "\x30\x01\x05", read_ocsp_no_check),
#undef KNOWN
};

static const char *read_one(Blob oid, bool critical, Blob value, Extensions *e) {
        for (size_t i = 0; i < N_ELEMENTS(known); i++) {
                Der der = der_of(value);
                const char *fault;

                if (!oid_is(oid, known[i].oid, known[i].size))
                        continue;
                fault = known[i].read(&der, e);
                if (!fault && der_end(&der) < 0)
                        fault = "an extension cannot be read";
                return fault;
        }

        if (critical && e->unknown_critical.size == 0)
                e->unknown_critical = oid;
        return NULL;
}

const char *extensions_read(Blob content, Extensions *ret) {
        Der whole = der_of(content), list = der_enter(&whole, DER_SEQUENCE);
        Blob seen[EXTENSIONS_MAX];
        const char *fault = NULL, *one;
        size_t n = 0;

        if (der_end(&whole) < 0 || !der_more(&list))
                return "the list of extensions cannot be read";

        while (der_more(&list)) {
                Der extension = der_enter(&list, DER_SEQUENCE);
                Blob oid = der_take(&extension, DER_OID);
                bool critical = der_boolean_or(&extension, false);
                Blob value = der_take(&extension, DER_OCTET_STRING);

                if (der_end(&extension) < 0 || oid.size == 0 || n >= EXTENSIONS_MAX)
                        return "the list of extensions cannot be read";

                for (size_t i = 0; i < n; i++)
                        if (blob_equal(seen[i], oid))
                                fault = "the same extension is there twice";
                seen[n++] = oid;

                one = read_one(oid, critical, value, ret);
                if (one)
                        fault = one;
        }
        return list.bad ? "the list of extensions cannot be read" : fault;
}

void oid_text(Blob oid, char *ret, size_t size) {
        uint64_t part = 0;
        size_t used = 0;
        bool first = true;

        ret[0] = '\0';
        for (size_t i = 0; i < oid.size; i++) {
                int n;

                part = part << 7 | (oid.data[i] & 0x7f);
                if (oid.data[i] & 0x80)
                        continue;
                if (first)
                        n = snprintf(ret, size, "%u.%" PRIu64,
                                     part < 80 ? (unsigned) (part / 40) : 2U,
                                     part < 80 ? part % 40 : part - 80);
                else
                        n = snprintf(ret + used, size - used, ".%" PRIu64, part);
                if (n < 0 || (size_t) n >= size - used) {
                        ret[used] = '\0';
                        return;
                }
                used += (size_t) n;
                first = false;
                part = 0;
        }
}
