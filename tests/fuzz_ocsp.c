/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers about a certificate's status, whoever brings them. The input is an answer about
 * certificates of this run, or frames that bring the certificates along: a letter (C the
 * certificate, I its issuer, S the answer), two bytes of length, the bytes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/ocsp.h"
#include "daemon/problems.h"
#include "daemon/distrust.h"
#include "tests/block.h"
#include "tests/fuzz.h"
#include "tests/status.h"

static Pki *root, *issuer, *leaf, *answerer;

static void make_certificates(void) {
        if (leaf)
                return;
        root = pki_new(&(PkiSpec){.subject = "Root", .ca = true});
        issuer = pki_new(&(PkiSpec){.subject = "CA", .ca = true, .issuer = root});
        leaf = pki_new(&(PkiSpec){.name = "imap.example.org", .issuer = issuer});
        answerer = pki_new(&(PkiSpec){
                .subject = "Answers", .issuer = issuer, .purpose = GNUTLS_KP_OCSP_SIGNING});
}

static void ask(Blob about, Blob above, Blob answer) {
        _cleanup_(certificate_freep) Certificate *c = NULL, *i = NULL;
        _cleanup_(authorities_freep) Authorities *none = block_new(NULL, 0);
        _cleanup_(certificates_freep) Certificates *all = NULL;
        Judging judging = {.now = PKI_NOW, .checks = CHECK_ALL, .holds_until = INT64_MAX};
        uint8_t request[OCSP_REQUEST_BYTES_MAX];
        _cleanup_free_ char *url = NULL;
        const char *fault = NULL;
        Revoked revoked;
        int64_t produced;

        if (certificate_new(about, CERTIFICATE_SENT, 0, &c) < 0 ||
            certificate_new(above, CERTIFICATE_SENT, 1, &i) < 0)
                return;
        if (certificates_new(&about, 1, none, NULL, &distrust_shipped, &all) < 0)
                abort();
        judging.all = all;
        /* What is not believed has a reason. */
        if (ocsp_ask(&judging, answer, c, i, &fault, &revoked, &produced) == OCSP_UNKNOWN && !fault)
                abort();
        if (produced != OCSP_NO_TIME && produced <= PKI_NOW)
                abort();
        if (ocsp_responder(c, &url) < 0 || ocsp_request(c, i, request) > sizeof(request))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Blob about, above, answer = {data, size};

        make_certificates();
        about = pki_der(leaf);
        above = pki_der(issuer);
        while (size > 3 && data[0] != 0x30) {
                size_t n = (size_t) data[1] << 8 | data[2];

                n = n < size - 3 ? n : size - 3;
                *(data[0] == 'C'   ? &about
                  : data[0] == 'I' ? &above
                                   : &answer) = (Blob){data + 3, n};
                data += 3 + n;
                size -= 3 + n;
        }
        ask(about, above, answer);
        return 0;
}

typedef struct Input {
        uint8_t data[16 * 1024];
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

void fuzz_seeds(void (*put)(const uint8_t *data, size_t size)) {
        make_certificates();

        const StatusEntry entries[][2] = {
                {{.certificate = leaf}},
                {{.certificate = issuer}, {.certificate = leaf, .word = STATUS_REVOKED}},
                {{.certificate = leaf, .word = STATUS_UNKNOWN}},
                {{.certificate = leaf, .next_update = -1}, {.certificate = leaf}},
                {{.certificate = leaf, .this_update = PKI_NOW + PKI_DAY}},
        };

        for (size_t i = 0; i < 2 * N_ELEMENTS(entries); i++) {
                const StatusEntry *e = entries[i / 2];
                _cleanup_(status_done) Status answer = status_answer(
                        issuer, i % 2 ? answerer : issuer, i % 2, e, e[1].certificate ? 2 : 1);
                Input in = {.size = 0};

                frame(&in, 'C', pki_der(leaf));
                frame(&in, 'I', pki_der(issuer));
                frame(&in, 'S', status_blob(&answer));
                put(in.data, in.size);
                put(answer.data, answer.size);
        }

        _cleanup_(status_done) Status error = status_error();

        put(error.data, error.size);
}
