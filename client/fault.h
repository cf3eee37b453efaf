/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault: why a server's certificate could not be fetched, told apart and in words for people. */
#pragma once

#include "client/cleanup.h"

typedef enum FaultKind {
        FAULT_NONE,
        FAULT_NAME,        /* the name has no address */
        FAULT_REFUSED,     /* nothing listens there */
        FAULT_TIMEOUT,     /* no answer in time */
        FAULT_UNREACHABLE, /* the network says no */
        FAULT_CLOSED,      /* the server hung up */
        FAULT_PLAINTEXT,   /* it does not speak TLS from the first byte */
        FAULT_TLS_ONLY,    /* it speaks TLS from the first byte, and STARTTLS was asked for */
        FAULT_NO_STARTTLS, /* it speaks the protocol and refuses the upgrade */
        FAULT_UNSAFE,      /* the upgrade was tampered with, or would come too late */
        FAULT_PROTOCOL,    /* the answer is not what the protocol allows */
        FAULT_HANDSHAKE,   /* TLS itself failed */
        FAULT_OUTDATED,    /* it failed because what the server speaks is not safe any more */
        FAULT_SYSTEM,      /* this machine failed */
} FaultKind;

/* Both texts may quote the server: escape them before a terminal sees them. */
typedef struct Fault {
        FaultKind kind;
        char *reason; /* a sentence */
        char *hint;   /* what to try, or NULL */
} Fault;

/* Fills @fault, replacing what it held, and returns -ECONNABORTED (-ENOMEM), to be passed on. */
int fault_set(Fault *fault, FaultKind kind, const char *format, ...) _printf_(3, 4);

/* Adds what to try. */
void fault_hint(Fault *fault, const char *format, ...) _printf_(2, 3);

void fault_done(Fault *fault);
