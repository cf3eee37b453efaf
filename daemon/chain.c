/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "daemon/authorities.h"
#include "daemon/chain.h"
#include "daemon/distrust.h"

static int append(Certificates *all, Certificate **c) {
        if (all->n == all->allocated) {
                size_t n = all->allocated ? 2 * all->allocated : 16;
                Certificate **items = reallocarray(all->items, n, sizeof(Certificate *));

                if (!items)
                        return -ENOMEM;
                all->items = items;
                all->allocated = n;
        }
        all->items[all->n++] = TAKE_PTR(*c);
        return 0;
}

static Certificate *find(const Certificates *all, const uint8_t sha256[static SHA256_SIZE]) {
        for (size_t i = 0; i < all->n; i++)
                if (memcmp(all->items[i]->sha256, sha256, SHA256_SIZE) == 0)
                        return all->items[i];
        return NULL;
}

static int read_sent(Certificates *all, Blob der, int index) {
        _cleanup_(certificate_freep) Certificate *c = NULL;
        int r;

        r = certificate_new(der, CERTIFICATE_SENT, index, &c);
        if (r == -EBADMSG) {
                if (index > 0 && all->unreadable < 0)
                        all->unreadable = index;
                return 0;
        }
        if (r < 0)
                return r;
        if (find(all, c->sha256))
                return 0;
        if (index == 0)
                all->leaf = c;
        return append(all, &c);
}

int certificates_new(const Blob *chain, size_t n_chain, const Authorities *authorities,
                     const Authorities *blocked, const DistrustRules *rules, Certificates **ret) {
        _cleanup_(certificates_freep) Certificates *all = NULL;
        size_t n = n_chain < CHAIN_CERTIFICATES_MAX ? n_chain : CHAIN_CERTIFICATES_MAX;
        int r;

        all = calloc(1, sizeof(*all));
        if (!all)
                return -ENOMEM;
        all->unreadable = -1;
        all->authorities = authorities;
        all->blocked = blocked;
        all->rules = rules;

        for (size_t i = 0; i < n; i++) {
                r = read_sent(all, chain[i], (int) i);
                if (r < 0)
                        return r;
        }
        all->n_sent = all->n;
        *ret = TAKE_PTR(all);
        return 0;
}

/* One that cannot be read any more issued nothing. */
int certificates_believe(Certificates *all, const Belief *beliefs, size_t n) {
        all->beliefs = beliefs;
        all->n_beliefs = n < BELIEFS_MAX ? n : BELIEFS_MAX;
        for (size_t i = 0; i < all->n_beliefs; i++) {
                _cleanup_(certificate_freep) Certificate *c = NULL;
                int r;

                if (beliefs[i].kind != BELIEF_AUTHORITY)
                        continue;
                r = certificate_new(beliefs[i].der, CERTIFICATE_AUTHORITY, -1, &c);
                if (r == -EBADMSG)
                        continue;
                if (r < 0)
                        return r;
                all->imported[all->n_imported++] = (Imported){c, beliefs[i].only};
                r = append(all, &c);
                if (r < 0) {
                        all->n_imported--;
                        return r;
                }
        }
        return 0;
}

Certificates *certificates_free(Certificates *all) {
        if (!all)
                return NULL;
        for (size_t i = 0; i < all->n; i++)
                (void) certificate_free(all->items[i]);
        free(all->items);
        free(all);
        return NULL;
}

/* -- signatures ----------------------------------------------------------------------------- */

SignatureState certificates_signature_known(const Certificates *all, const Certificate *below,
                                            const Certificate *above) {
        for (size_t i = 0; i < all->n_links; i++)
                if (all->links[i].below == below && all->links[i].above == above)
                        return all->links[i].signature;
        return SIGNATURE_UNCHECKED;
}

static void note(Certificates *all, const Certificate *below, const Certificate *above,
                 SignatureState signature) {
        if (all->n_links < N_ELEMENTS(all->links))
                all->links[all->n_links++] = (Link){below, above, signature};
}

void certificates_signature_is_true(Certificates *all, const Certificate *below,
                                    const Certificate *above) {
        if (certificates_signature_known(all, below, above) == SIGNATURE_UNCHECKED)
                note(all, below, above, SIGNATURE_TRUE);
}

