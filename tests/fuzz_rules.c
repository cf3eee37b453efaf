/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of decisions, as an administrator puts them into a folder: what is taken makes sense, and what is
 * refused has a reason. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rule-file.h"
#include "tests/fuzz.h"

static void look_at(const RuleFile *file, const Decision *d) {
        const bool has_certificate = rule_file_certificate(file, d->certificate_sha256) != NULL;

        if (d->owner != OWNER_SYSTEM || !*d->host || d->port == 0 || (d->problems & problem_set_never) ||
            (d->pin == PIN_KEY && !has_certificate))
                abort();
        switch (d->action) {
        case DECISION_ALLOW:
                if (d->state == STATE_LIVE && (d->problems == 0 || !has_certificate))
                        abort();
                return;
        case DECISION_DENY:
                if (d->state != STATE_LIVE || d->problems != 0)
                        abort();
                return;
        }
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(rule_file_freep) RuleFile *file = NULL;
        _cleanup_free_ char *reason = NULL;
        int r = rule_file_parse("/etc/x.json", (Blob){ data, size }, &file, &reason);

        if (r < 0) {
                if (r == -EBADMSG && (!reason || !*reason || file))
                        abort();
                return 0;
        }
        for (size_t i = 0; i < file->n_decisions; i++)
                look_at(file, &file->decisions[i]);
        for (size_t i = 0; i < file->n_certificates; i++) {
                const RuleCertificate *c = &file->certificates[i];
                uint8_t digest[SHA256_SIZE];

                if (sha256(c->der, c->der_size, digest) < 0 ||
                    memcmp(c->sha256, digest, SHA256_SIZE) != 0)
                        abort();
        }
        return 0;
}

#define BEGIN "{\"format\":\"certexc-export\",\"version\":1,\"decisions\":["
#define DENY "{\"host\":\"a.example\",\"port\":993,\"action\":\"deny\",\"certificate\":\"@\"}"
#define ALLOW                                                                                      \
        "{\"host\":\"b.example\",\"port\":25,\"action\":\"allow\",\"state\":\"live\",\"pin\":\"key\","      \
        "\"problems\":[\"expired\"],\"until\":2000000000,\"created\":1,\"certificate\":\"@\"}"

/* MAA= stands for a certificate: nobody looks into it here. */
void fuzz_seeds(void (*put)(const uint8_t *data, size_t size)) {
        static const char *const seeds[] = {
                BEGIN "],\"certificates\":[]}",
                BEGIN DENY "],\"certificates\":[]}",
                BEGIN DENY ",\n" ALLOW "],\"certificates\":[{\"sha256\":\"@\",\"der\":\"MAA=\"}]}",
        };
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE], text[1024];

        if (sha256("0\0", 2, digest) < 0)
                abort();
        hex_encode(digest, sizeof(digest), hex);
        for (size_t i = 0; i < N_ELEMENTS(seeds); i++) {
                const char *p = seeds[i], *at;
                size_t n = 0;

                for (; (at = strstr(p, "@")); p = at + 1)
                        n += (size_t) snprintf(text + n, sizeof(text) - n, "%.*s%s", (int) (at - p), p,
                                               hex);
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s", p);
                put((const uint8_t *) text, n);
        }
}
