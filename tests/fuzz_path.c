/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ways between certificates: names, keys and signatures crossed in any manner. The input describes
 * the certificates, two bytes each, the first one being the leaf; they are made and truly signed.
 * What is accepted must be reachable in a plain model of the same crossings.
 *
 *   0  subject (2 bits), issuer (2 bits), own key (2 bits), signing key (2 bits)
 *   1  is an authority (1), is trusted (1), is blocked (1), is sent (1), is out of its dates (1),
 *      path length (2: none, 0, 1, 2), key usage without signing (1)
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/fuzz.h"
#include "tests/pki.h"

#define N_MAX  10
#define N_KEYS 4

typedef struct Made {
        Pki *pki;
        unsigned subject, issuer, key, signer;
        bool ca, trusted, blocked, sent, outdated, mute;
        int path_length; /* -1: none */
} Made;

static Pki *keys[N_KEYS]; /* key and name of the same number, to sign with */
static Pki *signers[N_KEYS][N_KEYS];
static const char *const subjects[] = {"A", "B", "C", "D"};

static void make_keys(void) {
        if (keys[0])
                return;
        for (unsigned i = 0; i < N_KEYS; i++)
                keys[i] = pki_new(&(PkiSpec){.subject = subjects[i], .ca = true});
        /* Each name with each key, since a certificate takes its issuer's name from the signer's. */
        for (unsigned name = 0; name < N_KEYS; name++)
                for (unsigned key = 0; key < N_KEYS; key++)
                        signers[name][key] = pki_new(&(PkiSpec){
                                .subject = subjects[name], .ca = true, .key_of = keys[key]});
}

static Made make(const uint8_t bytes[2], bool first) {
        Made m = {
                .subject = bytes[0] & 3U,
                .issuer = bytes[0] >> 2 & 3U,
                .key = bytes[0] >> 4 & 3U,
                .signer = bytes[0] >> 6 & 3U,
                .ca = bytes[1] & 1,
                .trusted = bytes[1] & 2,
                .blocked = bytes[1] & 4,
                .sent = first || (bytes[1] & 8),
                .outdated = bytes[1] & 16,
                .path_length = (bytes[1] >> 5 & 3) - 1,
                .mute = bytes[1] & 128,
        };

        m.pki = pki_new(&(PkiSpec){
                .subject = subjects[m.subject],
                .name = first ? "imap.example.org" : NULL,
                .issuer = signers[m.issuer][m.signer],
                .key_of = keys[m.key],
                .ca = m.ca,
                .path_length = m.ca ? m.path_length + 1 : 0,
                .key_usage = m.mute ? GNUTLS_KEY_DIGITAL_SIGNATURE : 0,
                .not_after = m.outdated ? PKI_NOW - 1 : 0,
        });
        return m;
}

/* Whether @at leads to a trusted one, each signed by the next, none blocked, and all that a signer
 * must be; lengths are left out, so that the model allows more than the rule. */
static bool leads_to_trust(const Made *all, size_t n, size_t at, unsigned used) {
        const Made *c = &all[at];

        if (c->blocked || c->outdated)
                return false;
        if (c->trusted)
                return true;
        for (size_t i = 0; i < n; i++) {
                const Made *above = &all[i];

                if ((used & 1U << i) || above->subject != c->issuer || above->key != c->signer ||
                    !above->ca || above->mute || !(above->sent || above->trusted))
                        continue;
                if (leads_to_trust(all, n, i, used | 1U << i))
                        return true;
        }
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(authorities_freep) Authorities *trust = NULL, *blocked = NULL;
        _cleanup_(facts_unrefp) Facts *facts = NULL, *again = NULL;
        Endpoint endpoint = {.host = "imap.example.org", .kind = HOST_NAME, .port = 993};
        Blob sent[N_MAX], trusted[N_MAX], refused[N_MAX];
        size_t n = size / 2 < N_MAX ? size / 2 : N_MAX, n_sent = 0, n_trusted = 0, n_refused = 0;
        _cleanup_free_ uint8_t *bytes = NULL;
        Made all[N_MAX];
        size_t written;

        make_keys();
        for (size_t i = 0; i < n; i++) {
                Blob der;

                all[i] = make(data + 2 * i, i == 0);
                der = pki_der(all[i].pki);
                if (all[i].sent)
                        sent[n_sent++] = der;
                if (all[i].trusted)
                        trusted[n_trusted++] = der;
                if (all[i].blocked)
                        refused[n_refused++] = der;
        }
        trust = block_new(trusted, n_trusted);
        blocked = block_list_new(refused, n_refused);
        Question q = {
                .endpoint = &endpoint,
                .chain = sent,
                .n_chain = n_sent,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .blocked = blocked,
        };

        if (problems_find(&q, trust, &facts) < 0 || facts_write(facts, &bytes, &written) < 0 ||
            facts_read((Blob){bytes, written}, &again) < 0)
                abort();
        if (facts->problems == 0 && !leads_to_trust(all, n, 0, 1))
                abort();
        for (size_t i = 0; i < n; i++)
                (void) pki_free(all[i].pki);
        return 0;
}

/* From the parts: "leaf by A, A by B (sent), B trusted". */
#define CERTIFICATE(subject, issuer, key, signer) \
        ((subject) | (issuer) << 2 | (key) << 4 | (signer) << 6)

void fuzz_seeds(void (*put)(const uint8_t *data, size_t size)) {
        static const uint8_t plain[] = {CERTIFICATE(3, 0, 3, 0), 0, CERTIFICATE(0, 1, 0, 1), 9,
                                        CERTIFICATE(1, 1, 1, 1), 3};
        static const uint8_t crossed[] = {CERTIFICATE(3, 0, 3, 0), 0,  CERTIFICATE(0, 1, 0, 1), 9,
                                          CERTIFICATE(1, 2, 1, 2), 25, CERTIFICATE(0, 2, 0, 2), 9,
                                          CERTIFICATE(2, 2, 2, 2), 3,  CERTIFICATE(1, 0, 1, 0), 9};
        static const uint8_t alone[] = {CERTIFICATE(0, 0, 0, 0), 1};
        static const uint8_t blocked[] = {CERTIFICATE(3, 0, 3, 0), 0, CERTIFICATE(0, 1, 0, 1), 13,
                                          CERTIFICATE(1, 1, 1, 1), 3};
        static const uint8_t short_[] = {CERTIFICATE(3, 0, 3, 0), 0,  CERTIFICATE(0, 1, 0, 1), 9,
                                         CERTIFICATE(1, 2, 1, 2), 41, CERTIFICATE(2, 2, 2, 2), 3,
                                         CERTIFICATE(0, 0, 1, 0), 9};

        put(plain, sizeof(plain));
        put(crossed, sizeof(crossed));
        put(alone, sizeof(alone));
        put(blocked, sizeof(blocked));
        put(short_, sizeof(short_));
}