SignatureState certificates_check(Certificates *all, Signed what, Certificate *signer) {
        /* A chain that makes us check more than this is not worth believing. */
        if (all->n_checks >= PATH_SIGNATURES_MAX)
                return SIGNATURE_FALSE;
        all->n_checks++;
        return signature_check(what, signer);
}

SignatureState certificates_signature(Certificates *all, Certificate *below, Certificate *above) {
        SignatureState known = certificates_signature_known(all, below, above);

        if (known != SIGNATURE_UNCHECKED)
                return known;
        if (all->n_links >= N_ELEMENTS(all->links))
                return SIGNATURE_FALSE;
        known = certificates_check(all, certificate_signed(below), above);
        note(all, below, above, known);
        return known;
}

/* -- issuers -------------------------------------------------------------------------------- */

/* Reads those of a block that have @key as subject and puts them behind *@ret. */
static int issuers_from_block(Certificates *all, const Authorities *block, CertificateKind kind,
                              const uint8_t key[static SHA256_SIZE], Issuers *ret) {
        size_t cursor = 0, before = ret->n;
        Blob der;
        int r;

        while (block && ret->n - before < AUTHORITIES_PER_NAME_MAX &&
               authorities_next_by_subject(block, key, &cursor, &der) > 0) {
                _cleanup_(certificate_freep) Certificate *c = NULL;
                Certificate *held = NULL;

                for (size_t i = all->n_sent; i < all->n && !held; i++)
                        if (all->items[i]->der.data == der.data)
                                held = all->items[i];
                if (held) {
                        ret->items[ret->n++] = held;
                        continue;
                }

                r = certificate_new(der, kind, -1, &c);
                if (r == -EBADMSG)
                        continue;
                if (r < 0)
                        return r;
                held = c;
                r = append(all, &c);
                if (r < 0)
                        return r;
                ret->items[ret->n++] = held;
        }
        return 0;
}

static bool same_key_and_subject(const Certificate *a, const Certificate *b) {
        return memcmp(a->subject_key, b->subject_key, SHA256_SIZE) == 0 &&
               memcmp(a->key_sha256, b->key_sha256, SHA256_SIZE) == 0;
}

/* What the key identifiers say: 1 this is the issuer, -1 another one is, 0 nothing. */
static int key_id_says(const Certificate *c, const Certificate *issuer) {
        if (!c->extensions.has_authority_key_id || !issuer->extensions.has_subject_key_id)
                return 0;
        return blob_equal(c->extensions.authority_key_id, issuer->extensions.subject_key_id) ? 1
                                                                                             : -1;
}

/* Of several that have the name, those whose key signed; if none did, those that claim to be it. */
static void keep_signers(Certificates *all, Certificate *c, Issuers *issuers) {
        Issuers claiming = {.n = 0};
        size_t n = 0;

        for (size_t i = 0; i < issuers->n; i++) {
                Certificate *issuer = issuers->items[i];
                SignatureState s;

                if (issuers->n == 1 && key_id_says(c, issuer) >= 0)
                        return;
                s = certificates_signature(all, c, issuer);
                if (s == SIGNATURE_TRUE)
                        issuers->items[n++] = issuer;
                else if (key_id_says(c, issuer) >= 0)
                        claiming.items[claiming.n++] = issuer;
        }
        issuers->n = n;
        if (n == 0)
                *issuers = claiming;
}

static int likelihood(const Certificate *c, const Certificate *issuer) {
        return 4 * (issuer->kind == CERTIFICATE_AUTHORITY) + 2 * key_id_says(c, issuer) +
               (issuer->kind == CERTIFICATE_SENT);
}

/* Insertion keeps the order in which equals were sent. */
static void sort(const Certificate *c, Issuers *issuers) {
        for (size_t i = 1; i < issuers->n; i++) {
                Certificate *one = issuers->items[i];
                size_t k = i;

                for (; k > 0 && likelihood(c, issuers->items[k - 1]) < likelihood(c, one); k--)
                        issuers->items[k] = issuers->items[k - 1];
                issuers->items[k] = one;
        }
}

