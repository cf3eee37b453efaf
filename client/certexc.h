/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcertexc: ask the certexc daemon about certificates. See libcertexc(3).
 *
 * Every function that can fail returns a negative errno value; the client then holds a sentence
 * about it, see certexc_client_error(). Nothing here logs, prints or keeps global state; one client
 * may be used by one thread at a time.
 */
#ifndef CERTEXC_H
#define CERTEXC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CERTEXC_API __attribute__((visibility("default")))

/** An unconnected or connected client of the daemon. */
typedef struct certexc_client certexc_client;

/** What the daemon said about a chain. Immutable. */
typedef struct certexc_answer certexc_answer;

/** One exception or denial. Immutable. */
typedef struct certexc_exception certexc_exception;

enum certexc_verdict {
        CERTEXC_ACCEPT = 0, /* go on */
        CERTEXC_PROMPT = 1, /* ask the person */
        CERTEXC_REJECT = 2, /* do not go on, do not ask */
};

#ifdef __cplusplus
}
#endif

#endif
