/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Authorities of ImportExceptions: how they are read, what speaks against them, and what is said of each. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "daemon/answer.h"
#include "daemon/import.h"
#include "daemon/imports.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/method.h"
#include "daemon/only.h"

/* -- reading ----------------------------------------------------------------------------------- */

static const char *read_only_names(struct json_object *names, Entry *e) {
        const char *reason = "one of the names that it may speak for is no text";

        for (size_t i = 0; i < json_object_array_length(names); i++) {
                struct json_object *item = json_object_array_get_idx(names, i);

                if (!json_object_is_type(item, json_type_string))
                        return reason;
                switch (only_add(e->only, json_object_get_string(item),
                                 (size_t) json_object_get_string_len(item), &reason)) {
                case 0:
                        break;
                case -EINVAL:
                        return reason;
                default:
                        return "there are more names that it may speak for than may be";
                }
        }
        return NULL;
}

static const char *read_words(const char *kind, const char *pin, const char *state, Entry *e) {
        if (strcmp(kind, "authority") != 0 && strcmp(kind, "distrust") != 0)
                return "the kind is neither authority nor distrust";
        if (strcmp(pin, "certificate") != 0 && strcmp(pin, "key") != 0)
                return "the pin is neither certificate nor key";
        if (strcmp(state, "live") != 0 && strcmp(state, "unconfirmed") != 0)
                return "the state is neither live nor unconfirmed";
        e->kind = *kind == 'a' ? ENTRY_AUTHORITY : ENTRY_DISTRUST;
        e->pin = e->kind == ENTRY_DISTRUST && *pin == 'k' ? PIN_KEY : PIN_CERTIFICATE;
        e->state = e->kind == ENTRY_DISTRUST || *state == 'l' ? STATE_LIVE : STATE_UNCONFIRMED;
        return NULL;
}

/* NULL, or what is wrong with it. That one may speak for all names is said by an empty list, and not
 * by none. */
static const char *read_authority(struct json_object *object, Entry *e) {
        Fields f = FIELDS_INIT(object);
        const char *kind = fields_string(&f, "kind");
        const char *pin = fields_string_or(&f, "pin", "certificate");
        const char *state = fields_string_or(&f, "state", "live");
        const char *certificate = fields_string(&f, "certificate");
        struct json_object *only = fields_array(&f, "only", false);
        const char *reason;

        if (fields_finish(&f, false) < 0)
                return "a field is missing, or is not of its type";
        if (sha256_decode(certificate, e->certificate_sha256) < 0)
                return "the certificate is not 64 hexadecimal digits";
        reason = read_words(kind, pin, state, e);
        if (reason)
                return reason;
        if (!only == (e->kind == ENTRY_AUTHORITY))
                return only ? "what is distrusted has no \"only\""
                            : "it does not say what it may speak for: \"only\" is missing";
        return only ? read_only_names(only, e) : NULL;
}

int import_add_authorities(Request *r, Staged *staged, struct json_object *authorities) {
        for (size_t i = 0; authorities && i < json_object_array_length(authorities); i++) {
                Entry e = { .owner = r->owner };
                const char *reason = read_authority(json_object_array_get_idx(authorities, i), &e);
                int n;

                if (reason) {
                        import_answer_bad(r, "authorities", i, reason);
                        return -EINVAL;
                }
                n = staged_add_entry(staged, &e);
                if (n < 0) {
                        import_answer_too_much(r, n);
                        return n;
                }
        }
        return 0;
}

/* -- judging ----------------------------------------------------------------------------------- */

bool import_authority_is_settled(const Request *r, Import *import, ImportAuthority *item) {
        const bool forbidden = item->entry.kind == ENTRY_AUTHORITY && r->owner != OWNER_SYSTEM &&
                               !r->manager->conf.user_authorities;

        if (forbidden)
                item->outcome = IMPORT_FORBIDDEN;
        else if (!item->der)
                item->outcome = IMPORT_NO_CERTIFICATE;
        else if (item->der_size > IMPORT_AUTHORITIES_BYTES_MAX - import->authority_bytes)
                item->outcome = IMPORT_TOO_LARGE;
        else
                import->authority_bytes += item->der_size;
        return item->outcome != IMPORT_PENDING;
}

int import_take_authority(ImportAuthority *item, const Facts *facts) {
        int n;

        if (!facts->leaf) {
                item->outcome = IMPORT_UNREADABLE;
                return 0;
        }
        n = certificate_facts_copy(facts->leaf, &item->certificate);
        if (n < 0)
                return n;
        memcpy(item->entry.key_sha256, facts->leaf->key_sha256, SHA256_SIZE);
        /* What is to be distrusted need not be good for anything. */
        if (item->entry.kind == ENTRY_AUTHORITY && (facts->problems & ENTRY_UNFIT))
                item->outcome = IMPORT_NOT_AN_AUTHORITY;
        return 0;
}

/* -- answering --------------------------------------------------------------------------------- */

static struct json_object *one_object(const ImportAuthority *item) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, "outcome", import_outcome_name(item->outcome)) < 0 ||
            (item->certificate &&
             json_put(o, "authority", answer_authority(&item->entry, item->certificate)) < 0))
                return NULL;
        return TAKE_PTR(o);
}

struct json_object *import_authorities_object(const Import *import) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();

        for (size_t i = 0; i < import->n_authorities; i++)
                if (json_append(list, one_object(import->authorities + i)) < 0)
                        return NULL;
        return TAKE_PTR(list);
}
