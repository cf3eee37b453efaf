/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <strings.h>

#include <gnutls/crypto.h>

#include "daemon/limits.h"
#include "daemon/ocsp.h"
#include "daemon/revocation.h"

/* Clocks of servers and clients differ a little. */
#define SKEW_SEC INT64_C(300)

/* An answer that does not say when the next one comes is believed for so long; GnuTLS does so too.
 */
#define AGE_MAX_SEC (INT64_C(15) * 24 * 60 * 60)

#define OID_BASIC "\x2b\x06\x01\x05\x05\x07\x30\x01\x01"

typedef struct Response {
        Signed signed_;
        bool by_name; /* the responder is named, else told by its key's SHA-1 */
        Blob responder;
        int64_t produced;
        Blob answers;      /* content of the responses */
        Blob certificates; /* content; size 0: none */
} Response;

static const char *read_data(Response *response) {
        Der whole = der_of(response->signed_.content), data = der_enter(&whole, DER_SEQUENCE);
        Der explicit;
        Blob part;
        uint8_t tag;

        (void) der_optional(&data, DER_CONTEXT_BUILT(0), &part);
        part = der_any(&data, &tag, NULL);
        response->by_name = tag == DER_CONTEXT_BUILT(1);
        explicit = der_of(part);
        if (response->by_name)
                response->responder = part;
        else if (tag == DER_CONTEXT_BUILT(2))
                response->responder = der_take(&explicit, DER_OCTET_STRING);
        else
                return "the status answer cannot be read";
        response->produced = der_time(&data);
        response->answers = der_take(&data, DER_SEQUENCE);

        /* Extensions of the whole answer: a nonce, perhaps. A critical one is not known. */
        if (der_optional(&data, DER_CONTEXT_BUILT(1), &part)) {
                Der list_whole = der_of(part), list = der_enter(&list_whole, DER_SEQUENCE);

                while (der_more(&list)) {
                        Der extension = der_enter(&list, DER_SEQUENCE);

                        (void) der_take(&extension, DER_OID);
                        if (der_boolean_or(&extension, false))
                                return "the status answer has a critical extension that is not "
                                       "known";
                }
        }
        return der_end(&data) < 0 ? "the status answer cannot be read" : NULL;
}

static const char *read_response(Blob bytes, Response *ret) {
        Der whole = der_of(bytes), outer = der_enter(&whole, DER_SEQUENCE);
        uint32_t status = der_number(&outer, DER_ENUMERATED, 255);
        Der explicit, typed, basic_whole, basic;
        unsigned unused;
        Blob oid, part;

        if (!outer.bad && status != 0)
                return "the status answer is an error";
        explicit = der_enter(&outer, DER_CONTEXT_BUILT(0));
        typed = der_enter(&explicit, DER_SEQUENCE);
        oid = der_take(&typed, DER_OID);
        basic_whole = der_enter(&typed, DER_OCTET_STRING);
        basic = der_enter(&basic_whole, DER_SEQUENCE);
        ret->signed_.content = der_take_whole(&basic, DER_SEQUENCE);
        ret->signed_.algorithm = der_take_whole(&basic, DER_SEQUENCE);
        ret->signed_.signature = der_bits(&basic, DER_BIT_STRING, &unused);
        if (der_optional(&basic, DER_CONTEXT_BUILT(0), &part)) {
                Der list = der_of(part);

                ret->certificates = der_take(&list, DER_SEQUENCE);
        }
        if (der_end(&basic) < 0 || der_end(&outer) < 0 || der_end(&whole) < 0 ||
            oid.size != sizeof(OID_BASIC) - 1 || memcmp(oid.data, OID_BASIC, oid.size) != 0)
                return "the status answer cannot be read";
        return read_data(ret);
}

/* The bits of the key in a SubjectPublicKeyInfo: what OCSP digests. */
static Blob key_bits(const Certificate *c) {
        Der whole = der_of(c->key), inner = der_enter(&whole, DER_SEQUENCE);
        unsigned unused;

        (void) der_take(&inner, DER_SEQUENCE);
        return der_bits(&inner, DER_BIT_STRING, &unused);
}

