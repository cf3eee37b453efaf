/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Methods: certificates and calls for the tests of the interface's methods. Parameters are written
 * with ' for " and @NAME for the base64 of a certificate; every answer is held against the interface.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "tests/fixture.h"
#include "tests/pki.h"

struct json_object;

typedef struct Methods {
        Fixture *fixture;
        Peer *peer;
        Pki *authority;
        struct {
                char name[16];
                Pki *pki;
        } certificates[16];
        unsigned n_certificates;
        int64_t clock;
} Methods;

/* A daemon that shows PKI_NOW and believes one authority. Certificates by name:
 *   good     for mail.example.org, by the authority
 *   bad      its own, for nobody in particular
 *   renewed  another of the same key
 *   other    another altogether
 *   never    by the authority, with a false signature
 *   due      its own, ends ten days after PKI_NOW
 *   crash, spin  kill or stop the judge */
Methods *methods_new(void);
Methods *methods_free(Methods *m);
DEFINE_CLEANUP(Methods *, methods_free)

/* Stops the daemon and starts it at another time. */
void methods_restart(Methods *m, int64_t clock);

/* Calls a method; the reply, which keeps to the interface. */
struct json_object *methods_call(Methods *m, const char *method, const char *parameters);

/* The same from a process of another uid, over a connection of its own. */
struct json_object *methods_call_as(Methods *m, uid_t uid, const char *method,
                                    const char *parameters);

/* The text that is sent, with its "more" or without (free()). */
char *methods_text(Methods *m, const char *method, const char *parameters, bool more);

/* Aborts the test if @reply departs from the interface. */
void methods_hold(const char *method, struct json_object *reply);

const Pki *methods_certificate(const Methods *m, const char *name);
void methods_add_certificate(Methods *m, const char *name, const PkiSpec *spec);

/* "because", "exception.certificate.sha256", "problems.0.name": a string as it is, the rest as
 * JSON, "" if it is absent. Valid until the next call. */
const char *methods_at(struct json_object *reply, const char *path);
