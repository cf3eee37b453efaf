/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interceptors: products that read TLS connections by showing a certificate of their own, known by
 * the name that they put into it. */
#pragma once

typedef enum InterceptorKind {
        INTERCEPTOR_ANTIVIRUS, /* runs on this computer, installed by its owner */
        INTERCEPTOR_GATEWAY,   /* a company's or school's firewall or proxy */
        INTERCEPTOR_ADWARE,    /* came with something else, and wants to be removed */
        INTERCEPTOR_DEBUGGER,  /* a developer's tool */
} InterceptorKind;

typedef struct Interceptor {
        const char *pattern; /* stands in the issuer's name, whatever its case, as whole words */
        const char *product;
        InterceptorKind kind;
} Interceptor;

/* The product that calls itself by the distinguished name @issuer, or NULL. The name is a claim like
 * any other of a certificate: it explains, it excuses nothing. */
const Interceptor *interceptor_find(const char *issuer);
