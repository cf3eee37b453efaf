/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Import: decisions and authorities from elsewhere, whose certificates are judged before they are
 * stored. */
#pragma once

#include "daemon/store-import.h"

typedef struct Importing Importing;
typedef struct Request Request;
typedef struct Staged Staged;
struct json_object;

/* The request that waits for it is gone. NULL ok; returns NULL. */
Importing *importing_free(Importing *importing);

/* What is wrong with the certificates, or with the objects of the interface: answered, and -errno. */
int import_add_authorities(Request *r, Staged *staged, struct json_object *authorities);
void import_answer_too_much(Request *r, int error);
void import_answer_bad(Request *r, const char *field, size_t i, const char *reason);

/* What the judge found out about a certificate that is to be an authority, or distrusted; or that
 * nobody has to be asked about it: true, and its outcome. 0 or -ENOMEM. */
bool import_authority_is_settled(const Request *r, Import *import, ImportAuthority *item);
int import_take_authority(ImportAuthority *item, const Facts *facts);

/* The word of the interface for it. */
const char *import_outcome_name(ImportOutcome outcome);

/* What became of each authority, as in the reply. */
struct json_object *import_authorities_object(const Import *import);