static bool digest_is(gnutls_digest_algorithm_t algorithm, Blob data, Blob digest) {
        uint8_t computed[64];

        if (algorithm == GNUTLS_DIG_UNKNOWN || gnutls_hash_get_len(algorithm) > sizeof(computed) ||
            gnutls_hash_get_len(algorithm) != digest.size)
                return false;
        return gnutls_hash_fast(algorithm, data.data, data.size, computed) >= 0 &&
               memcmp(computed, digest.data, digest.size) == 0;
}

static bool is_responder(const Response *response, const Certificate *c) {
        Name name = {0};
        bool same;

        if (!response->by_name)
                return digest_is(GNUTLS_DIG_SHA1, key_bits(c), response->responder);
        same = name_read(response->responder, &name) == 0 &&
               blob_equal(name_blob(&name), name_blob(&c->subject_name));
        name_done(&name);
        return same;
}

/* true if the issuer itself made @c to answer for it, and it is in its dates at @when. */
static bool is_appointed(Judging *judging, Certificate *c, Certificate *issuer, int64_t when) {
        if (memcmp(c->issuer_key, issuer->subject_key, SHA256_SIZE) != 0 || c->fault ||
            c->extensions.unknown_critical.size > 0 || !(c->extensions.purposes & PURPOSE_OCSP))
                return false;
        judging_bound(judging, c->not_before);
        judging_bound(judging, c->not_after + 1);
        return c->has_dates && when >= c->not_before && when <= c->not_after &&
               certificates_check(judging->all, certificate_signed(c), issuer) == SIGNATURE_TRUE;
}

/* Nobody else may have its key, and nobody took it back (RFC 6960, section 4.2.2.2.1). */
static bool is_sound(Judging *judging, const Certificate *c, Certificate *issuer) {
        char text[ALGORITHM_TEXT_SIZE];

        return !method_is_weak(c->signature_algorithm, text) && !key_is_weak(c, text) &&
               !certificates_is_blocked(judging->all, c) &&
               !revocation_is_listed(judging, c, issuer);
}

/* @soundly: by nobody whose word might be somebody else's. */
static bool is_signed(Judging *judging, const Response *response, Certificate *issuer,
                      int64_t when, bool soundly) {
        Der list = der_of(response->certificates);

        if (is_responder(response, issuer) &&
            certificates_check(judging->all, response->signed_, issuer) == SIGNATURE_TRUE)
                return true;

        for (unsigned i = 0; i < STAPLE_SIGNERS_MAX && der_more(&list); i++) {
                _cleanup_(certificate_freep) Certificate *c = NULL;
                Blob der = der_take_whole(&list, DER_SEQUENCE);

                if (certificate_new(der, CERTIFICATE_SENT, -1, &c) < 0)
                        continue;
                if (is_responder(response, c) && is_appointed(judging, c, issuer, when) &&
                    (!soundly || is_sound(judging, c, issuer)) &&
                    certificates_check(judging->all, response->signed_, c) == SIGNATURE_TRUE)
                        return true;
        }
        return false;
}

typedef struct Single {
        bool ours;
        uint8_t status; /* the tag of its CHOICE */
        Revoked revoked;
        int64_t this_update;
        bool has_next_update;
        int64_t next_update;
        bool bad;
} Single;

static bool is_about(Der *id, const Certificate *c, const Certificate *issuer) {
        Der algorithm = der_enter(id, DER_SEQUENCE);
        gnutls_digest_algorithm_t digest;
        Blob oid = der_take(&algorithm, DER_OID), name, key, serial;
        char text[64];

        name = der_take(id, DER_OCTET_STRING);
        key = der_take(id, DER_OCTET_STRING);
        serial = der_take(id, DER_INTEGER);
        if (id->bad || algorithm.bad)
                return false;
        oid_text(oid, text, sizeof(text));
        digest = gnutls_oid_to_digest(text);
        return blob_equal(serial, c->serial) && digest_is(digest, c->issuer, name) &&
               digest_is(digest, key_bits(issuer), key);
}

