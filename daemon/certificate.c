/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "daemon/certificate.h"
#include "daemon/limits.h"

/* The fields from the version to the extensions. A fault is kept and does not end the reading
 * unless nothing can be told after it. */
static int read_tbs(Certificate *c, Der *tbs, Blob *ret_inner_algorithm) {
        Der explicit, dates;
        bool has_ids;
        Blob part;

        c->version = 1;
        if (der_next_is(tbs, DER_CONTEXT_BUILT(0))) {
                explicit = der_enter(tbs, DER_CONTEXT_BUILT(0));
                c->version = 1 + der_number(&explicit, DER_INTEGER, 2);
                if (der_end(&explicit) < 0)
                        return -EBADMSG;
        }

        c->serial = der_take(tbs, DER_INTEGER);
        *ret_inner_algorithm = der_take_whole(tbs, DER_SEQUENCE);
        c->issuer = der_take_whole(tbs, DER_SEQUENCE);

        dates = der_enter(tbs, DER_SEQUENCE);
        c->not_before = der_time(&dates);
        c->not_after = der_time(&dates);
        c->has_dates = !tbs->bad && der_end(&dates) == 0;
        if (!c->has_dates)
                c->fault = "its dates cannot be read";

        c->subject = der_take_whole(tbs, DER_SEQUENCE);
        c->key = der_take_whole(tbs, DER_SEQUENCE);
        if (tbs->bad || c->serial.size == 0)
                return -EBADMSG;

        has_ids = der_optional(tbs, DER_CONTEXT(1), &part);
        has_ids = der_optional(tbs, DER_CONTEXT(2), &part) || has_ids;
        if (has_ids && c->version < 2)
                c->fault = "it has fields that its version does not know";
        if (der_optional(tbs, DER_CONTEXT_BUILT(3), &part)) {
                const char *fault = extensions_read(part, &c->extensions);

                if (fault)
                        c->fault = fault;
                if (c->version < 3)
                        c->fault = "it has extensions, which its version does not know";
        }
        if (c->version == 2)
                c->fault = "it is of version 2, which was never in use";
        if (der_end(tbs) < 0)
                c->fault = "there is something after its last field";
        return 0;
}

static int read_all(Certificate *c) {
        Der whole = der_of(c->der), outer, tbs;
        Blob inner_algorithm;
        unsigned unused;
        int r;

        outer = der_enter(&whole, DER_SEQUENCE);
        c->tbs = der_take_whole(&outer, DER_SEQUENCE);
        c->signature_algorithm = der_take_whole(&outer, DER_SEQUENCE);
        c->signature = der_bits(&outer, DER_BIT_STRING, &unused);
        if (outer.bad)
                return -EBADMSG;

        whole.bad = whole.bad || outer.rest.size > 0 || unused > 0;
        outer = der_of(c->tbs);
        tbs = der_enter(&outer, DER_SEQUENCE);
        r = read_tbs(c, &tbs, &inner_algorithm);
        if (r < 0)
                return r;

        if (der_end(&whole) < 0)
                c->fault = "there is something after its end";
        if (!blob_equal(inner_algorithm, c->signature_algorithm))
                c->fault = "it names two different signature algorithms";
        return 0;
}

static int digest_all(Certificate *c) {
        int r;

        r = name_read(c->issuer, &c->issuer_name);
        if (r == 0)
                r = name_read(c->subject, &c->subject_name);
        if (r == 0)
                r = sha256(c->der.data, c->der.size, c->sha256);
        if (r == 0)
                r = sha256(c->key.data, c->key.size, c->key_sha256);
        if (r == 0)
                r = sha256(c->issuer_name.data, c->issuer_name.size, c->issuer_key);
        if (r == 0)
                r = sha256(c->subject_name.data, c->subject_name.size, c->subject_key);
        return r;
}

int certificate_new(Blob der, CertificateKind kind, int index, Certificate **ret) {
        _cleanup_(certificate_freep) Certificate *c = NULL;
        int r;

        if (der.size > CERTIFICATE_BYTES_MAX)
                return -EBADMSG;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->kind = kind;
        c->index = index;
        c->der = der;

        r = read_all(c);
        if (r < 0)
                return r;

        r = digest_all(c);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

Certificate *certificate_free(Certificate *c) {
        if (!c)
                return NULL;
        if (c->crt)
                gnutls_x509_crt_deinit(c->crt);
        if (c->pubkey)
                gnutls_pubkey_deinit(c->pubkey);
        name_done(&c->issuer_name);
        name_done(&c->subject_name);
        free(c);
        return NULL;
}

static gnutls_datum_t datum(Blob b) {
        return (gnutls_datum_t){(unsigned char *) b.data, (unsigned) b.size};
}

gnutls_x509_crt_t certificate_crt(Certificate *c) {
        gnutls_datum_t der = datum(c->der);
        gnutls_x509_crt_t crt = NULL;

        if (c->crt || c->crt_tried)
                return c->crt;

        c->crt_tried = true;
        if (gnutls_x509_crt_init(&crt) < 0)
                return NULL;
        if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) < 0)
                gnutls_x509_crt_deinit(crt);
        else
                c->crt = crt;
        return c->crt;
}

