/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <libpsl.h>

#include "daemon/limits.h"
#include "daemon/names.h"

/* Names that are shown when none covers the host; the rest is counted. */
#define NAMES_SHOWN 8U

static char lower(uint8_t c) {
        return (char) (c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* A name without wildcard: the same, whatever the case. */
static bool is_same(Blob name, const char *host) {
        if (name.size != strlen(host))
                return false;
        for (size_t i = 0; i < name.size; i++)
                if (lower(name.data[i]) != host[i])
                        return false;
        return true;
}

/* A pattern whose wildcards may stand for any characters, dots included. */
static bool is_stretched_to(Blob pattern, const char *host) {
        size_t p = 0, star = SIZE_MAX;
        const char *h = host, *resume = host;

        while (*h) {
                if (p < pattern.size && pattern.data[p] == '*') {
                        star = p++;
                        resume = h;
                } else if (p < pattern.size && lower(pattern.data[p]) == *h) {
                        p++;
                        h++;
                } else if (star != SIZE_MAX) {
                        p = star + 1;
                        h = ++resume;
                } else
                        return false;
        }
        while (p < pattern.size && pattern.data[p] == '*')
                p++;
        return p == pattern.size;
}

/* true if everybody may register names below @domain, or it is a top-level domain. */
static bool is_public_suffix(const char *domain) {
        const psl_ctx_t *psl = psl_builtin();

        if (!strchr(domain, '.'))
                return true;
        return psl && psl_is_public_suffix2(psl, domain, PSL_TYPE_ANY);
}

static NameMatch match_one(Blob name, const char *host) {
        const char *rest;

        if (name.size == 0 || name.size > ENDPOINT_HOST_MAX)
                return NAME_NOT_COVERED;
        if (!memchr(name.data, '*', name.size))
                return is_same(name, host) ? NAME_COVERED : NAME_NOT_COVERED;

        rest = strchr(host, '.');
        if (rest && name.size > 2 && name.data[0] == '*' && name.data[1] == '.' &&
            is_same((Blob){name.data + 1, name.size - 1}, rest) && !is_public_suffix(rest + 1))
                return NAME_COVERED;

        return is_stretched_to(name, host) ? NAME_STRETCHED : NAME_NOT_COVERED;
}

static size_t address_of(const Endpoint *endpoint, uint8_t ret[static 16]) {
        if (endpoint->kind == HOST_NAME)
                return 0;
        if (inet_pton(endpoint->kind == HOST_IPV4 ? AF_INET : AF_INET6, endpoint->host, ret) != 1)
                return 0;
        return endpoint->kind == HOST_IPV4 ? 4 : 16;
}

NameMatch names_match(const Certificate *c, const Endpoint *endpoint, Blob *ret_wildcard) {
        Der names = der_of(c->extensions.names);
        NameMatch best = NAME_NOT_COVERED;
        GeneralNameKind kind;
        uint8_t address[16];
        size_t address_size = address_of(endpoint, address);
        Blob name;

        while (general_name_next(&names, &kind, &name)) {
                NameMatch match = NAME_NOT_COVERED;

                if (endpoint->kind == HOST_NAME && kind == NAME_DNS)
                        match = match_one(name, endpoint->host);
                else if (address_size > 0 && kind == NAME_ADDRESS &&
                         blob_equal(name, (Blob){address, address_size}))
                        match = NAME_COVERED;

                if (match == NAME_COVERED)
                        return NAME_COVERED;
                if (match == NAME_STRETCHED && best == NAME_NOT_COVERED) {
                        best = NAME_STRETCHED;
                        *ret_wildcard = name;
                }
        }
        return best;
}

static const char *dns_fault(Blob name) {
        if (name.size == 0)
                return "it holds an empty host name";
        if (name.data[0] == '.')
                return "it holds a host name that begins with a dot";
        for (size_t i = 0; i < name.size; i++)
                if (name.data[i] <= 0x20 || name.data[i] >= 0x7f)
                        return "it holds a host name with characters that none may have";
        return NULL;
}

const char *names_fault(const Certificate *c) {
        Der names = der_of(c->extensions.names);
        GeneralNameKind kind;
        Blob name;

        while (general_name_next(&names, &kind, &name)) {
                const char *fault = kind == NAME_DNS ? dns_fault(name) : NULL;

                if (kind == NAME_ADDRESS && name.size != 4 && name.size != 16)
                        fault = "it holds an address that is none";
                if (fault)
                        return fault;
        }
        return NULL;
}

int names_text(const Certificate *c, char **ret) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size = 0, shown;
        FILE *f;
        int r;

        r = certificate_facts_of(c, &facts);
        if (r < 0)
                return r;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        shown = facts->n_names < NAMES_SHOWN ? facts->n_names : NAMES_SHOWN;
        if (facts->n_names == 0)
                fputs("no names", f);
        else if (!c->extensions.has_names)
                fputs("only the common name ", f);
        for (size_t i = 0; i < shown; i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "", facts->names[i]);
        if (facts->n_names > shown)
                fprintf(f, " and %zu more", facts->n_names - shown);

        if (fclose(f) != 0 || !text)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
