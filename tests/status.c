/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "daemon/der.h"
#include "tests/assemble.h"
#include "tests/status.h"

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "status: cannot %s: %s\n", what, gnutls_strerror(r));
        abort();
}

Status status_list(const Pki *issuer, const Pki *const *revoked, int64_t this_update,
                   int64_t next_update) {
        gnutls_datum_t der = {0};
        gnutls_x509_crl_t crl;
        Status s;

        must(gnutls_x509_crl_init(&crl), "begin a list");
        must(gnutls_x509_crl_set_version(crl, 2), "set its version");
        must(gnutls_x509_crl_set_this_update(crl, this_update ? this_update : PKI_NOW - PKI_DAY),
             "set its date");
        must(gnutls_x509_crl_set_next_update(crl, next_update ? next_update : PKI_NOW + PKI_DAY),
             "set its next date");
        must(gnutls_x509_crl_set_number(crl, "\x01", 1), "set its number");
        for (size_t i = 0; revoked && revoked[i]; i++)
                must(gnutls_x509_crl_set_crt(crl, pki_crt(revoked[i]), PKI_NOW - 2 * PKI_DAY),
                     "list a certificate");
        must(gnutls_x509_crl_sign2(crl, pki_crt(issuer), pki_key(issuer), GNUTLS_DIG_SHA256, 0),
             "sign a list");
        must(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_DER, &der), "export a list");
        gnutls_x509_crl_deinit(crl);

        s = (Status){malloc(der.size), der.size};
        if (!s.data)
                abort();
        memcpy(s.data, der.data, der.size);
        gnutls_free(der.data);
        return s;
}

/* -- answers --------------------------------------------------------------------------------- */

/* The parts of a certificate that answers speak of. */
typedef struct Parts {
        Blob serial;
        Blob subject;
        Blob key; /* the bits */
} Parts;

static Parts parts_of(const Pki *pki) {
        Der whole = der_of(pki_der(pki)), outer = der_enter(&whole, DER_SEQUENCE);
        Der tbs = der_enter(&outer, DER_SEQUENCE), key;
        unsigned unused;
        Parts p = {0};
        Blob part;

        (void) der_optional(&tbs, DER_CONTEXT_BUILT(0), &part);
        p.serial = der_take(&tbs, DER_INTEGER);
        for (unsigned i = 0; i < 3; i++) /* algorithm, issuer, dates */
                (void) der_take(&tbs, DER_SEQUENCE);
        p.subject = der_take_whole(&tbs, DER_SEQUENCE);
        key = der_enter(&tbs, DER_SEQUENCE);
        (void) der_take(&key, DER_SEQUENCE);
        p.key = der_bits(&key, DER_BIT_STRING, &unused);
        if (key.bad)
                abort();
        return p;
}

static void append_sha1(Status *to, Blob data) {
        uint8_t digest[20];

        must(gnutls_hash_fast(GNUTLS_DIG_SHA1, data.data, data.size, digest), "digest");
        assemble_element(to, DER_OCTET_STRING, digest, sizeof(digest));
}

static void append_reason(Status *to, uint8_t tag, unsigned reason) {
        const uint8_t number = (uint8_t) reason;
        Status value = {0};

        if (reason == 0)
                return;
        assemble_element(&value, DER_ENUMERATED, &number, 1);
        assemble_built(to, tag, &value);
}

static void append_entry(Status *to, const Pki *issuer, const StatusEntry *entry) {
        static const uint8_t sha1[] = {0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                       0x03, 0x02, 0x1a, 0x05, 0x00};
        Parts above = parts_of(issuer), about = parts_of(entry->certificate);
        Status id = {0}, single = {0}, inner = {0};

        assemble(&id, sha1, sizeof(sha1));
        append_sha1(&id, above.subject);
        append_sha1(&id, above.key);
        assemble_element(&id, DER_INTEGER, about.serial.data, about.serial.size);
        assemble_built(&single, DER_SEQUENCE, &id);

        if (entry->word == STATUS_REVOKED) {
                if (!entry->timeless)
                        assemble_time(&inner, PKI_NOW - 2 * PKI_DAY);
                append_reason(&inner, DER_CONTEXT_BUILT(0), entry->reason);
                assemble_built(&single, DER_CONTEXT_BUILT(1), &inner);
        } else
                assemble_element(&single,
                               entry->word == STATUS_GOOD ? DER_CONTEXT(0) : DER_CONTEXT(2), "", 0);

        assemble_time(&single, entry->this_update ? entry->this_update : PKI_NOW - PKI_DAY);
        if (entry->next_update >= 0) {
                assemble_time(&inner, entry->next_update ? entry->next_update : PKI_NOW + PKI_DAY);
                assemble_built(&single, DER_CONTEXT_BUILT(0), &inner);
        }
        assemble_built(to, DER_SEQUENCE, &single);
}

static void append_signature(Status *to, const Pki *signer, const Status *data) {
        static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                               0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
        gnutls_datum_t content = {data->data, (unsigned) data->size}, signature = {0};
        Status bits = {0};
        gnutls_privkey_t key;

        must(gnutls_privkey_init(&key), "begin a key");
        must(gnutls_privkey_import_x509(key, pki_key(signer), 0), "take a key");
        must(gnutls_privkey_sign_data(key, GNUTLS_DIG_SHA256, 0, &content, &signature), "sign");
        gnutls_privkey_deinit(key);

        assemble(to, ecdsa_sha256, sizeof(ecdsa_sha256));
        assemble(&bits, "", 1);
        assemble(&bits, signature.data, signature.size);
        assemble_built(to, DER_BIT_STRING, &bits);
        gnutls_free(signature.data);
}