int certificates_issuers(Certificates *all, Certificate *c, Issuers *ret) {
        int r;

        ret->n = 0;
        /* What it signed itself nobody else signed, whatever others are called. */
        if (certificate_is_self_issued(c) && certificates_signature(all, c, c) == SIGNATURE_TRUE)
                return 0;

        r = issuers_from_block(all, all->authorities, CERTIFICATE_AUTHORITY, c->issuer_key, ret);
        if (r == 0)
                r = issuers_from_block(all, all->blocked, CERTIFICATE_BLOCKED, c->issuer_key, ret);
        if (r < 0)
                return r;

        for (size_t i = 0; i < all->n_imported; i++) {
                Certificate *imported = all->items[all->n_sent + i];

                if (memcmp(imported->subject_key, c->issuer_key, SHA256_SIZE) == 0)
                        ret->items[ret->n++] = imported;
        }

        for (size_t i = 0; i < all->n_sent; i++) {
                Certificate *sent = all->items[i];

                /* One that is an authority is there already, as such. */
                if (memcmp(sent->subject_key, c->issuer_key, SHA256_SIZE) == 0 &&
                    !certificates_is_authority(all, sent))
                        ret->items[ret->n++] = sent;
        }

        size_t n = 0;
        for (size_t i = 0; i < ret->n; i++)
                if (!same_key_and_subject(ret->items[i], c))
                        ret->items[n++] = ret->items[i];
        ret->n = n;

        keep_signers(all, c, ret);
        sort(c, ret);
        return 0;
}

static bool is_of_block(const Certificates *all, const Certificate *c) {
        return all->authorities && authorities_contains(all->authorities, c->sha256);
}

static bool is_imported(const Certificates *all, const Certificate *c) {
        Blob only;
        size_t cursor = 0;

        return certificates_next_only(all, c, &cursor, &only) > 0;
}

bool certificates_is_authority(const Certificates *all, const Certificate *c) {
        return c->kind == CERTIFICATE_AUTHORITY ||
               (c->kind == CERTIFICATE_SENT && (is_of_block(all, c) || is_imported(all, c)));
}

int certificates_next_only(const Certificates *all, const Certificate *c, size_t *cursor,
                           Blob *ret) {
        while (*cursor < all->n_imported) {
                const Imported *imported = &all->imported[(*cursor)++];

                if (memcmp(imported->certificate->sha256, c->sha256, SHA256_SIZE) != 0)
                        continue;
                *ret = imported->only;
                return 1;
        }
        return 0;
}

bool certificates_speaks_for_all(const Certificates *all, const Certificate *c) {
        size_t cursor = 0;
        Blob only;

        if (is_of_block(all, c))
                return true;
        while (certificates_next_only(all, c, &cursor, &only) > 0)
                if (only.size == 0)
                        return true;
        return false;
}

bool certificates_is_distrusted(const Certificates *all, const Certificate *c) {
        for (size_t i = 0; i < all->n_beliefs; i++) {
                const Belief *belief = &all->beliefs[i];

                switch (belief->kind) {
                case BELIEF_DISTRUSTED_CERTIFICATE:
                        if (memcmp(belief->sha256, c->sha256, SHA256_SIZE) == 0)
                                return true;
                        break;
                case BELIEF_DISTRUSTED_KEY:
                        if (memcmp(belief->sha256, c->key_sha256, SHA256_SIZE) == 0)
                                return true;
                        break;
                case BELIEF_AUTHORITY:
                case _BELIEF_KIND_MAX:
                        break;
                }
        }
        return false;
}

bool certificates_is_blocked(const Certificates *all, const Certificate *c) {
        const DistrustRule *rule = distrust_find(all->rules, c->key_sha256);
        size_t cursor = 0;
        Blob key;

        if (rule && rule->kind == DISTRUST_BLOCKED)
                return true;
        return all->blocked &&
               (c->kind == CERTIFICATE_BLOCKED || authorities_contains(all->blocked, c->sha256) ||
                authorities_next_by_subject(all->blocked, c->key_sha256, &cursor, &key) > 0);
}
