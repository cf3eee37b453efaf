/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "tests/pki.h"

struct Pki {
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt; /* NULL when the DER is damaged on purpose */
        gnutls_datum_t der;
};

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "pki: cannot %s: %s\n", what, gnutls_strerror(r));
        abort();
}

static void *must_have(void *p) {
        if (!p)
                must(GNUTLS_E_MEMORY_ERROR, "allocate");
        return p;
}

static gnutls_x509_privkey_t make_key(PkiKey kind) {
        static const struct {
                gnutls_pk_algorithm_t algorithm;
                unsigned bits;
        } kinds[] = {
                [PKI_P256] = {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)},
                [PKI_P192] = {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP192R1)},
                [PKI_P384] = {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1)},
                [PKI_ED25519] = {GNUTLS_PK_EDDSA_ED25519, 0},
                [PKI_RSA_1024] = {GNUTLS_PK_RSA, 1024},
                [PKI_RSA_2048] = {GNUTLS_PK_RSA, 2048},
                [PKI_DSA_2048] = {GNUTLS_PK_DSA, 2048},
        };
        gnutls_x509_privkey_t key = NULL;

        must(gnutls_x509_privkey_init(&key), "begin a key");
        must(gnutls_x509_privkey_generate(key, kinds[kind].algorithm, kinds[kind].bits, 0),
             "make a key");
        return key;
}

static gnutls_x509_privkey_t copy_key(const Pki *from) {
        gnutls_x509_privkey_t key = NULL;

        must(gnutls_x509_privkey_init(&key), "begin a key");
        must(gnutls_x509_privkey_cpy(key, from->key), "copy a key");
        return key;
}

static void set_name(gnutls_x509_crt_t crt, const char *name) {
        unsigned char address[16];

        if (inet_pton(AF_INET, name, address) == 1)
                must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4,
                                                          GNUTLS_FSAN_APPEND),
                     "set an address");
        else if (inet_pton(AF_INET6, name, address) == 1)
                must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 16,
                                                          GNUTLS_FSAN_APPEND),
                     "set an address");
        else
                must(gnutls_x509_crt_set_subject_alt_name(
                             crt, strchr(name, '@') ? GNUTLS_SAN_RFC822NAME : GNUTLS_SAN_DNSNAME,
                             name, (unsigned) strlen(name), GNUTLS_FSAN_APPEND),
                     "set a name");
}

static void set_subject(gnutls_x509_crt_t crt, const PkiSpec *spec) {
        const char *cn = spec->subject;
        size_t size = spec->subject_size;

        if (!cn)
                cn = spec->name ? spec->name : spec->names ? spec->names[0] : NULL;
        if (cn && size == 0)
                size = strlen(cn);

        if (spec->organization)
                must(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
                                                   spec->organization,
                                                   (unsigned) strlen(spec->organization)),
                     "set the organization");
        if (cn && !spec->empty_subject)
                must(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                                   (unsigned) size),
                     "set the subject");
}

/* "192.0.2.0/24" as address and mask; 0 bytes when @text is a DNS name. */
static size_t subtree_address(const char *text, unsigned char ret[32]) {
        char address[64];
        const char *slash = strchr(text, '/');
        int family = strchr(text, ':') ? AF_INET6 : AF_INET;
        size_t half = family == AF_INET6 ? 16 : 4;

        if (!slash || (size_t) (slash - text) >= sizeof(address))
                return 0;
        memcpy(address, text, (size_t) (slash - text));
        address[slash - text] = '\0';
        if (inet_pton(family, address, ret) != 1)
                return 0;

        memset(ret + half, 0, half);
        for (int bit = 0; bit < atoi(slash + 1); bit++)
                ret[half + (size_t) bit / 8] |= (unsigned char) (0x80 >> bit % 8);
        return 2 * half;
}

static void add_subtree(gnutls_x509_name_constraints_t nc, const char *text, bool permitted) {
        unsigned char address[32];
        size_t size = subtree_address(text, address);
        gnutls_x509_subject_alt_name_t type = GNUTLS_SAN_DNSNAME;
        gnutls_datum_t name = {(unsigned char *) text, (unsigned) strlen(text)};

        if (size > 0) {
                type = GNUTLS_SAN_IPADDRESS;
                name = (gnutls_datum_t){address, (unsigned) size};
        } else if (strchr(text, '@'))
                type = GNUTLS_SAN_RFC822NAME;

        must(permitted ? gnutls_x509_name_constraints_add_permitted(nc, type, &name)
                       : gnutls_x509_name_constraints_add_excluded(nc, type, &name),
             "add a name constraint");
}