/* RevokedInfo. Whatever it says, the certificate is revoked. */
static Revoked read_revoked(Blob info) {
        Der der = der_of(info);
        Revoked ret = {.time = der_time(&der)};
        Blob reason;

        if (der_optional(&der, DER_CONTEXT_BUILT(0), &reason))
                ret.reason = revoked_reason(reason);
        return der_end(&der) == 0 ? ret : (Revoked){.time = REVOKED_NO_TIME};
}

static Single read_single(Der *list, const Certificate *c, const Certificate *issuer) {
        Der single = der_enter(list, DER_SEQUENCE), id = der_enter(&single, DER_SEQUENCE);
        Single ret = {.ours = is_about(&id, c, issuer)};
        Blob part;

        part = der_any(&single, &ret.status, NULL);
        ret.revoked = read_revoked(part);
        ret.this_update = der_time(&single);
        if (der_next_is(&single, DER_CONTEXT_BUILT(0))) {
                Der explicit = der_enter(&single, DER_CONTEXT_BUILT(0));

                ret.has_next_update = true;
                ret.next_update = der_time(&explicit);
                ret.bad = der_end(&explicit) < 0;
        }
        (void) der_optional(&single, DER_CONTEXT_BUILT(1), &part);
        ret.bad |= der_end(&single) < 0;
        return ret;
}

static const char *check_times(Judging *judging, const Single *single) {
        int64_t end =
                single->has_next_update ? single->next_update : single->this_update + AGE_MAX_SEC;

        judging_bound(judging, single->this_update - SKEW_SEC);
        judging_bound(judging, end + SKEW_SEC + 1);
        if (judging->now < single->this_update - SKEW_SEC)
                return "the status answer is from the future";
        return judging->now > end + SKEW_SEC ? "the status answer is out of date" : NULL;
}

/* What the entries say, whoever wrote them. Every entry is read: one that says revoked counts,
 * wherever it stands and however old it is. */
static OcspAnswer read_answers(Judging *judging, const Response *response, const Certificate *c,
                               const Certificate *issuer, const char **ret_fault,
                               Revoked *ret_revoked) {
        Der list = der_of(response->answers);
        OcspAnswer answer = OCSP_UNKNOWN;

        *ret_fault = "the status answer is about other certificates";
        while (der_more(&list)) {
                Single single = read_single(&list, c, issuer);
                const char *fault;

                if (single.bad) {
                        *ret_fault = "the status answer cannot be read";
                        return OCSP_UNKNOWN;
                }
                if (!single.ours || answer == OCSP_REVOKED)
                        continue;
                if (single.status == DER_CONTEXT_BUILT(1)) {
                        answer = OCSP_REVOKED;
                        *ret_revoked = single.revoked;
                        continue;
                }
                fault = single.status == DER_CONTEXT(0)
                                ? check_times(judging, &single)
                                : "the issuer does not know the certificate";
                if (fault)
                        *ret_fault = fault;
                else
                        answer = OCSP_GOOD;
        }
        return answer;
}

/* What is believed of @response, which can be read. */
static OcspAnswer believe(Judging *judging, const Response *response, const Certificate *c,
                          Certificate *issuer, const char **ret_fault, Revoked *ret_revoked) {
        char text[ALGORITHM_TEXT_SIZE];
        OcspAnswer answer;

        answer = read_answers(judging, response, c, issuer, ret_fault, ret_revoked);
        if (answer == OCSP_UNKNOWN)
                return OCSP_UNKNOWN;
        if (!is_signed(judging, response, issuer, judging->now, answer == OCSP_GOOD)) {
                *ret_fault = "the status answer is not signed by the issuer";
                return OCSP_UNKNOWN;
        }
        if (answer == OCSP_GOOD && method_is_weak(response->signed_.algorithm, text)) {
                *ret_fault = "the status answer is signed with a method that can be forged";
                return OCSP_UNKNOWN;
        }
        return answer;
}

