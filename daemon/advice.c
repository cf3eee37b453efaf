/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which advice an answer carries. */
#include "config.h"

#include <libpsl.h>
#include <string.h>

#include "daemon/advice.h"
#include "daemon/interceptors.h"

#define DATES (PROBLEM_EXPIRED | PROBLEM_NOT_YET_VALID | PROBLEM_ISSUER_EXPIRED)

const char *advice_name(AdviceId id) {
        static const char *const names[_ADVICE_MAX] = {
                [ADVICE_CLOCK_BEFORE_BUILD] = "clock-before-build",
                [ADVICE_CLOCK_BEFORE_STORE] = "clock-before-store",
                [ADVICE_CLOCK_BEFORE_STATUS] = "clock-before-status",
                [ADVICE_INTERCEPTED_BY_ANTIVIRUS] = "intercepted-by-antivirus",
                [ADVICE_INTERCEPTED_BY_GATEWAY] = "intercepted-by-gateway",
                [ADVICE_INTERCEPTED_BY_ADWARE] = "intercepted-by-adware",
                [ADVICE_INTERCEPTED_BY_DEBUGGER] = "intercepted-by-debugger",
                [ADVICE_ONE_ISSUER_FOR_MANY] = "one-issuer-for-many",
                [ADVICE_AUTHORITY_LIMITED] = "authority-limited",
                [ADVICE_DISTRUSTED_BY_YOU] = "distrusted-by-you",
                [ADVICE_DISTRUSTED_BY_ADMINISTRATOR] = "distrusted-by-administrator",
                [ADVICE_MISSING_ISSUER] = "missing-issuer",
                [ADVICE_PORT_UNUSUAL] = "port-unusual",
                [ADVICE_PORT_PLAIN] = "port-plain",
                [ADVICE_NOT_UNENCRYPTED] = "not-unencrypted",
        };

        return names[id];
}

static Advice *add(AdviceList *list, AdviceId id, const char *name) {
        Advice *advice = &list->items[list->n++];

        *advice = (Advice){ .id = id, .name = name, .time = -1 };
        return advice;
}

/* -- the clock --------------------------------------------------------------------------------- */

/* Clocks of issuers are not ours; nor is theirs to the second. */
#define SIGNED_SKEW_SEC 300

static void find_clock(const AdviceInput *input, AdviceList *ret) {
        const int64_t signed_time = input->facts->signed_time;
        const bool is_signed_later = signed_time > INT64_MIN + SIGNED_SKEW_SEC &&
                                     input->now < signed_time - SIGNED_SKEW_SEC;

        if (!(input->facts->problems & (DATES | PROBLEM_REVOCATION_UNKNOWN)))
                return;
        /* No program runs before it was built; a store remembers the future only if the clock was
         * put back since; and an issuer signs nothing ahead of time. The later of the last two
         * proves more than the program does: it alone is enough. */
        if (is_signed_later && signed_time > input->last_write)
                add(ret, ADVICE_CLOCK_BEFORE_STATUS, NULL)->time = signed_time;
        else if (input->now < input->last_write)
                add(ret, ADVICE_CLOCK_BEFORE_STORE, NULL)->time = input->last_write;
        else if (input->now < input->build)
                add(ret, ADVICE_CLOCK_BEFORE_BUILD, NULL)->time = input->build;
}

/* -- interception ------------------------------------------------------------------------------ */

static AdviceId interception(InterceptorKind kind) {
        switch (kind) {
        case INTERCEPTOR_ANTIVIRUS:
                return ADVICE_INTERCEPTED_BY_ANTIVIRUS;
        case INTERCEPTOR_GATEWAY:
                return ADVICE_INTERCEPTED_BY_GATEWAY;
        case INTERCEPTOR_ADWARE:
                return ADVICE_INTERCEPTED_BY_ADWARE;
        case INTERCEPTOR_DEBUGGER:
                return ADVICE_INTERCEPTED_BY_DEBUGGER;
        }
        return ADVICE_INTERCEPTED_BY_GATEWAY;
}

/* true if an interceptor's name is on the certificate. */
static bool find_interceptor(const AdviceInput *input, AdviceList *ret) {
        const ProblemSet untrusted = PROBLEM_SELF_SIGNED | PROBLEM_UNKNOWN_ISSUER |
                                     PROBLEM_DISTRUSTED_ISSUER | PROBLEM_BLOCKED;
        const Interceptor *interceptor;

        if (!input->facts->leaf || !(input->facts->problems & untrusted))
                return false;
        interceptor = interceptor_find(input->facts->leaf->issuer);
        if (interceptor)
                (void) add(ret, interception(interceptor->kind), interceptor->product);
        return interceptor;
}

/* The part of a host's name that somebody registered; an address, or a name below no public suffix,
 * stands for itself. */
static const char *registrable(const char *host) {
        const psl_ctx_t *psl = psl_builtin();
        const char *domain = psl ? psl_registrable_domain(psl, host) : NULL;

        return domain ? domain : host;
}

