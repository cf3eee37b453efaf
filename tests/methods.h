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

/* Starts one that was stopped with fixture_stop(). */
void methods_start(Methods *m, int64_t clock);

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

/* A call and what of its answer is to be seen. */
typedef struct Step {
        const char *sentence;
        uid_t uid; /* 0: the test itself */
        const char *method;
        const char *parameters;
        const char *path; /* "error" is the error's name */
        const char *value;
} Step;

void methods_walk(Methods *m, const Step *steps, size_t n);

#define WALK(...)                                                                                  \
        do {                                                                                       \
                const Step steps[] = { __VA_ARGS__ };                                              \
                methods_walk(m, steps, N_ELEMENTS(steps));                                         \
        } while (0)

/* methods_at(), or the error's name for "error". */
const char *methods_seen(struct json_object *reply, const char *path);

/* logind's word for @uid: logged in since @usec, or not any more. */
void methods_log_in(Methods *m, uid_t uid, unsigned usec);
void methods_log_out(Methods *m, uid_t uid);

/* The usual two parts of parameters: where, and what was shown of the certificate bad. */
#define AT "'host':'mail.example.org','port':993,"
#define SHOWN "'problems':['self-signed','name-mismatch'],"

/* Uids that are nobody's in particular. */
#define ALICE 4711
#define BOB 4712

/* "because", "exception.certificate.sha256", "problems.0.name": a string as it is, the rest as
 * JSON, "" if it is absent. Valid until the next call. */
const char *methods_at(struct json_object *reply, const char *path);
