/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/algorithms.h"
#include "daemon/limits.h"

/* RSA and DH keys below this, curves below that (DESIGN, problems). */
#define RSA_BITS_MIN   2048U
#define CURVE_BITS_MIN 224U

/* iso.member-body.us.rsadsi.pkcs.pkcs-1, and ansi-x962. */
#define OID_PKCS1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define OID_X962  "\x2a\x86\x48\xce\x3d"

static bool is(Blob oid, const char *bytes, size_t size) {
        return oid.size == size && memcmp(oid.data, bytes, size) == 0;
}

#define OID_IS(oid, literal) is(oid, literal, sizeof(literal) - 1)

typedef enum KeyKind { KEY_RSA, KEY_CURVE, KEY_EDWARDS, KEY_DSA, KEY_DH, KEY_OTHER } KeyKind;

typedef struct KeyFacts {
        KeyKind kind;
        unsigned bits;
        bool exponent_is_bad;
        bool too_large;
        Blob oid;
        const char *fault;
} KeyFacts;

static unsigned bits_of(Blob integer) {
        unsigned bits;

        while (integer.size > 0 && integer.data[0] == 0) {
                integer.data++;
                integer.size--;
        }
        if (integer.size == 0)
                return 0;
        bits = (unsigned) (integer.size - 1) * 8;
        for (uint8_t top = integer.data[0]; top; top >>= 1)
                bits++;
        return bits;
}

static void read_rsa(Blob key, KeyFacts *facts) {
        Der whole = der_of(key), inner = der_enter(&whole, DER_SEQUENCE);
        Blob modulus = der_take(&inner, DER_INTEGER), exponent = der_take(&inner, DER_INTEGER);

        facts->kind = KEY_RSA;
        if (der_end(&inner) < 0 || der_end(&whole) < 0 || modulus.size == 0 || exponent.size == 0 ||
            exponent.data[0] >= 0x80) {
                facts->fault = "its RSA key cannot be read";
                return;
        }
        /* Some old programs forgot the zero before a modulus, which has no sign anyway. */
        facts->bits = bits_of(modulus);
        /* An exponent of one makes every message its own signature. */
        facts->exponent_is_bad = bits_of(exponent) < 2 || exponent.data[exponent.size - 1] % 2 == 0;
        facts->too_large = facts->bits > RSA_BITS_MAX || exponent.size > RSA_EXPONENT_BYTES_MAX;
}

static void read_curve(Der *parameters, Blob point, KeyFacts *facts) {
        facts->kind = KEY_CURVE;
        /* A curve that the certificate brings along itself can be chosen to fit any key. */
        if (!der_next_is(parameters, DER_OID) || point.size < 2) {
                facts->fault = "its key names no known curve";
                return;
        }
        facts->bits = (unsigned) (point.size - 1) * (point.data[0] == 4 ? 4 : 8);
}

static void read_dh(Der *parameters, KeyFacts *facts) {
        Der inner = der_enter(parameters, DER_SEQUENCE);
        Blob prime = der_take(&inner, DER_INTEGER);

        facts->kind = KEY_DH;
        facts->bits = bits_of(prime);
}

static KeyFacts read_key(Blob spki) {
        KeyFacts facts = {.kind = KEY_OTHER};
        Der whole = der_of(spki), inner = der_enter(&whole, DER_SEQUENCE);
        Der algorithm = der_enter(&inner, DER_SEQUENCE);
        unsigned unused;
        Blob bits;

        facts.oid = der_take(&algorithm, DER_OID);
        bits = der_bits(&inner, DER_BIT_STRING, &unused);
        if (algorithm.bad || der_end(&inner) < 0 || der_end(&whole) < 0 || unused > 0) {
                facts.fault = "its key cannot be read";
                return facts;
        }

        if (OID_IS(facts.oid, OID_PKCS1 "\x01") || OID_IS(facts.oid, OID_PKCS1 "\x0a"))
                read_rsa(bits, &facts);
        else if (OID_IS(facts.oid, OID_X962 "\x02\x01"))
                read_curve(&algorithm, bits, &facts);
        else if (OID_IS(facts.oid, "\x2b\x65\x70") || OID_IS(facts.oid, "\x2b\x65\x71"))
                facts.kind = KEY_EDWARDS;
        else if (OID_IS(facts.oid, "\x2a\x86\x48\xce\x38\x04\x01"))
                facts.kind = KEY_DSA;
        else if (OID_IS(facts.oid, "\x2a\x86\x48\xce\x3e\x02\x01") ||
                 OID_IS(facts.oid, "\x2a\x86\x48\x86\xf7\x0d\x01\x03\x01"))
                read_dh(&algorithm, &facts);
        return facts;
}

const char *key_fault(const Certificate *c) {
        return read_key(c->key).fault;
}