bool advice_wants_hosts(const Facts *facts) {
        const CertificateFacts *leaf = facts->leaf;

        /* Who signs for itself may use any name, and many use the same: "localhost"; and one that
         * somebody imported is no stranger. */
        return (facts->problems & PROBLEM_UNKNOWN_ISSUER) && !facts->limit && leaf && *leaf->issuer &&
               strcmp(leaf->issuer, leaf->subject) != 0;
}

static void find_others(const AdviceInput *input, AdviceList *ret) {
        const char *own = registrable(input->endpoint->host);
        Advice advice = {
                .id = ADVICE_ONE_ISSUER_FOR_MANY,
                .time = -1,
        };

        if (!advice_wants_hosts(input->facts))
                return;
        advice.name = input->facts->leaf->issuer;
        for (size_t i = 0; i < input->n_hosts && advice.n_hosts < ADVICE_HOSTS_MAX; i++)
                if (strcmp(registrable(input->hosts[i]), own) != 0)
                        advice.hosts[advice.n_hosts++] = input->hosts[i];
        if (advice.n_hosts > 0)
                ret->items[ret->n++] = advice;
}

/* It is no stranger: whoever imported it gave it some names. */
static void find_limit(const AdviceInput *input, AdviceList *ret) {
        const Facts *facts = input->facts;

        if (facts->limit)
                add(ret, ADVICE_AUTHORITY_LIMITED, facts->outside)->limit = facts->limit;
}

/* It may have kept all its promises: that somebody here said no is all that is known. */
static void find_distrust(const AdviceInput *input, AdviceList *ret) {
        if (input->distrusted_own)
                (void) add(ret, ADVICE_DISTRUSTED_BY_YOU, input->distrusted_own);
        if (input->distrusted_system)
                (void) add(ret, ADVICE_DISTRUSTED_BY_ADMINISTRATOR, input->distrusted_system);
}

static void find_missing(const AdviceInput *input, AdviceList *ret) {
        for (size_t i = 0; i < input->facts->n_findings; i++) {
                const Finding *finding = &input->facts->findings[i];

                if (finding->problem == PROBLEM_INCOMPLETE_CHAIN && *finding->value) {
                        (void) add(ret, ADVICE_MISSING_ISSUER, finding->value);
                        return;
                }
        }
}

/* -- ports ------------------------------------------------------------------------------------- */

typedef struct Port {
        uint16_t port;
        bool plain; /* TLS comes by an upgrade here, if at all */
        bool mail;
        const char *protocol;
} Port;

/* Where TLS is at home, at once or by an upgrade, and what is spoken in plain where people try it. */
static const Port ports[] = {
        { 21, true, false, "FTP" },       { 25, true, true, "SMTP" },
        { 80, true, false, "HTTP" },      { 110, true, true, "POP3" },
        { 119, true, false, "NNTP" },     { 143, true, true, "IMAP" },
        { 389, true, false, "LDAP" },     { 443, false, false, "HTTP" },
        { 465, false, true, "SMTP" },     { 563, false, false, "NNTP" },
        { 587, true, true, "SMTP" },      { 636, false, false, "LDAP" },
        { 853, false, false, "DNS" },     { 989, false, false, "FTP" },
        { 990, false, false, "FTP" },     { 993, false, true, "IMAP" },
        { 994, false, false, "IRC" },     { 995, false, true, "POP3" },
        { 4190, true, true, "ManageSieve" }, { 5222, true, false, "XMPP" },
        { 5269, true, false, "XMPP" },    { 8080, true, false, "HTTP" },
};

/* Below are the ports that belong to one protocol each; those above anybody may use for anything, and
 * nothing is known of them. */
#define PORT_FREE_MIN 1024

static void find_port(const AdviceInput *input, AdviceList *ret) {
        const Port *known = NULL;

        for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
                if (ports[i].port == input->endpoint->port)
                        known = &ports[i];

        if (!known && input->endpoint->port != 0 && input->endpoint->port < PORT_FREE_MIN)
                (void) add(ret, ADVICE_PORT_UNUSUAL, NULL);
        /* Submission is spoken in both ways on its port. */
        if (known && known->plain && !input->starttls && known->port != 587)
                (void) add(ret, ADVICE_PORT_PLAIN, known->protocol);
        if (known && known->mail)
                (void) add(ret, ADVICE_NOT_UNENCRYPTED, NULL);
}

void advice_find(const AdviceInput *input, AdviceList *ret) {
        bool intercepted;

        ret->n = 0;
        if (input->facts->problems == 0)
                return;
        find_clock(input, ret);
        intercepted = find_interceptor(input, ret);
        find_others(input, ret);
        find_limit(input, ret);
        find_distrust(input, ret);
        /* The server behind an interceptor cannot be blamed for what is missing. */
        if (!intercepted)
                find_missing(input, ret);
        find_port(input, ret);
}
