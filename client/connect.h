/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetches what a server presents: TCP, STARTTLS if asked, a TLS handshake that checks nothing. The
 * daemon judges; here only the certificates and the staple are collected.
 */
#pragma once

#include <stdint.h>

#include "client/endpoint.h"
#include "client/fault.h"
#include "client/presented.h"
#include "client/starttls.h"

typedef struct ConnectPlan {
        const Endpoint *endpoint;         /* whose certificate is wanted */
        const Endpoint *address;          /* where to connect instead; NULL: there */
        const StarttlsProtocol *starttls; /* NULL: TLS from the first byte */
        unsigned timeout_sec;             /* for everything together */
} ConnectPlan;

/* 0 and @ret filled (presented_done()), or a negative errno and @fault. */
int connect_fetch(const ConnectPlan *plan, Presented *ret, Fault *fault);