static void set_constraints(gnutls_x509_crt_t crt, const PkiSpec *spec) {
        gnutls_x509_name_constraints_t nc = NULL;

        if (!spec->permitted && !spec->excluded)
                return;

        must(gnutls_x509_name_constraints_init(&nc), "begin name constraints");
        for (size_t i = 0; spec->permitted && spec->permitted[i]; i++)
                add_subtree(nc, spec->permitted[i], true);
        for (size_t i = 0; spec->excluded && spec->excluded[i]; i++)
                add_subtree(nc, spec->excluded[i], false);
        must(gnutls_x509_crt_set_name_constraints(crt, nc, 1), "set name constraints");
        gnutls_x509_name_constraints_deinit(nc);
}

static void set_usage(gnutls_x509_crt_t crt, const PkiSpec *spec) {
        unsigned usage = spec->key_usage;
        const char *purpose = spec->purpose;

        if (usage == 0)
                usage = spec->ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                 : GNUTLS_KEY_DIGITAL_SIGNATURE;
        if (usage != PKI_NO_KEY_USAGE)
                must(gnutls_x509_crt_set_key_usage(crt, usage), "set the key usage");

        if (!purpose && !spec->ca)
                purpose = GNUTLS_KP_TLS_WWW_SERVER;
        if (purpose && strcmp(purpose, PKI_NO_PURPOSES) != 0)
                must(gnutls_x509_crt_set_key_purpose_oid(crt, purpose, 0), "set the purpose");
}

static void set_key_ids(gnutls_x509_crt_t crt, const Pki *issuer) {
        unsigned char id[64];
        size_t size = sizeof(id);

        must(gnutls_x509_crt_get_key_id(crt, 0, id, &size), "read a key id");
        must(gnutls_x509_crt_set_subject_key_id(crt, id, size), "set the key id");

        size = sizeof(id);
        if (issuer && issuer->crt &&
            gnutls_x509_crt_get_subject_key_id(issuer->crt, id, &size, NULL) >= 0)
                must(gnutls_x509_crt_set_authority_key_id(crt, id, size),
                     "set the issuer's key id");
}

static void set_extensions(gnutls_x509_crt_t crt, const PkiSpec *spec) {
        static const unsigned char null_der[] = {0x05, 0x00};
        static const unsigned char must_staple_der[] = {0x30, 0x03, 0x02, 0x01, 0x05};

        if (!spec->no_basic_constraints)
                must(gnutls_x509_crt_set_basic_constraints(crt, spec->ca, spec->path_length - 1),
                     "set the basic constraints");
        set_usage(crt, spec);
        if (spec->name)
                set_name(crt, spec->name);
        for (size_t i = 0; spec->names && spec->names[i]; i++)
                set_name(crt, spec->names[i]);
        set_constraints(crt, spec);
        set_key_ids(crt, spec->issuer);

        if (spec->must_staple)
                must(gnutls_x509_crt_set_extension_by_oid(crt, "1.3.6.1.5.5.7.1.24",
                                                          must_staple_der, sizeof(must_staple_der),
                                                          0),
                     "demand a staple");
        if (spec->unknown_critical)
                must(gnutls_x509_crt_set_extension_by_oid(crt, spec->unknown_critical, null_der,
                                                          sizeof(null_der), 1),
                     "set a critical extension");
        for (size_t i = 0; i < spec->n_extensions; i++)
                must(gnutls_x509_crt_set_extension_by_oid(
                             crt, spec->extensions[i].oid, spec->extensions[i].der,
                             spec->extensions[i].size, spec->extensions[i].critical),
                     "set an extension");
}

static void set_serial(gnutls_x509_crt_t crt) {
        static uint32_t counter;
        unsigned char serial[8];

        must(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)), "make a serial number");
        serial[0] = 0x40;
        counter++;
        memcpy(serial + 1, &counter, sizeof(counter));
        must(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)), "set the serial number");
}

static gnutls_digest_algorithm_t fitting_digest(gnutls_x509_privkey_t key) {
        return gnutls_x509_privkey_get_pk_algorithm(key) == GNUTLS_PK_EDDSA_ED25519
                       ? GNUTLS_DIG_SHA512 /* its own part of the signature */
                       : GNUTLS_DIG_SHA256;
}

