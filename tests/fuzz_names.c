/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of certificates, and what may be signed for: a host, the subject, the alternative names and
 * the name constraints of the one above. The input is frames: a letter (H host, D subject, S
 * alternative names, N constraints), two bytes of length, the bytes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/constraints.h"
#include "daemon/limits.h"
#include "daemon/names.h"
#include "tests/assemble.h"
#include "tests/fuzz.h"

typedef struct Parts {
        Blob host, subject, names, constraints;
} Parts;

static const uint8_t nobody[] = {0x30, 0x00};

/* A certificate with one extension; nobody looks at its signature here. */
static Status certificate(Blob subject, const char *oid, Blob value) {
        static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                            0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
        Status tbs = {0}, inner = {0}, outer = {0};

        assemble_element(&inner, DER_INTEGER, "\x02", 1);
        assemble_built(&tbs, DER_CONTEXT_BUILT(0), &inner);
        assemble_element(&tbs, DER_INTEGER, "\x01", 1);
        assemble(&tbs, algorithm, sizeof(algorithm));
        assemble(&tbs, nobody, sizeof(nobody));
        assemble_time(&inner, PKI_NOT_BEFORE);
        assemble_time(&inner, PKI_NOT_AFTER);
        assemble_built(&tbs, DER_SEQUENCE, &inner);
        assemble(&tbs, subject.data, subject.size);
        assemble(&inner, algorithm, sizeof(algorithm));
        assemble_element(&inner, DER_BIT_STRING, "\0key", 4);
        assemble_built(&tbs, DER_SEQUENCE, &inner);

        assemble_element(&inner, DER_OID, oid, 3);
        assemble_element(&inner, DER_OCTET_STRING, value.data, value.size);
        assemble_built(&outer, DER_SEQUENCE, &inner);
        assemble_built(&inner, DER_SEQUENCE, &outer);
        if (value.size > 0)
                assemble_built(&tbs, DER_CONTEXT_BUILT(3), &inner);
        status_done(&inner);

        assemble_built(&inner, DER_SEQUENCE, &tbs);
        assemble(&inner, algorithm, sizeof(algorithm));
        assemble_element(&inner, DER_BIT_STRING, "\0sign", 5);
        assemble_built(&outer, DER_SEQUENCE, &inner);
        return outer;
}

static void match(const Certificate *c, Blob host) {
        _cleanup_free_ char *text = NULL;
        Blob wildcard = {0};
        const char *reason;
        Endpoint endpoint;

        if (names_text(c, &text) < 0 || !text)
                abort();
        if (endpoint_set((const char *) host.data, host.size, 993, &endpoint, &reason) < 0)
                return;
        if (names_match(c, &endpoint, &wildcard) == NAME_STRETCHED && wildcard.size == 0)
                abort();
}

static void try_names(const Parts *p) {
        _cleanup_(status_done) Status low = certificate(p->subject, "\x55\x1d\x11", p->names);
        _cleanup_(status_done) Status high =
                certificate((Blob){nobody, sizeof(nobody)}, "\x55\x1d\x1e", p->constraints);
        _cleanup_(certificate_freep) Certificate *below = NULL, *above = NULL;
        uint64_t budget = CONSTRAINT_COMPARISONS_MAX, again = budget;
        Violation violation = {0};
        int r;

        if (certificate_new(status_blob(&low), CERTIFICATE_SENT, 0, &below) < 0)
                return;
        (void) names_fault(below);
        match(below, p->host);
        if (certificate_new(status_blob(&high), CERTIFICATE_SENT, 1, &above) < 0)
                return;
        r = constraints_check(above, below, &budget, &violation);
        if (r < 0 || (r == 1 && (!violation.reason || !memchr(violation.name, 0, sizeof(violation.name)))) ||
            constraints_check(above, below, &again, &violation) != r || again != budget)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Parts p = {.subject = {nobody, sizeof(nobody)}};

        while (size > 3) {
                size_t n = (size_t) data[1] << 8 | data[2];
                Blob bytes = {data + 3, n < size - 3 ? n : size - 3};

                switch (data[0]) {
                case 'H':
                        p.host = bytes;
                        break;
                case 'D':
                        p.subject = bytes;
                        break;
                case 'S':
                        p.names = bytes;
                        break;
                case 'N':
                        p.constraints = bytes;
                        break;
                default:
                        break;
                }
                data += 3 + bytes.size;
                size -= 3 + bytes.size;
        }
        try_names(&p);
        return 0;
}

typedef struct Input {
        uint8_t data[4096];
        size_t size;
} Input;

static void frame(Input *in, char letter, Blob bytes) {
        if (in->size + 3 + bytes.size > sizeof(in->data))
                abort();
        in->data[in->size++] = (uint8_t) letter;
        in->data[in->size++] = (uint8_t) (bytes.size >> 8);
        in->data[in->size++] = (uint8_t) bytes.size;
        memcpy(in->data + in->size, bytes.data, bytes.size);
        in->size += bytes.size;
}

static const char *const names[] = {"imap.example.org", "*.example.org",   "192.0.2.7",
                                    "2001:db8::7",      "kim@example.org", NULL};
static const char *const strange[] = {"xn--bcher-kva.example", "*.xn--bcher-kva.example", "*.*.a",
                                      "a*.example.org",        "*.co.uk",                 NULL};
static const char *const permitted[] = {"example.org", "192.0.2.0/24", "2001:db8::/32",
                                        "kim@example.org", NULL};
static const char *const excluded[] = {"evil.example.org", ".example.net", "10.0.0.0/8", NULL};

void fuzz_seeds(void (*put)(const uint8_t *data, size_t size)) {
        static const char *const hosts[] = {"imap.example.org", "192.0.2.7", "[2001:db8::7]",
                                            "b\xc3\xb6rse.example"};
        static const char *const *const lists[] = {names, strange};

        for (size_t i = 0; i < N_ELEMENTS(hosts); i++) {
                _cleanup_(pki_freep) Pki *below = pki_new(&(PkiSpec){.names = lists[i / 2]});
                _cleanup_(pki_freep) Pki *above =
                        pki_new(&(PkiSpec){.subject = "CA",
                                           .ca = true,
                                           .permitted = i % 2 ? permitted : NULL,
                                           .excluded = excluded});
                _cleanup_(certificate_freep) Certificate *b = NULL;
                gnutls_datum_t san = {0}, constraints = {0};
                Input in = {.size = 0};

                if (certificate_new(pki_der(below), CERTIFICATE_SENT, 0, &b) < 0 ||
                    gnutls_x509_crt_get_extension_by_oid2(pki_crt(below), "2.5.29.17", 0, &san,
                                                          NULL) < 0 ||
                    gnutls_x509_crt_get_extension_by_oid2(pki_crt(above), "2.5.29.30", 0,
                                                          &constraints, NULL) < 0)
                        abort();
                frame(&in, 'H', (Blob){(const uint8_t *) hosts[i], strlen(hosts[i])});
                frame(&in, 'D', b->subject);
                frame(&in, 'S', (Blob){san.data, san.size});
                frame(&in, 'N', (Blob){constraints.data, constraints.size});
                put(in.data, in.size);
                gnutls_free(san.data);
                gnutls_free(constraints.data);
        }
}
