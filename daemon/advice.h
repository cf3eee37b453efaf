/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advice: what explains the problems of an answer, or what to beware of, with the evidence for it.
 * Arithmetic over what was looked up; the words for it are libcertexc's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/endpoint.h"
#include "daemon/facts.h"

/* In the order of the answer; the words of the interface's Advice. */
typedef enum AdviceId {
        ADVICE_CLOCK_BEFORE_BUILD,
        ADVICE_CLOCK_BEFORE_STORE,
        ADVICE_CLOCK_BEFORE_STATUS,
        ADVICE_INTERCEPTED_BY_ANTIVIRUS,
        ADVICE_INTERCEPTED_BY_GATEWAY,
        ADVICE_INTERCEPTED_BY_ADWARE,
        ADVICE_INTERCEPTED_BY_DEBUGGER,
        ADVICE_ONE_ISSUER_FOR_MANY,
        ADVICE_AUTHORITY_LIMITED,
        ADVICE_DISTRUSTED_BY_YOU,
        ADVICE_DISTRUSTED_BY_ADMINISTRATOR,
        ADVICE_MISSING_ISSUER,
        ADVICE_PORT_UNUSUAL,
        ADVICE_PORT_PLAIN,
        ADVICE_NOT_UNENCRYPTED,
        _ADVICE_MAX,
} AdviceId;

/* Hosts whose name has another registrable domain are other people's. */
#define ADVICE_HOSTS_MAX 5U

typedef struct Advice {
        AdviceId id;
        const char *name; /* a product, an issuer, a protocol, a host; NULL: none. Borrowed. */
        int64_t time;     /* -1: none */
        const char *hosts[ADVICE_HOSTS_MAX]; /* borrowed */
        size_t n_hosts;
        const char *limit; /* hosts, separated by commas, in place of @hosts; NULL: none. Borrowed. */
} Advice;

typedef struct AdviceInput {
        const Facts *facts;
        const Endpoint *endpoint;
        bool starttls;
        int64_t now;
        int64_t build;      /* when this program was built */
        int64_t last_write; /* when the store last changed */
        char *const *hosts; /* what else of the owner's the leaf's issuer vouches for */
        size_t n_hosts;
        const char *distrusted_own;    /* what the owner distrusts among the findings; NULL: nothing */
        const char *distrusted_system; /* what the administrator distrusts for everybody */
} AdviceInput;

typedef struct AdviceList {
        Advice items[_ADVICE_MAX];
        size_t n;
} AdviceList;

/* Each at most once. Empty where there is no problem. */
void advice_find(const AdviceInput *input, AdviceList *ret);

/* true if it matters which other hosts the leaf's issuer vouches for. */
bool advice_wants_hosts(const Facts *facts);

const char *advice_name(AdviceId id);
