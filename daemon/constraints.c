/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "daemon/constraints.h"

typedef enum Relation {
        UNRELATED,
        OVERLAPS, /* some of what the name stands for is in the subtree */
        WITHIN,   /* all of it is */
} Relation;

static char lower(uint8_t c) {
        return (char) (c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool same_text(Blob a, Blob b) {
        if (a.size != b.size)
                return false;
        for (size_t i = 0; i < a.size; i++)
                if (lower(a.data[i]) != lower(b.data[i]))
                        return false;
        return true;
}

static Blob tail(Blob b, size_t from) {
        return (Blob){b.data + from, b.size - from};
}

/* true if @name is @base or below it; a base that begins with a dot holds only what is below. */
static bool dns_within(Blob name, Blob base) {
        if (base.size == 0)
                return true;
        if (name.size < base.size || !same_text(tail(name, name.size - base.size), base))
                return false;
        return name.size == base.size
                       ? base.data[0] != '.'
                       : base.data[0] == '.' || name.data[name.size - base.size - 1] == '.';
}

static Blob without_trailing_dot(Blob name) {
        if (name.size > 0 && name.data[name.size - 1] == '.')
                name.size--;
        return name;
}

/* A wildcard stands for many names: some of them may be in the subtree and others not. */
static Relation dns_relation(Blob name, Blob base) {
        const uint8_t *star = NULL;
        Blob rest, stem;

        name = without_trailing_dot(name);
        base = without_trailing_dot(base);
        for (size_t i = 0; i < name.size; i++)
                if (name.data[i] == '*')
                        star = name.data + i;
        if (!star)
                return dns_within(name, base) ? WITHIN : UNRELATED;

        /* "*.rest" has all its names right below the rest; any other pattern is taken to reach as
         * far as it can. */
        rest = tail(name, (size_t) (star - name.data) + 1);
        if (dns_within(rest, base) || (rest.size > 0 && dns_within(tail(rest, 1), base)))
                return WITHIN;
        stem = base.size > 0 && base.data[0] == '.' ? tail(base, 1) : base;
        if (stem.size > rest.size && same_text(tail(stem, stem.size - rest.size), rest) &&
            (star != name.data || !memchr(stem.data, '.', stem.size - rest.size)))
                return OVERLAPS;
        return UNRELATED;
}

/* A mailbox against a mailbox, a host, or (with a leading dot) what is below a domain. */
static Relation email_relation(Blob name, Blob base) {
        const uint8_t *at = memrchr(name.data, '@', name.size);
        Blob host = at ? tail(name, (size_t) (at - name.data) + 1) : name;

        if (base.size == 0)
                return WITHIN;
        if (memchr(base.data, '@', base.size)) {
                const uint8_t *base_at = memrchr(base.data, '@', base.size);
                size_t local = at ? (size_t) (at - name.data) : 0;

                /* What is before the @ has a case (RFC 5321, section 2.4). */
                return at &&
                                       blob_equal(
                                               (Blob){name.data, local},
                                               (Blob){base.data, (size_t) (base_at - base.data)}) &&
                                       same_text(host,
                                                 tail(base, (size_t) (base_at - base.data) + 1))
                               ? WITHIN
                               : UNRELATED;
        }
        if (base.data[0] == '.')
                return dns_within(host, base) ? WITHIN : UNRELATED;
        return same_text(host, base) ? WITHIN : UNRELATED;
}

/* The host of "scheme://user@host:port/path"; size 0 if there is none. */
static Blob uri_host(Blob uri) {
        const uint8_t *p = memmem(uri.data, uri.size, "://", 3), *user;
        size_t n = 0;
        Blob host;

        if (!p)
                return (Blob){0};
        host = tail(uri, (size_t) (p - uri.data) + 3);
        while (n < host.size && !strchr("/?#", host.data[n]))
                n++;
        host.size = n;
        user = memrchr(host.data, '@', host.size);
        if (user)
                host = tail(host, (size_t) (user - host.data) + 1);
        if (host.size > 0 && host.data[0] == '[')
                return (Blob){0};
        for (n = 0; n < host.size && host.data[n] != ':'; n++)
                ;
        host.size = n;
        return host;
}

static Relation uri_relation(Blob name, Blob base) {
        Blob host = uri_host(name);

        /* RFC 5280: a URI without a host name fails where URIs are constrained at all. */
        if (host.size == 0)
                return OVERLAPS;
        if (base.size == 0)
                return WITHIN;
        if (base.data[0] == '.')
                return dns_within(host, base) ? WITHIN : UNRELATED;
        return same_text(host, base) ? WITHIN : UNRELATED;
}

/* A network mask: ones, then zeros. */
static bool is_mask(Blob mask) {
        bool zeros = false;

        for (size_t i = 0; i < mask.size; i++)
                for (unsigned bit = 0x80; bit; bit >>= 1) {
                        if (!(mask.data[i] & bit))
                                zeros = true;
                        else if (zeros)
                                return false;
                }
        return true;
}

static Relation address_relation(Blob name, Blob base) {
        if (base.size != 2 * name.size)
                return UNRELATED;
        for (size_t i = 0; i < name.size; i++)
                if ((name.data[i] ^ base.data[i]) & base.data[name.size + i])
                        return UNRELATED;
        return WITHIN;
}

static int directory_relation(Blob name, Blob base, Relation *ret) {
        Name n = {0}, b = {0};
        int r;

        r = name_read(name, &n);
        if (r == 0) {
                r = name_read(base, &b);
                if (r == 0)
                        *ret = name_is_within(&n, &b) ? WITHIN : UNRELATED;
                name_done(&b);
        }
        name_done(&n);
        return r;
}

/* 0 and the relation, -EBADMSG for a name that cannot be read, -ENOMEM. */
static int relate(GeneralNameKind kind, Blob name, Blob base, Relation *ret) {
        switch (kind) {
        case NAME_DNS:
                *ret = dns_relation(name, base);
                return 0;
        case NAME_EMAIL:
                *ret = email_relation(name, base);
                return 0;
        case NAME_URI:
                *ret = uri_relation(name, base);
                return 0;
        case NAME_ADDRESS:
                *ret = address_relation(name, base);
                return 0;
        case NAME_DIRECTORY:
                return directory_relation(name, base, ret);
        case NAME_OTHER:
        case NAME_X400:
        case NAME_EDI:
        case NAME_REGISTERED_ID:
        case _NAME_KIND_MAX:
                break;
        }
        /* Nothing is known of such names: neither that they are permitted nor that they are not. */
        *ret = OVERLAPS;
        return 0;
}

/* The next subtree; false at the end, or with @der bad. */
static bool subtree_next(Der *der, GeneralNameKind *ret_kind, Blob *ret_base) {
        Der subtree;

        if (!der_more(der))
                return false;

        subtree = der_enter(der, DER_SEQUENCE);
        if (!general_name_next(&subtree, ret_kind, ret_base)) {
                der->bad = true;
                return false;
        }
        /* The minimum is zero and there is no maximum (RFC 5280). */
        if (der_next_is(&subtree, DER_CONTEXT(0)))
                (void) der_number(&subtree, DER_CONTEXT(0), 0);
        if (der_end(&subtree) < 0)
                der->bad = true;
        if (*ret_kind == NAME_ADDRESS && ((ret_base->size != 8 && ret_base->size != 32) ||
                                          !is_mask(tail(*ret_base, ret_base->size / 2))))
                der->bad = true;
        return !der->bad;
}

typedef struct Checking {
        const Certificate *above;
        uint64_t *budget;
        Violation *violation;
} Checking;

static int write_directory_name(Blob name, char ret[static CONSTRAINT_NAME_SIZE]) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = name_text(name, &text);
        if (r == 0)
                (void) snprintf(ret, CONSTRAINT_NAME_SIZE, "%s", text);
        return r == -ENOMEM ? r : 0;
}

/* 0 or -ENOMEM. A name of which nothing can be said is "". */
static int write_name(GeneralNameKind kind, Blob name, char ret[static CONSTRAINT_NAME_SIZE]) {
        ret[0] = '\0';
        switch (kind) {
        case NAME_DNS:
        case NAME_EMAIL:
        case NAME_URI:
                (void) snprintf(ret, CONSTRAINT_NAME_SIZE, "%.*s",
                                (int) (name.size < 255 ? name.size : 255), (const char *) name.data);
                return 0;
        case NAME_ADDRESS:
                if (name.size == 4 || name.size == 16)
                        (void) inet_ntop(name.size == 4 ? AF_INET : AF_INET6, name.data, ret,
                                         CONSTRAINT_NAME_SIZE);
                return 0;
        case NAME_DIRECTORY:
                return write_directory_name(name, ret);
        case NAME_OTHER:
        case NAME_X400:
        case NAME_EDI:
        case NAME_REGISTERED_ID:
        case _NAME_KIND_MAX:
                break;
        }
        return 0;
}

static int violated(Checking *k, const char *reason, GeneralNameKind kind, Blob name) {
        k->violation->reason = reason;
        return write_name(kind, name, k->violation->name) < 0 ? -ENOMEM : 1;
}

/* One name against one list. *@ret_constrained: the list speaks of names of this kind. */
static int check_list(Checking *k, Blob list, GeneralNameKind kind, Blob name, Relation *ret,
                      bool *ret_constrained) {
        Der subtrees = der_of(list);
        GeneralNameKind base_kind;
        Blob base;

        *ret = UNRELATED;
        *ret_constrained = false;
        while (subtree_next(&subtrees, &base_kind, &base)) {
                Relation relation = UNRELATED;
                uint64_t cost = kind == NAME_DIRECTORY ? 1 + (name.size + base.size) / 8 : 1;
                int r;

                if (*k->budget < cost) {
                        *k->budget = 0;
                        return violated(k,
                                        "there are more names and constraints than can be checked",
                                        _NAME_KIND_MAX, (Blob){0});
                }
                *k->budget -= cost;
                if (base_kind != kind)
                        continue;
                *ret_constrained = true;
                r = relate(kind, name, base, &relation);
                if (r == -EBADMSG)
                        return violated(k, "a name that cannot be read", _NAME_KIND_MAX,
                                        (Blob){0});
                if (r < 0)
                        return r;
                if (relation > *ret)
                        *ret = relation;
        }
        return subtrees.bad ? violated(k, "its name constraints cannot be read", _NAME_KIND_MAX,
                                       (Blob){0})
                            : 0;
}

static int check_name(Checking *k, GeneralNameKind kind, Blob name) {
        Relation relation;
        bool constrained;
        int r;

        r = check_list(k, k->above->extensions.excluded, kind, name, &relation, &constrained);
        if (r != 0)
                return r;
        if (relation != UNRELATED)
                return violated(k, "a name that its issuer may not sign for", kind, name);

        r = check_list(k, k->above->extensions.permitted, kind, name, &relation, &constrained);
        if (r != 0)
                return r;
        if (constrained && relation != WITHIN)
                return violated(k, "a name outside those that its issuer may sign for", kind, name);
        return 0;
}

/* Mail addresses in the subject count where there are no alternative names (RFC 5280). */
static int check_subject_emails(Checking *k, const Certificate *below) {
        Der whole = der_of(below->subject), names = der_enter(&whole, DER_SEQUENCE);
        int r;

        while (der_more(&names)) {
                Der set = der_enter(&names, DER_SET);

                while (der_more(&set)) {
                        Der attribute = der_enter(&set, DER_SEQUENCE);
                        Blob oid = der_take(&attribute, DER_OID);
                        Blob value = der_any(&attribute, NULL, NULL);

                        if (oid.size != 9 ||
                            memcmp(oid.data, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9) != 0)
                                continue;
                        r = check_name(k, NAME_EMAIL, value);
                        if (r != 0)
                                return r;
                }
        }
        return 0;
}

/* true if people would take @name for a host's. */
static bool looks_like_host(Blob name) {
        bool dotted = false;

        for (size_t i = 0; i < name.size; i++) {
                char c = lower(name.data[i]);

                if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-_*.", c)))
                        return false;
                dotted |= c == '.';
        }
        return dotted;
}

/* A common name covers no host for us, but people are shown it: they shall not see one there that
 * its issuer may not sign for. */
static int check_common_name(Checking *k, const Certificate *below) {
        Blob name = certificate_common_name(below);

        return below->extensions.ca || !looks_like_host(name) ? 0 : check_name(k, NAME_DNS, name);
}

int constraints_check(const Certificate *above, const Certificate *below, uint64_t *budget,
                      Violation *ret) {
        Checking k = {.above = above, .budget = budget, .violation = ret};
        Der names = der_of(below->extensions.names);
        GeneralNameKind kind;
        Blob name;
        int r;

        if (!above->extensions.has_constraints)
                return 0;

        while (general_name_next(&names, &kind, &name)) {
                r = check_name(&k, kind, name);
                if (r != 0)
                        return r;
        }
        if (!certificate_has_empty_subject(below)) {
                r = check_name(&k, NAME_DIRECTORY, below->subject);
                if (r != 0)
                        return r;
        }
        if (below->extensions.has_names)
                return 0;
        r = check_common_name(&k, below);
        return r != 0 ? r : check_subject_emails(&k, below);
}