OcspAnswer ocsp_ask(Judging *judging, Blob bytes, const Certificate *c, Certificate *issuer,
                    const char **ret_fault, Revoked *ret_revoked, int64_t *ret_produced) {
        char text[ALGORITHM_TEXT_SIZE];
        Response response = {0};
        OcspAnswer answer;

        *ret_produced = OCSP_NO_TIME;
        *ret_fault = read_response(bytes, &response);
        if (*ret_fault)
                return OCSP_UNKNOWN;

        answer = believe(judging, &response, c, issuer, ret_fault, ret_revoked);
        /* What comes from the time to come is evidence of a wrong clock; who signed it is then judged
         * at that time. */
        if (response.produced > judging->now &&
            !method_is_weak(response.signed_.algorithm, text) &&
            is_signed(judging, &response, issuer, response.produced, true))
                *ret_produced = response.produced;
        return answer;
}

/* -- asking -------------------------------------------------------------------------------------- */

#define OID_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"

static bool is_http_url(Blob url) {
        static const char scheme[] = "http://";

        if (url.size <= strlen(scheme) || url.size > FACTS_TEXT_BYTES_MAX ||
            strncasecmp((const char *) url.data, scheme, strlen(scheme)) != 0)
                return false;
        for (size_t i = 0; i < url.size; i++)
                if (url.data[i] <= 0x20 || url.data[i] >= 0x7f)
                        return false;
        return true;
}

int ocsp_responder(const Certificate *c, char **ret) {
        Der list = der_of(c->extensions.access);
        char *text;

        *ret = NULL;
        while (der_more(&list)) {
                Der description = der_enter(&list, DER_SEQUENCE);
                Blob method = der_take(&description, DER_OID), url = {0};

                if (!der_optional(&description, DER_CONTEXT(6), &url) || description.bad ||
                    method.size != strlen(OID_OCSP) ||
                    memcmp(method.data, OID_OCSP, method.size) != 0 || !is_http_url(url))
                        continue;
                text = strndup((const char *) url.data, url.size);
                if (!text)
                        return -ENOMEM;
                *ret = text;
                return 0;
        }
        return 0;
}

/* A certificate's serial number has 20 bytes at most; what is beyond twice that is none. */
#define SERIAL_BYTES_MAX 40U

size_t ocsp_request(const Certificate *c, const Certificate *issuer,
                    uint8_t ret[static OCSP_REQUEST_BYTES_MAX]) {
        /* SHA-1, since RFC 5019 has every responder know that; it names, it does not prove. */
        static const uint8_t sha1[] = {0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                       0x03, 0x02, 0x1a, 0x05, 0x00};
        const uint8_t n = (uint8_t) c->serial.size, id = (uint8_t) (sizeof(sha1) + 44 + 2 + n);
        /* OCSPRequest, TBSRequest, requestList, Request, CertID: each one SEQUENCE. */
        const uint8_t headers[] = {0x30, (uint8_t) (id + 8), 0x30, (uint8_t) (id + 6),
                                   0x30, (uint8_t) (id + 4), 0x30, (uint8_t) (id + 2),
                                   0x30, id};
        Blob key = key_bits(issuer);
        uint8_t *p = ret;

        if (c->serial.size == 0 || c->serial.size > SERIAL_BYTES_MAX)
                return 0;
        p = mempcpy(p, headers, sizeof(headers));
        p = mempcpy(p, sha1, sizeof(sha1));
        p = mempcpy(p, "\x04\x14", 2);
        if (gnutls_hash_fast(GNUTLS_DIG_SHA1, c->issuer.data, c->issuer.size, p) < 0)
                return 0;
        p = mempcpy(p + 20, "\x04\x14", 2);
        if (gnutls_hash_fast(GNUTLS_DIG_SHA1, key.data, key.size, p) < 0)
                return 0;
        p += 20;
        *p++ = DER_INTEGER;
        *p++ = n;
        p = mempcpy(p, c->serial.data, n);
        return (size_t) (p - ret);
}