static void append_revoked(Status *to, const void *serial, size_t size, unsigned reason) {
        Status entry = {0}, extension = {0}, list = {0};

        assemble_element(&entry, DER_INTEGER, serial, size);
        assemble_time(&entry, PKI_NOW - 2 * PKI_DAY);
        if (reason) {
                assemble_element(&extension, DER_OID, "\x55\x1d\x15", 3);
                append_reason(&extension, DER_OCTET_STRING, reason);
                assemble_built(&list, DER_SEQUENCE, &extension);
                assemble_built(&entry, DER_SEQUENCE, &list);
        }
        assemble_built(to, DER_SEQUENCE, &entry);
}

static void append_padding(Status *to, size_t size) {
        Status extension = {0}, list = {0}, bytes = {calloc(1, size), size};

        if (!bytes.data)
                abort();
        assemble_element(&extension, DER_OID, "\x2a\x03\x04", 3);
        assemble_built(&extension, DER_OCTET_STRING, &bytes);
        assemble_built(&list, DER_SEQUENCE, &extension);
        assemble_built(&extension, DER_SEQUENCE, &list);
        assemble_built(to, DER_CONTEXT_BUILT(0), &extension);
}

static Status make_list(const Pki *issuer, const Pki *revoked, unsigned reason, size_t n,
                        size_t padding) {
        static const uint8_t method[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                         0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
        Status tbs = {0}, entries = {0}, inner = {0}, whole = {0};
        Parts by = parts_of(issuer);

        assemble_element(&tbs, DER_INTEGER, "\x01", 1);
        assemble(&tbs, method, sizeof(method));
        assemble(&tbs, by.subject.data, by.subject.size);
        assemble_time(&tbs, PKI_NOW - PKI_DAY);
        assemble_time(&tbs, PKI_NOW + PKI_DAY);
        for (size_t i = 0; i < n; i++) {
                const uint8_t serial[] = {0x10, (uint8_t) (i >> 16), (uint8_t) (i >> 8),
                                          (uint8_t) i};

                append_revoked(&entries, serial, sizeof(serial), 0);
        }
        if (revoked) {
                Parts about = parts_of(revoked);

                append_revoked(&entries, about.serial.data, about.serial.size, reason);
        }
        if (entries.size > 0)
                assemble_built(&tbs, DER_SEQUENCE, &entries);
        if (padding > 0)
                append_padding(&tbs, padding);
        assemble_built(&inner, DER_SEQUENCE, &tbs);

        assemble(&entries, inner.data, inner.size);
        append_signature(&entries, issuer, &inner);
        status_done(&inner);
        assemble_built(&whole, DER_SEQUENCE, &entries);
        return whole;
}

Status status_long_list(const Pki *issuer, const Pki *revoked, size_t n, size_t padding) {
        return make_list(issuer, revoked, 0, n, padding);
}

Status status_list_with_reason(const Pki *issuer, const Pki *revoked, unsigned reason) {
        return make_list(issuer, revoked, reason, 0, 0);
}

Status status_answer(const Pki *issuer, const Pki *signer, unsigned n_others,
                     const StatusEntry *entries, size_t n) {
        static const uint8_t basic_oid[] = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05,
                                            0x05, 0x07, 0x30, 0x01, 0x01};
        Status data = {0}, inner = {0}, basic = {0}, outer = {0}, whole = {0};
        Parts by = parts_of(signer);

        assemble_element(&data, DER_CONTEXT_BUILT(1), by.subject.data, by.subject.size);
        assemble_time(&data, PKI_NOW - PKI_DAY);
        for (size_t i = 0; i < n; i++)
                append_entry(&inner, issuer, &entries[i]);
        assemble_built(&data, DER_SEQUENCE, &inner);
        assemble_built(&inner, DER_SEQUENCE, &data);

        assemble(&basic, inner.data, inner.size);
        append_signature(&basic, signer, &inner);
        status_done(&inner);
        if (signer != issuer) {
                for (unsigned i = 0; i < n_others; i++)
                        assemble(&data, pki_der(issuer).data, pki_der(issuer).size);
                assemble(&data, pki_der(signer).data, pki_der(signer).size);
                assemble_built(&inner, DER_SEQUENCE, &data);
                assemble_built(&basic, DER_CONTEXT_BUILT(0), &inner);
        }

        assemble_built(&inner, DER_SEQUENCE, &basic);
        assemble(&data, basic_oid, sizeof(basic_oid));
        assemble_built(&data, DER_OCTET_STRING, &inner);
        assemble_built(&inner, DER_SEQUENCE, &data);
        assemble_element(&outer, DER_ENUMERATED, "", 1);
        assemble_built(&outer, DER_CONTEXT_BUILT(0), &inner);
        assemble_built(&whole, DER_SEQUENCE, &outer);
        return whole;
}

Status status_error(void) {
        static const uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
        Status s = {0};

        assemble(&s, try_later, sizeof(try_later));
        return s;
}