bool key_is_weak(const Certificate *c, char ret[static ALGORITHM_TEXT_SIZE]) {
        KeyFacts facts = read_key(c->key);
        char oid[64];

        if (facts.fault)
                return false;

        switch (facts.kind) {
        case KEY_RSA:
                snprintf(ret, ALGORITHM_TEXT_SIZE, "RSA, %u bits%s", facts.bits,
                         facts.exponent_is_bad ? ", with an exponent that protects nothing"
                         : facts.too_large     ? ", too large to be checked"
                                               : "");
                return facts.bits < RSA_BITS_MIN || facts.exponent_is_bad || facts.too_large;
        case KEY_CURVE:
                snprintf(ret, ALGORITHM_TEXT_SIZE, "elliptic curve, %u bits", facts.bits);
                return facts.bits < CURVE_BITS_MIN;
        case KEY_DH:
                snprintf(ret, ALGORITHM_TEXT_SIZE, "Diffie-Hellman, %u bits", facts.bits);
                return facts.bits < RSA_BITS_MIN;
        case KEY_DSA:
                snprintf(ret, ALGORITHM_TEXT_SIZE, "DSA");
                return true;
        case KEY_EDWARDS:
                return false;
        case KEY_OTHER:
                oid_text(facts.oid, oid, sizeof(oid));
                snprintf(ret, ALGORITHM_TEXT_SIZE, "a kind that is not known: %s", oid);
                return gnutls_oid_to_pk(oid) == GNUTLS_PK_UNKNOWN;
        }
        return true;
}

/* -- signatures ----------------------------------------------------------------------------- */

static const struct {
        const char *oid;
        size_t size;
        const char *name;
        gnutls_sign_algorithm_t algorithm;
} weak_methods[] = {
#define WEAK(oid, name, algorithm)                                                                 \
        { oid, sizeof(oid) - 1, name, algorithm }
        WEAK(OID_PKCS1 "\x02", "MD2 with RSA", GNUTLS_SIGN_RSA_MD2),
        WEAK(OID_PKCS1 "\x03", "MD4 with RSA", GNUTLS_SIGN_UNKNOWN),
        WEAK(OID_PKCS1 "\x04", "MD5 with RSA", GNUTLS_SIGN_RSA_MD5),
        WEAK(OID_PKCS1 "\x05", "SHA-1 with RSA", GNUTLS_SIGN_RSA_SHA1),
        WEAK("\x2b\x0e\x03\x02\x02", "MD4 with RSA", GNUTLS_SIGN_UNKNOWN),
        WEAK("\x2b\x0e\x03\x02\x03", "MD5 with RSA", GNUTLS_SIGN_RSA_MD5),
        WEAK("\x2b\x0e\x03\x02\x04", "MD4 with RSA", GNUTLS_SIGN_UNKNOWN),
        WEAK("\x2b\x0e\x03\x02\x1d", "SHA-1 with RSA", GNUTLS_SIGN_RSA_SHA1),
        WEAK("\x2b\x0e\x03\x02\x1b", "SHA-1 with DSA", GNUTLS_SIGN_DSA_SHA1),
        WEAK("\x2b\x24\x03\x03\x01\x02", "RIPEMD-160 with RSA", GNUTLS_SIGN_RSA_RMD160),
        WEAK("\x2a\x86\x48\xce\x38\x04\x03", "SHA-1 with DSA", GNUTLS_SIGN_DSA_SHA1),
        WEAK(OID_X962 "\x04\x01", "SHA-1 with ECDSA", GNUTLS_SIGN_ECDSA_SHA1),
#undef WEAK
};

/* RSASSA-PSS parameters: SHA-1 and a salt of 20 bytes where none is named (RFC 4055, 3.1). */
typedef struct Pss {
        gnutls_digest_algorithm_t digest;
        uint32_t salt;
} Pss;

static Pss read_pss(Der *algorithm) {
        Pss pss = {GNUTLS_DIG_SHA1, 20};
        Der parameters, explicit, hash;
        Blob part;
        char text[64];

        if (!der_next_is(algorithm, DER_SEQUENCE))
                return pss;
        parameters = der_enter(algorithm, DER_SEQUENCE);
        if (der_next_is(&parameters, DER_CONTEXT_BUILT(0))) {
                explicit = der_enter(&parameters, DER_CONTEXT_BUILT(0));
                hash = der_enter(&explicit, DER_SEQUENCE);
                oid_text(der_take(&hash, DER_OID), text, sizeof(text));
                pss.digest = gnutls_oid_to_digest(text);
        }
        (void) der_optional(&parameters, DER_CONTEXT_BUILT(1), &part);
        if (der_next_is(&parameters, DER_CONTEXT_BUILT(2))) {
                explicit = der_enter(&parameters, DER_CONTEXT_BUILT(2));
                pss.salt = der_number(&explicit, DER_INTEGER, RSA_BITS_MAX / 8);
                parameters.bad |= explicit.bad;
        }
        (void) der_optional(&parameters, DER_CONTEXT_BUILT(3), &part);
        if (der_end(&parameters) < 0)
                pss.digest = GNUTLS_DIG_UNKNOWN;
        return pss;
}

