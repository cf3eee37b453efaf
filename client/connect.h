/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetches what a server presents: TCP, STARTTLS if asked, a TLS handshake that checks nothing. The
 * daemon judges; here only the certificates and the staple are collected. Or, with somebody who judges
 * them, keeps the connection.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <stdint.h>

#include "client/endpoint.h"
#include "client/fault.h"
#include "client/presented.h"
#include "client/starttls.h"

/* An open connection with TLS on it, which does not block. */
typedef struct Channel Channel;

/* 0 if what the server presents is accepted; a negative errno ends the handshake. What it takes of
 * @presented it leaves empty. */
typedef int (*ConnectJudge)(Presented *presented, void *userdata);

typedef struct ConnectPlan {
        const Endpoint *endpoint;         /* whose certificate is wanted */
        const Endpoint *address;          /* where to connect instead; NULL: there */
        const StarttlsProtocol *starttls; /* NULL: TLS from the first byte */
        unsigned timeout_sec;             /* for everything together but the judge */
        ConnectJudge judge;               /* NULL: everything is accepted */
        void *userdata;                   /* the judge's */
} ConnectPlan;

/* 0 and @ret filled (presented_done()), or a negative errno and @fault. */
int connect_fetch(const ConnectPlan *plan, Presented *ret, Fault *fault);

/* 0, or a negative errno: -ECONNABORTED and @fault, or what the judge returned. */
int connect_open(const ConnectPlan *plan, Channel **ret, Fault *fault);
Channel *channel_close(Channel *channel);
DEFINE_CLEANUP(Channel *, channel_close)

gnutls_session_t channel_session(const Channel *channel);
int channel_fd(const Channel *channel);

/* What the server said before TLS began, and does not say again. */
const Greeting *channel_greeting(const Channel *channel);