gnutls_pubkey_t certificate_pubkey(Certificate *c) {
        gnutls_datum_t der = datum(c->key);
        gnutls_pubkey_t pubkey = NULL;

        if (c->pubkey || c->pubkey_tried)
                return c->pubkey;

        c->pubkey_tried = true;
        if (gnutls_pubkey_init(&pubkey) < 0)
                return NULL;
        if (gnutls_pubkey_import(pubkey, &der, GNUTLS_X509_FMT_DER) < 0)
                gnutls_pubkey_deinit(pubkey);
        else
                c->pubkey = pubkey;
        return c->pubkey;
}

/* A GeneralName as people know it, in new text. */
static int general_name_text(GeneralNameKind kind, Blob name, char **ret) {
        char address[INET6_ADDRSTRLEN];
        const char *known = NULL;

        switch (kind) {
        case NAME_DNS:
        case NAME_EMAIL:
        case NAME_URI:
                return facts_text(name.data, name.size, ret);
        case NAME_DIRECTORY:
                return name_text(name, ret);
        case NAME_ADDRESS:
                if (name.size == 4 || name.size == 16)
                        known = inet_ntop(name.size == 4 ? AF_INET : AF_INET6, name.data, address,
                                          sizeof(address));
                break;
        case NAME_OTHER:
        case NAME_X400:
        case NAME_EDI:
        case NAME_REGISTERED_ID:
        case _NAME_KIND_MAX:
                break;
        }

        *ret = strdup(known ? known : "?");
        return *ret ? 0 : -ENOMEM;
}

Blob certificate_common_name(const Certificate *c) {
        Der whole = der_of(c->subject), names = der_enter(&whole, DER_SEQUENCE);
        Blob found = {0};

        while (der_more(&names)) {
                Der set = der_enter(&names, DER_SET);

                while (der_more(&set)) {
                        Der attribute = der_enter(&set, DER_SEQUENCE);
                        Blob oid = der_take(&attribute, DER_OID);
                        Blob value = der_any(&attribute, NULL, NULL);

                        if (oid.size == 3 && memcmp(oid.data, "\x55\x04\x03", 3) == 0)
                                found = value;
                }
        }
        return found;
}

static int facts_names(const Certificate *c, CertificateFacts *facts) {
        Der names = der_of(c->extensions.names);
        GeneralNameKind kind;
        Blob name;
        int r;

        facts->names = calloc(FACTS_NAMES_MAX + 1, sizeof(*facts->names));
        if (!facts->names)
                return -ENOMEM;

        if (!c->extensions.has_names) {
                name = certificate_common_name(c);
                if (name.size == 0)
                        return 0;
                r = facts_text(name.data, name.size, &facts->names[0]);
                if (r == 0)
                        facts->n_names = 1;
                return r;
        }

        while (facts->n_names < FACTS_NAMES_MAX && general_name_next(&names, &kind, &name)) {
                r = general_name_text(kind, name, &facts->names[facts->n_names]);
                if (r < 0)
                        return r;
                facts->n_names++;
        }
        return 0;
}

int certificate_facts_of(const Certificate *c, CertificateFacts **ret) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        size_t serial_size = c->serial.size < 64 ? c->serial.size : 64;
        int r;

        facts = calloc(1, sizeof(*facts));
        if (!facts)
                return -ENOMEM;
        memcpy(facts->sha256, c->sha256, SHA256_SIZE);
        memcpy(facts->key_sha256, c->key_sha256, SHA256_SIZE);
        facts->not_before = c->not_before;
        facts->not_after = c->not_after;

        r = name_text(c->subject, &facts->subject);
        if (r == 0)
                r = name_text(c->issuer, &facts->issuer);
        if (r == 0)
                r = facts_names(c, facts);
        if (r < 0)
                return r;

        facts->serial = malloc(2 * serial_size + 1);
        if (!facts->serial)
                return -ENOMEM;
        hex_encode(c->serial.data, serial_size, facts->serial);

        *ret = TAKE_PTR(facts);
        return 0;
}