typedef struct Method {
        gnutls_sign_algorithm_t algorithm; /* GNUTLS_SIGN_UNKNOWN: cannot be checked */
        const char *weak;                  /* its name if it is weak */
        bool is_pss;
        Pss pss;
        char oid[64];
} Method;

static Method read_method(Blob algorithm) {
        Method method = {.algorithm = GNUTLS_SIGN_UNKNOWN};
        Der whole = der_of(algorithm), inner = der_enter(&whole, DER_SEQUENCE);
        Blob oid = der_take(&inner, DER_OID);

        oid_text(oid, method.oid, sizeof(method.oid));
        for (size_t i = 0; i < N_ELEMENTS(weak_methods); i++)
                if (is(oid, weak_methods[i].oid, weak_methods[i].size)) {
                        method.algorithm = weak_methods[i].algorithm;
                        method.weak = weak_methods[i].name;
                        return method;
                }

        if (OID_IS(oid, OID_PKCS1 "\x0a")) {
                method.is_pss = true;
                method.pss = read_pss(&inner);
                if (method.pss.digest == GNUTLS_DIG_SHA1 || method.pss.digest == GNUTLS_DIG_MD5)
                        method.weak = "SHA-1 or MD5 with RSA-PSS";
                else
                        method.algorithm = gnutls_pk_to_sign(GNUTLS_PK_RSA_PSS, method.pss.digest);
                return method;
        }

        method.algorithm = gnutls_oid_to_sign(method.oid);
        return method;
}

bool method_is_weak(Blob algorithm, char ret[static ALGORITHM_TEXT_SIZE]) {
        Method method = read_method(algorithm);

        if (method.weak)
                snprintf(ret, ALGORITHM_TEXT_SIZE, "%s", method.weak);
        else if (method.algorithm == GNUTLS_SIGN_UNKNOWN)
                snprintf(ret, ALGORITHM_TEXT_SIZE, "a method that is not known: %s", method.oid);
        else
                return false;
        return true;
}

/* How long the salt is stands in the signature's parameters, but GnuTLS looks for it at the key. */
static int verify_pss(const Method *method, const Certificate *signer, gnutls_datum_t *content,
                      gnutls_datum_t *signature) {
        gnutls_datum_t der = {(unsigned char *) signer->key.data, (unsigned) signer->key.size};
        gnutls_pubkey_t pubkey = NULL;
        gnutls_x509_spki_t spki = NULL;
        int r;

        r = gnutls_pubkey_init(&pubkey);
        if (r >= 0)
                r = gnutls_x509_spki_init(&spki);
        if (r >= 0)
                r = gnutls_pubkey_import(pubkey, &der, GNUTLS_X509_FMT_DER);
        if (r >= 0) {
                gnutls_x509_spki_set_rsa_pss_params(spki, method->pss.digest, method->pss.salt);
                r = gnutls_pubkey_set_spki(pubkey, spki, 0);
        }
        if (r >= 0)
                r = gnutls_pubkey_verify_data2(pubkey, method->algorithm, 0, content, signature);
        gnutls_x509_spki_deinit(spki);
        gnutls_pubkey_deinit(pubkey);
        return r;
}

SignatureState signature_check(Signed what, Certificate *signer) {
        Method method = read_method(what.algorithm);
        KeyFacts key = read_key(signer->key);
        gnutls_datum_t content = {(unsigned char *) what.content.data,
                                  (unsigned) what.content.size};
        gnutls_datum_t signature = {(unsigned char *) what.signature.data,
                                    (unsigned) what.signature.size};
        gnutls_pubkey_t pubkey;
        int r;

        if (method.algorithm == GNUTLS_SIGN_UNKNOWN || key.fault || key.too_large)
                return SIGNATURE_UNCHECKABLE;
        pubkey = certificate_pubkey(signer);
        if (!pubkey)
                return SIGNATURE_UNCHECKABLE;

        /* Weak methods are told apart from false signatures: both at once must be seen. */
        if (method.is_pss)
                r = verify_pss(&method, signer, &content, &signature);
        else
                r = gnutls_pubkey_verify_data2(pubkey, method.algorithm,
                                               GNUTLS_VERIFY_ALLOW_BROKEN |
                                                       GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1,
                                               &content, &signature);
        if (r >= 0)
                return SIGNATURE_TRUE;
        return r == GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM ||
                               r == GNUTLS_E_UNKNOWN_HASH_ALGORITHM ||
                               r == GNUTLS_E_INSUFFICIENT_SECURITY
                       ? SIGNATURE_UNCHECKABLE
                       : SIGNATURE_FALSE;
}