/* The signature is the last field of a certificate: its last byte is the last of the DER. */
static void turn_a_bit(Pki *pki) {
        pki->der.data[pki->der.size - 1] ^= 1;
        gnutls_x509_crt_deinit(pki->crt);
        pki->crt = NULL;
        must(gnutls_x509_crt_init(&pki->crt), "begin a certificate");
        must(gnutls_x509_crt_import(pki->crt, &pki->der, GNUTLS_X509_FMT_DER), "read it again");
}

Pki *pki_new(const PkiSpec *spec) {
        Pki *pki = must_have(calloc(1, sizeof(*pki)));
        const Pki *issuer = spec->issuer ? spec->issuer : pki;

        pki->key = spec->key_of ? copy_key(spec->key_of) : make_key(spec->key);
        must(gnutls_x509_crt_init(&pki->crt), "begin a certificate");
        must(gnutls_x509_crt_set_version(pki->crt, spec->version ? spec->version : 3),
             "set the version");
        must(gnutls_x509_crt_set_key(pki->crt, pki->key), "set the key");
        must(gnutls_x509_crt_set_activation_time(pki->crt, spec->not_before ? spec->not_before
                                                                            : PKI_NOT_BEFORE),
             "set the first date");
        must(gnutls_x509_crt_set_expiration_time(pki->crt,
                                                 spec->not_after ? spec->not_after : PKI_NOT_AFTER),
             "set the last date");
        set_serial(pki->crt);
        set_subject(pki->crt, spec);
        if (spec->version != 1)
                set_extensions(pki->crt, spec);

        must(gnutls_x509_crt_sign2(pki->crt, issuer->crt, issuer->key,
                                   spec->digest ? spec->digest : fitting_digest(issuer->key),
                                   spec->pss ? GNUTLS_PRIVKEY_SIGN_FLAG_RSA_PSS : 0),
             "sign");
        must(gnutls_x509_crt_export2(pki->crt, GNUTLS_X509_FMT_DER, &pki->der), "export");
        if (spec->false_signature)
                turn_a_bit(pki);
        return pki;
}

Pki *pki_free(Pki *pki) {
        if (!pki)
                return NULL;
        if (pki->crt)
                gnutls_x509_crt_deinit(pki->crt);
        if (pki->key)
                gnutls_x509_privkey_deinit(pki->key);
        gnutls_free(pki->der.data);
        free(pki);
        return NULL;
}

Pki *pki_from_der(const void *der, size_t size) {
        Pki *pki = must_have(calloc(1, sizeof(*pki)));

        pki->der.data = must_have(gnutls_malloc(size + 1));
        memcpy(pki->der.data, der, size);
        pki->der.size = (unsigned) size;
        return pki;
}

Blob pki_der(const Pki *pki) {
        return (Blob){pki->der.data, pki->der.size};
}

gnutls_x509_crt_t pki_crt(const Pki *pki) {
        return pki->crt;
}

gnutls_x509_privkey_t pki_key(const Pki *pki) {
        return pki->key;
}

static char *text_of(gnutls_datum_t *d) {
        char *text = must_have(malloc((size_t) d->size + 1));

        memcpy(text, d->data, d->size);
        text[d->size] = '\0';
        gnutls_free(d->data);
        return text;
}

char *pki_pem(const Pki *pki) {
        gnutls_datum_t pem = {0};

        must(gnutls_pem_base64_encode2("CERTIFICATE", &pki->der, &pem), "write PEM");
        return text_of(&pem);
}

char *pki_key_pem(const Pki *pki) {
        gnutls_datum_t pem = {0};

        must(gnutls_x509_privkey_export2_pkcs8(pki->key, GNUTLS_X509_FMT_PEM, NULL,
                                               GNUTLS_PKCS_PLAIN, &pem),
             "write a key as PEM");
        return text_of(&pem);
}

void pki_write(const char *path, const Pki *const *certificates, size_t n, bool with_key) {
        FILE *f = fopen(path, "we");

        if (!f)
                must(GNUTLS_E_FILE_ERROR, path);
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *pem = pki_pem(certificates[i]);

                fputs(pem, f);
        }
        if (with_key) {
                _cleanup_free_ char *pem = pki_key_pem(certificates[0]);

                fputs(pem, f);
        }
        if (fclose(f) != 0)
                must(GNUTLS_E_FILE_ERROR, path);
}
