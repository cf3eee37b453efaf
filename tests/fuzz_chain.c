/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that parses what a peer or a file brings: certificates, the ways between them, a
 * stapled answer, lists. The input is frames: a letter (C sent, T authority, B blocked, S staple,
 * L list), two bytes of length, the bytes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/fuzz.h"
#include "tests/status.h"

#define FRAMES_MAX 64

typedef struct Frames {
        Blob sent[FRAMES_MAX], trust[FRAMES_MAX], blocked[FRAMES_MAX], lists[FRAMES_MAX], staple;
        size_t n_sent, n_trust, n_blocked, n_lists;
} Frames;

static void take_frame(Frames *f, char letter, Blob bytes) {
        if (letter == 'C' && f->n_sent < FRAMES_MAX)
                f->sent[f->n_sent++] = bytes;
        else if (letter == 'T' && f->n_trust < FRAMES_MAX)
                f->trust[f->n_trust++] = bytes;
        else if (letter == 'B' && f->n_blocked < FRAMES_MAX)
                f->blocked[f->n_blocked++] = bytes;
        else if (letter == 'L' && f->n_lists < FRAMES_MAX)
                f->lists[f->n_lists++] = bytes;
        else if (letter == 'S')
                f->staple = bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(authorities_freep) Authorities *trust = NULL, *blocked = NULL;
        _cleanup_(facts_unrefp) Facts *facts = NULL, *again = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        Endpoint endpoint = {.host = "imap.example.org", .kind = HOST_NAME, .port = 993};
        Frames f = {0};
        size_t written;

        while (size > 3) {
                size_t n = (size_t) data[1] << 8 | data[2];

                n = n < size - 3 ? n : size - 3;
                take_frame(&f, (char) data[0], (Blob){data + 3, n});
                data += 3 + n;
                size -= 3 + n;
        }

        trust = block_with_lists(f.trust, f.n_trust, f.lists, f.n_lists);
        blocked = block_list_new(f.blocked, f.n_blocked);
        Question q = {
                .endpoint = &endpoint,
                .chain = f.sent,
                .n_chain = f.n_sent,
                .staple = f.staple,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .blocked = blocked,
                .lists = authorities_lists(trust),
        };

        /* Whatever it is, it is judged, and the judgement can be sent. */
        if (problems_find(&q, trust, &facts) < 0 || facts_write(facts, &bytes, &written) < 0 ||
            facts_read((Blob){bytes, written}, &again) < 0)
                abort();
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

static const char *const permitted[] = {"example.org", "192.0.2.0/24", "2001:db8::/32",
                                        "kim@example.org", NULL};
static const char *const excluded[] = {"evil.example.org", ".example.net", "10.0.0.0/8", NULL};
static const char *const names[] = {"imap.example.org", "*.example.org",   "192.0.2.7",
                                    "2001:db8::7",      "kim@example.org", NULL};
static const uint8_t policies[] = {0x30, 0x06, 0x30, 0x04, 0x06, 0x02, 0x2a, 0x03};
static const uint8_t demand[] = {0x30, 0x06, 0x80, 0x01, 0x00, 0x81, 0x01, 0x00};
static const uint8_t mapping[] = {0x30, 0x0a, 0x30, 0x08, 0x06, 0x02,
                                  0x2a, 0x03, 0x06, 0x02, 0x2a, 0x04};
static const uint8_t access_info[] = {0x30, 0x10, 0x30, 0x0e, 0x06, 0x08, 0x2b, 0x06, 0x01,
                                      0x05, 0x05, 0x07, 0x30, 0x01, 0x86, 0x02, 'u',  ':'};
static const PkiExtension extensions[] = {
        {"2.5.29.32", policies, sizeof(policies), false},
        {"1.3.6.1.5.5.7.1.1", access_info, sizeof(access_info), false},
};
static const PkiExtension rules[] = {
        {"2.5.29.32", policies, sizeof(policies), false},
        {"2.5.29.36", demand, sizeof(demand), true},
        {"2.5.29.33", mapping, sizeof(mapping), true},
};

void fuzz_seeds(void (*put)(const uint8_t *data, size_t size)) {
        _cleanup_(pki_freep) Pki *root = pki_new(&(PkiSpec){.subject = "Root", .ca = true});
        _cleanup_(pki_freep) Pki *above = pki_new(&(PkiSpec){.subject = "CA",
                                                             .ca = true,
                                                             .issuer = root,
                                                             .path_length = 1,
                                                             .permitted = permitted,
                                                             .excluded = excluded});
        _cleanup_(pki_freep) Pki *ruled = pki_new(&(PkiSpec){.subject = "CA",
                                                             .ca = true,
                                                             .issuer = root,
                                                             .key_of = above,
                                                             .extensions = rules,
                                                             .n_extensions = 3});
        _cleanup_(pki_freep) Pki *leaf = pki_new(&(PkiSpec){.names = names,
                                                            .issuer = above,
                                                            .must_staple = true,
                                                            .extensions = extensions,
                                                            .n_extensions = 2});
        _cleanup_(pki_freep) Pki *alone =
                pki_new(&(PkiSpec){.name = "imap.example.org", .key = PKI_RSA_1024});
        const StatusEntry entries[] = {{.certificate = leaf}, {.certificate = above}};
        const Pki *const revoked[] = {leaf, NULL};
        _cleanup_(status_done) Status staple = status_answer(above, above, 0, entries, 2);
        _cleanup_(status_done) Status list = status_list(above, revoked, 0, 0);
        Input in = {.size = 0};

        frame(&in, 'C', pki_der(alone));
        put(in.data, in.size);

        in.size = 0;
        frame(&in, 'C', pki_der(leaf));
        frame(&in, 'C', pki_der(above));
        frame(&in, 'C', pki_der(ruled));
        frame(&in, 'T', pki_der(root));
        put(in.data, in.size);
        frame(&in, 'S', status_blob(&staple));
        put(in.data, in.size);
        frame(&in, 'L', status_blob(&list));
        frame(&in, 'B', pki_der(alone));
        put(in.data, in.size);
}
