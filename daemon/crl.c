/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "daemon/crl.h"

static bool oid_is(Blob oid, const char *bytes, size_t size) {
        return oid.size == size && memcmp(oid.data, bytes, size) == 0;
}

#define OID_IS(oid, literal) oid_is(oid, literal, sizeof(literal) - 1)

/* A flag of the issuing distribution point: an implicit BOOLEAN. */
static bool take_flag(Der *der, uint8_t tag) {
        Blob b = {0};

        return der_optional(der, tag, &b) && b.size == 1 && b.data[0] != 0;
}

static const char *read_scope(Blob value, CrlScope *scope) {
        Der der = der_of(value), inner = der_enter(&der, DER_SEQUENCE);
        unsigned unused;

        (void) der_optional(&inner, DER_CONTEXT_BUILT(0), &scope->point);
        scope->users_only = take_flag(&inner, DER_CONTEXT(1));
        scope->authorities_only = take_flag(&inner, DER_CONTEXT(2));
        if (der_next_is(&inner, DER_CONTEXT(3))) {
                Blob bits = der_bits(&inner, DER_CONTEXT(3), &unused);

                scope->some_reasons = true;
                for (size_t i = 0; i < bits.size && i < 2; i++)
                        scope->reasons |= (unsigned) bits.data[i] << (8 * i);
        }
        scope->indirect = take_flag(&inner, DER_CONTEXT(4));
        scope->attributes_only = take_flag(&inner, DER_CONTEXT(5));
        return der_end(&inner) < 0 || der_end(&der) < 0 ? "its distribution point cannot be read"
                                                        : NULL;
}

static const char *read_extensions(Blob content, Crl *crl) {
        Der whole = der_of(content), list = der_enter(&whole, DER_SEQUENCE);
        const char *fault = NULL;

        while (der_more(&list)) {
                Der extension = der_enter(&list, DER_SEQUENCE);
                Blob oid = der_take(&extension, DER_OID);
                bool critical = der_boolean_or(&extension, false);
                Blob value = der_take(&extension, DER_OCTET_STRING);

                if (der_end(&extension) < 0)
                        return "its extensions cannot be read";
                if (OID_IS(oid, "\x55\x1d\x1c"))
                        fault = read_scope(value, &crl->scope);
                else if (OID_IS(oid, "\x55\x1d\x1b"))
                        crl->delta = true;
                /* Its number and its issuer's key identifier change nothing for us. */
                else if (critical && !OID_IS(oid, "\x55\x1d\x14") && !OID_IS(oid, "\x55\x1d\x23"))
                        fault = "it has a critical extension that is not known";
                if (fault)
                        return fault;
        }
        return der_end(&list) < 0 || der_end(&whole) < 0 ? "its extensions cannot be read" : NULL;
}

static int read_content(Crl *crl) {
        Der whole = der_of(crl->signed_.content), tbs = der_enter(&whole, DER_SEQUENCE);
        Blob part, algorithm;

        if (der_next_is(&tbs, DER_INTEGER))
                (void) der_number(&tbs, DER_INTEGER, 1);
        algorithm = der_take_whole(&tbs, DER_SEQUENCE);
        crl->issuer = der_take_whole(&tbs, DER_SEQUENCE);
        crl->this_update = der_time(&tbs);
        if (der_next_is(&tbs, DER_UTC_TIME) || der_next_is(&tbs, DER_GENERALIZED_TIME)) {
                crl->has_next_update = true;
                crl->next_update = der_time(&tbs);
        }
        (void) der_optional(&tbs, DER_SEQUENCE, &crl->entries);
        if (der_optional(&tbs, DER_CONTEXT_BUILT(0), &part))
                crl->fault = read_extensions(part, crl);
        if (!blob_equal(algorithm, crl->signed_.algorithm))
                crl->fault = "it names two different signature algorithms";
        return der_end(&tbs) < 0 ? -EBADMSG : 0;
}

int crl_read(Blob der, Crl *ret) {
        Der whole = der_of(der), outer = der_enter(&whole, DER_SEQUENCE);
        Name issuer = {0};
        unsigned unused;
        Crl crl = {0};
        int r;

        crl.signed_.content = der_take_whole(&outer, DER_SEQUENCE);
        crl.signed_.algorithm = der_take_whole(&outer, DER_SEQUENCE);
        crl.signed_.signature = der_bits(&outer, DER_BIT_STRING, &unused);
        if (der_end(&outer) < 0 || der_end(&whole) < 0)
                return -EBADMSG;

        r = read_content(&crl);
        if (r == 0)
                r = name_read(crl.issuer, &issuer);
        if (r == 0)
                r = sha256(issuer.data, issuer.size, crl.issuer_key);
        name_done(&issuer);
        if (r < 0)
                return r;

        *ret = crl;
        return 0;
}

/* true if one of the GeneralNames of two points is the same. */
static bool shares_a_name(Blob a, Blob b) {
        Der x = der_of(a);

        while (der_more(&x)) {
                Blob one, other;
                Der y = der_of(b);

                (void) der_any(&x, NULL, &one);
                while (der_more(&y)) {
                        (void) der_any(&y, NULL, &other);
                        if (!y.bad && blob_equal(one, other))
                                return true;
                }
        }
        return false;
}

