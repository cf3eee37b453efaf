/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of revoked certificates, as an administrator puts them into a folder. The input is a list,
 * or frames that bring a certificate along: a letter (C the certificate that is looked up, L the
 * list), two bytes of length, the bytes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/crl.h"
#include "tests/assemble.h"
#include "tests/fuzz.h"

static Pki *issuer, *leaf;

static void make_certificates(void) {
        if (leaf)
                return;
        issuer = pki_new(&(PkiSpec){.subject = "CA", .ca = true});
        leaf = pki_new(&(PkiSpec){.name = "imap.example.org", .issuer = issuer});
}

static void look_up(Blob about, Blob list) {
        _cleanup_(certificate_freep) Certificate *c = NULL;
        CrlAnswer answer;
        Revoked revoked;
        Crl crl;

        if (certificate_new(about, CERTIFICATE_SENT, 0, &c) < 0 || crl_read(list, &crl) < 0)
                return;
        /* What was read is inside of what there is, and says the same each time. */
        if (crl.entries.size > list.size || crl.signed_.content.size > list.size)
                abort();
        answer = crl_look_up(&crl, c, &revoked);
        if (crl_look_up(&crl, c, &revoked) != answer)
                abort();
        if (answer == CRL_REVOKED && crl.entries.size == 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Blob about, list = {data, size};

        make_certificates();
        about = pki_der(leaf);
        while (size > 3 && data[0] != 0x30) {
                size_t n = (size_t) data[1] << 8 | data[2];

                n = n < size - 3 ? n : size - 3;
                *(data[0] == 'C' ? &about : &list) = (Blob){data + 3, n};
                data += 3 + n;
                size -= 3 + n;
        }
        look_up(about, list);
        return 0;
}

/* A list that has everything: scope, reasons, other issuers, delta. Nobody signed it. */
static Status everything(void) {
        static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                            0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
        static const uint8_t scope[] = {0x30, 0x26, 0x06, 0x03, 0x55, 0x1d, 0x1c, 0x01, 0x01, 0xff,
                                        0x04, 0x1c, 0x30, 0x1a, 0xa0, 0x0c, 0xa0, 0x0a, 0x86, 0x08,
                                        'h',  't',  't',  'p',  ':',  '/',  '/',  'c',  0x81, 0x01,
                                        0xff, 0x83, 0x02, 0x07, 0x80, 0x84, 0x01, 0xff, 0x30, 0x0d,
                                        0x06, 0x03, 0x55, 0x1d, 0x1b, 0x01, 0x01, 0xff, 0x04, 0x03,
                                        0x02, 0x01, 0x01};
        static const uint8_t reason[] = {0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d,
                                         0x15, 0x04, 0x03, 0x0a, 0x01, 0x08};
        Status tbs = {0}, inner = {0}, entry = {0}, name = {0}, whole = {0};
        _cleanup_(certificate_freep) Certificate *c = NULL;

        if (certificate_new(pki_der(leaf), CERTIFICATE_SENT, 0, &c) < 0)
                abort();
        assemble_element(&tbs, DER_INTEGER, "\x01", 1);
        assemble(&tbs, algorithm, sizeof(algorithm));
        assemble(&tbs, c->issuer.data, c->issuer.size);
        assemble_time(&tbs, PKI_NOW - PKI_DAY);
        assemble_time(&tbs, PKI_NOW + PKI_DAY);

        assemble_element(&entry, DER_INTEGER, c->serial.data, c->serial.size);
        assemble_time(&entry, PKI_NOW - PKI_DAY);
        assemble(&name, c->issuer.data, c->issuer.size);
        assemble_built(&inner, DER_CONTEXT_BUILT(4), &name);
        assemble_built(&name, DER_SEQUENCE, &inner);
        assemble_element(&inner, DER_OID, "\x55\x1d\x1d", 3);
        assemble_element(&inner, DER_BOOLEAN, "\xff", 1);
        assemble_built(&inner, DER_OCTET_STRING, &name);
        assemble_built(&name, DER_SEQUENCE, &inner);
        assemble(&name, reason, sizeof(reason));
        assemble_built(&entry, DER_SEQUENCE, &name);
        assemble_built(&inner, DER_SEQUENCE, &entry);
        assemble_built(&tbs, DER_SEQUENCE, &inner);

        assemble(&name, scope, sizeof(scope));
        assemble_built(&inner, DER_SEQUENCE, &name);
        assemble_built(&tbs, DER_CONTEXT_BUILT(0), &inner);
        assemble_built(&inner, DER_SEQUENCE, &tbs);
        assemble(&inner, algorithm, sizeof(algorithm));
        assemble_element(&inner, DER_BIT_STRING, "\0sign", 5);
        assemble_built(&whole, DER_SEQUENCE, &inner);
        return whole;
}

static void put_framed(void (*put)(const uint8_t *data, size_t size), Blob list) {
        static uint8_t in[16 * 1024];
        Blob parts[] = {pki_der(leaf), list};
        size_t size = 0;

        for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
                if (size + 3 + parts[i].size > sizeof(in))
                        abort();
                in[size++] = (uint8_t) "CL"[i];
                in[size++] = (uint8_t) (parts[i].size >> 8);
                in[size++] = (uint8_t) parts[i].size;
                memcpy(in + size, parts[i].data, parts[i].size);
                size += parts[i].size;
        }
        put(in, size);
}

void fuzz_seeds(void (*put)(const uint8_t *data, size_t size)) {
        make_certificates();

        const Pki *const revoked[] = {issuer, leaf, NULL};
        _cleanup_(status_done) Status full = status_list(issuer, revoked, 0, 0);
        _cleanup_(status_done) Status empty = status_list(issuer, NULL, 0, 0);
        _cleanup_(status_done) Status all = everything();

        put(full.data, full.size);
        put(empty.data, empty.size);
        put_framed(put, status_blob(&full));
        put_framed(put, status_blob(&all));
}
