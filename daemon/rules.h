/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules: decisions of the administrator and of the distribution that stay in files (exceptions.d), for
 * everybody. They are the system's, are looked up beside those of the store, and cannot be changed but in
 * their files. Their certificates are read by a judge of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "daemon/rule-file.h"
#include "daemon/rule-folder.h"

typedef struct sd_event sd_event;
typedef struct Rules Rules;

/* Rules are numbered from here, far above what a store gives: by endpoint, anew at each reading. */
#define RULE_ID_FIRST UINT64_C(1000000000001)

typedef struct Rule {
        Decision decision;
        const RuleCertificate *certificate; /* NULL: only its digest is known */
        const char *path;                   /* of its file */
} Rule;

/* Called when the files were read again: @error is 0, and what they say is in force; or -errno, and nothing
 * has changed. */
typedef void (*RulesRead)(Rules *rules, int error, void *userdata);

/*
 * Reads the files, and returns when what they say is in force. One that is broken is refused as a whole: see
 * rules_warning(). 0, or -errno if nothing could be read for want of memory and the like.
 */
int rules_new(sd_event *event, const RuleFolders *folders, RulesRead read, void *userdata, Rules **ret);
Rules *rules_free(Rules *rules);
DEFINE_CLEANUP(Rules *, rules_free)

/* Reads them again. What a file said that is broken now, it still says; the rest holds once all is read, and
 * the callback is called then, perhaps before this returns. */
void rules_reload(Rules *rules);

/* Whether a denial may be missing: a file is broken of which there is no good reading. */
bool rules_is_doubtful(const Rules *rules);

/* Grows with each reading that may have changed something. */
uint64_t rules_generation(const Rules *rules);

/* What is wrong with one of the files, as a sentence; the first of them say why it is doubtful. */
size_t rules_n_doubts(const Rules *rules);
size_t rules_n_warnings(const Rules *rules);
const char *rules_warning(const Rules *rules, size_t i);

/* What masks a file of the distribution, as a sentence. */
size_t rules_n_notices(const Rules *rules);
const char *rules_notice(const Rules *rules, size_t i);

/* -- looking up ------------------------------------------------------------------------------ */

/* Each marks as ended what is over at @now; what was seen as over stays so. All are borrowed until the next
 * reading, and in the order of their ids. */

/* All of them. */
size_t rules_all(Rules *rules, int64_t now, const Rule **ret);

/* Those at an endpoint; of port 0, at every port of the host. */
size_t rules_at(Rules *rules, const char *host, uint16_t port, int64_t now, const Rule **ret);

/* The one with @id, or NULL. */
const Rule *rules_get(Rules *rules, uint64_t id, int64_t now);

/* A denial that refuses the leaf at the endpoint; NULL: none. @key_sha256 may be NULL. */
const Rule *rules_denial(Rules *rules, const char *host, uint16_t port, const uint8_t *leaf_sha256,
                         const uint8_t *key_sha256, int64_t now);

/* A certificate that one of them is about, or NULL. */
const RuleCertificate *rules_certificate(const Rules *rules, const uint8_t sha256[static SHA256_SIZE]);