/* The full name of a DistributionPointName; size 0: there is none (a name relative to the issuer).
 */
static Blob full_name(Blob point) {
        Der der = der_of(point);
        Blob names = {0};

        (void) der_optional(&der, DER_CONTEXT_BUILT(0), &names);
        return names;
}

/* true if one of the certificate's distribution points is where the list was published. */
static bool is_published_for(const Crl *crl, const Certificate *c) {
        Der points = der_of(c->extensions.crl_points);

        if (crl->scope.point.size == 0)
                return true;
        while (der_more(&points)) {
                Der point = der_enter(&points, DER_SEQUENCE);
                Blob name = {0}, part, issuer = {0};

                (void) der_optional(&point, DER_CONTEXT_BUILT(0), &name);
                (void) der_optional(&point, DER_CONTEXT(1), &part);
                (void) der_optional(&point, DER_CONTEXT_BUILT(2), &issuer);
                if (name.size > 0 && blob_equal(name, crl->scope.point))
                        return true;
                if (shares_a_name(full_name(name), full_name(crl->scope.point)) ||
                    (name.size == 0 && shares_a_name(issuer, full_name(crl->scope.point))))
                        return true;
        }
        return false;
}

static bool covers(const Crl *crl, const Certificate *c) {
        const CrlScope *scope = &crl->scope;

        if (scope->attributes_only)
                return false;
        if (scope->users_only && c->extensions.ca)
                return false;
        if (scope->authorities_only && !c->extensions.ca)
                return false;
        return is_published_for(crl, c);
}

typedef struct Entry {
        Blob serial;
        Blob issuer; /* of an indirect list: the Name that begins here; size 0: as before */
        Revoked revoked;
        bool unknown_critical;
} Entry;

/* The name in GeneralNames that is a directory name. */
static Blob directory_name(Blob value) {
        Der der = der_of(value), names = der_enter(&der, DER_SEQUENCE);
        GeneralNameKind kind;
        Blob name;

        while (general_name_next(&names, &kind, &name))
                if (kind == NAME_DIRECTORY)
                        return name;
        return (Blob){0};
}

static bool read_entry(Der *entries, Entry *ret) {
        Der entry = der_enter(entries, DER_SEQUENCE), list;

        *ret = (Entry){.serial = der_take(&entry, DER_INTEGER)};
        ret->revoked.time = der_time(&entry);
        if (der_more(&entry)) {
                list = der_enter(&entry, DER_SEQUENCE);
                while (der_more(&list)) {
                        Der extension = der_enter(&list, DER_SEQUENCE);
                        Blob oid = der_take(&extension, DER_OID);
                        bool critical = der_boolean_or(&extension, false);
                        Blob value = der_take(&extension, DER_OCTET_STRING);

                        if (der_end(&extension) < 0)
                                return false;
                        if (OID_IS(oid, "\x55\x1d\x1d"))
                                ret->issuer = directory_name(value);
                        else if (OID_IS(oid, "\x55\x1d\x15"))
                                ret->revoked.reason = revoked_reason(value);
                        else if (critical)
                                ret->unknown_critical = true;
                }
                if (list.bad)
                        return false;
        }
        return der_end(&entry) == 0;
}

bool crl_entries_are_whole(const Crl *crl) {
        Der entries = der_of(crl->entries);
        Entry entry;

        while (der_more(&entries))
                if (!read_entry(&entries, &entry))
                        return false;
        return !entries.bad;
}

/* true if @name (whole) is @c's issuer, in whatever spelling. */
static bool is_issuer_of(Blob name, const Certificate *c) {
        Name read = {0};
        bool same = name_read(name, &read) == 0 &&
                    blob_equal(name_blob(&read), name_blob(&c->issuer_name));

        name_done(&read);
        return same;
}

CrlAnswer crl_look_up(const Crl *crl, const Certificate *c, Revoked *ret) {
        bool ours = memcmp(crl->issuer_key, c->issuer_key, SHA256_SIZE) == 0;
        bool revoked = false, unknown = false;
        Der entries = der_of(crl->entries);

        while (der_more(&entries)) {
                Entry entry;

                if (!read_entry(&entries, &entry))
                        return CRL_UNREADABLE;
                if (crl->scope.indirect && entry.issuer.size > 0)
                        ours = is_issuer_of(entry.issuer, c);
                unknown |= entry.unknown_critical;
                if (ours && blob_equal(entry.serial, c->serial)) {
                        revoked = entry.revoked.reason != REVOKED_REMOVED;
                        *ret = entry.revoked;
                }
        }
        if (entries.bad)
                return CRL_UNREADABLE;
        /* A serial number is one certificate's, wherever it is listed. */
        if (revoked)
                return CRL_REVOKED;
        if (!covers(crl, c))
                return CRL_NOT_COVERED;
        /* Whatever the unknown thing says, it may be said of the certificate. */
        return unknown ? CRL_UNREADABLE : CRL_NOT_LISTED;
}
