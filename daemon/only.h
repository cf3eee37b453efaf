/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Only: the names that somebody who imports an authority lets it speak for. A host name stands for
 * itself and all below it, ADDRESS for itself, ADDRESS/BITS for the network.
 */
#pragma once

#include <stdbool.h>

#include "client/cleanup.h"
#include "client/endpoint.h"
#include "daemon/limits.h"

/* Both kinds, each with a length of three bytes, and what excludes the kind that is not named. */
#define ONLY_DER_MAX (ONLY_TEXT_MAX + ONLY_NAMES_MAX * 48U + 64U)

/*
 * Adds one name to @text, which begins as "" and keeps the canonical names in order, each once,
 * separated by commas. Returns 0; -EINVAL and a sentence in *@ret_reason (static, English, no full
 * stop); -E2BIG past ONLY_NAMES_MAX or ONLY_TEXT_MAX; -ENOMEM.
 */
int only_add(char text[static ONLY_TEXT_MAX + 1], const char *name, size_t size,
             const char **ret_reason);

/* Whether @text, which only_add() made, lets the authority speak for the endpoint's host. */
bool only_covers(const char *text, const Endpoint *endpoint);

/* Whether @wide lets it speak for all that @narrow does; both are only_add()'s, "" is all names. */
bool only_is_within(const char *narrow, const char *wide);

/* The same as the contents of two GeneralSubtrees (RFC 5280, section 4.2.1.10) in @bytes: what is
 * permitted, and all of the other kind as excluded. */
typedef struct OnlySubtrees {
        uint8_t bytes[ONLY_DER_MAX];
        Blob permitted;
        Blob excluded;
} OnlySubtrees;

/* 0, or -EINVAL if only_add() did not make @text. */
int only_subtrees(const char *text, OnlySubtrees *ret);
