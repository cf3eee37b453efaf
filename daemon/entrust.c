/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ImportAuthority, Distrust, RemoveAuthority. Whether a certificate can be an authority, and what it
 * says, a judge finds out; only then is anything stored, and only once it is stored is it answered.
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "daemon/answer.h"
#include "daemon/authorities.h"
#include "daemon/json.h"
#include "daemon/judged.h"
#include "daemon/limits.h"
#include "daemon/method.h"
#include "daemon/only.h"
#include "daemon/submit.h"
#include "daemon/trust.h"

/* What the person wants, as read from the fields. */
typedef struct Wanted {
        Entry entry;
        bool has_fingerprint;
        uint8_t fingerprint[SHA256_SIZE];
        bool check; /* only say what would be stored */
} Wanted;

/* -- storing ----------------------------------------------------------------------------------- */

static void answer_stored_entry(Request *r, const Entry *e, const bool *already) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put(o, "authority", answer_entry(r->manager->store, e)) < 0 ||
            (already && json_put_bool(o, "already", *already) < 0))
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

static const SubmitBounds bounds = {
        .many = "authorities and distrusts of one owner",
        .many_max = ENTRIES_PER_OWNER_MAX,
        .here = "bytes of authorities of one owner",
        .here_max = ENTRY_BYTES_PER_OWNER_MAX,
};

static void entered(Request *r, Change *change) {
        bool already = change->result == CHANGE_HELD;

        if (submit_kept(r, change, &bounds))
                answer_stored_entry(r, &change->entry, &already);
}

static int change_fill(Request *r, const Wanted *w, Change *change) {
        const Blob *der = &r->judged->chain->certificates[0];
        const CertificateFacts *leaf = r->judged->facts->leaf;

        change->entry = w->entry;
        change->entry.owner = r->owner;
        change->entry.state = STATE_LIVE;
        memcpy(change->entry.certificate_sha256, leaf->sha256, SHA256_SIZE);
        memcpy(change->entry.key_sha256, leaf->key_sha256, SHA256_SIZE);
        change->der = malloc(der->size);
        if (!change->der)
                return -ENOMEM;
        memcpy(change->der, der->data, der->size);
        change->der_size = der->size;
        return certificate_facts_copy(leaf, &change->certificate);
}

/* The first thing that speaks against it. */
static const char *unfit_reason(const Facts *facts) {
        for (size_t i = 0; i < facts->n_findings; i++)
                if (facts->findings[i].problem & ENTRY_UNFIT)
                        return facts->findings[i].value;
        return "it cannot be read";
}

static void answer_unfit(Request *r) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put(o, "problems", answer_problems(r->judged->facts, ENTRY_UNFIT)) < 0 ||
            json_put_string(o, "reason", unfit_reason(r->judged->facts)) < 0)
                request_no_memory(r);
        else
                request_error(r, "NotAnAuthority", TAKE_PTR(o));
}

/* What would be stored; it has no number yet. */
static void answer_check(Request *r, const Entry *e) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        Entry entry = *e;

        entry.owner = r->owner;
        entry.state = STATE_LIVE;
        if (json_put(o, "authority", answer_authority(&entry, r->judged->facts->leaf)) < 0 ||
            json_put_bool(o, "already", false) < 0)
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

static void entry_ready(Request *r) {
        _cleanup_(change_freep) Change *change = NULL;
        const Facts *facts = r->judged->facts;
        const Wanted *w = r->state;
        int n;

        /* What is to be distrusted need not be good for anything, but must be readable. */
        if (!facts->leaf || (w->entry.kind == ENTRY_AUTHORITY && (facts->problems & ENTRY_UNFIT))) {
                answer_unfit(r);
                return;
        }
        if (w->has_fingerprint &&
            request_match_fingerprint(r, w->fingerprint, facts->leaf,
                                      w->entry.kind == ENTRY_DISTRUST && w->entry.pin == PIN_KEY) < 0)
                return;

        if (w->check) {
                answer_check(r, &w->entry);
                return;
        }
        n = request_submit_owner_name(r);
        if (n >= 0)
                n = change_new(CHANGE_ENTRY, r->owner, (int64_t) r->caller.uid, manager_now(),
                               &change);
        if (n >= 0)
                n = change_fill(r, w, change);
        if (n >= 0)
                n = submit(r->manager, r, &change, entered);
        if (n < 0)
                request_store_error(r, n);
}

/* -- importing --------------------------------------------------------------------------------- */

static Wanted *wanted_new(Request *r, EntryKind kind) {
        Wanted *w = calloc(1, sizeof(*w));

        r->state = w;
        if (!w)
                request_no_memory(r);
        else {
                w->entry.kind = kind;
                w->entry.pin = PIN_CERTIFICATE;
        }
        return w;
}

static int read_only_names(Request *r, struct json_object *names, char *text) {
        for (size_t i = 0; i < json_object_array_length(names); i++) {
                struct json_object *item = json_object_array_get_idx(names, i);
                const char *reason = "one of them is no text";
                int n = -EINVAL;

                if (json_object_is_type(item, json_type_string))
                        n = only_add(text, json_object_get_string(item),
                                     (size_t) json_object_get_string_len(item), &reason);
                if (n == 0)
                        continue;
                if (n == -E2BIG)
                        request_limit(r, "names that one authority is narrowed to", ONLY_NAMES_MAX);
                else if (n == -ENOMEM)
                        request_no_memory(r);
                else
                        request_invalid(r, "only", reason);
                return n;
        }
        return 0;
}

/* That somebody may speak for everything is said, not left out. */
static int check_extent(Request *r, const Wanted *w, bool has_only, bool all_names) {
        if (has_only && all_names) {
                request_invalid(r, "all_names", "it and only exclude each other");
                return -EINVAL;
        }
        if (has_only && *w->entry.only == '\0') {
                request_invalid(r, "only", "there is no name in it");
                return -EINVAL;
        }
        if (!has_only && !all_names) {
                request_invalid(r, "only", "it is missing; for an authority that may speak for all "
                                           "names, say all_names");
                return -EINVAL;
        }
        return 0;
}

void method_import_authority(Request *r) {
        Wanted *w = wanted_new(r, ENTRY_AUTHORITY);
        Fields f = request_fields(r);
        const char *der, *fingerprint;
        struct json_object *only;
        bool all_names;

        if (!w)
                return;
        der = fields_string(&f, "der");
        only = fields_array(&f, "only", false);
        all_names = fields_bool_or(&f, "all_names", false);
        fingerprint = fields_string_or(&f, "fingerprint", NULL);
        w->check = fields_bool_or(&f, "check", false);
        if (request_fields_finish(r, &f) < 0)
                return;

        if (!r->manager->conf.user_authorities && r->owner != OWNER_SYSTEM) {
                request_denied(r, "only the administrator may import authorities here "
                                  "(UserAuthorities=no in certexcd.conf)");
                return;
        }
        if (only && read_only_names(r, only, w->entry.only) < 0)
                return;
        if (check_extent(r, w, only != NULL, all_names) < 0 ||
            request_fingerprint(r, fingerprint, &w->has_fingerprint, w->fingerprint) < 0)
                return;
        judged_start_authority(r, der, entry_ready);
}

/* -- distrusting ------------------------------------------------------------------------------- */

/* One that the person sees in the list: the owner's, the administrator's or the system's. */
static void start_known(Request *r, const uint8_t digest[static SHA256_SIZE]) {
        const Authorities *authorities = trust_authorities(r->manager->trust);
        _cleanup_free_ uint8_t *der = NULL;
        size_t size = 0;
        Blob found;
        int n;

        if (authorities && authorities_find(authorities, digest, &found)) {
                judged_start_der(r, found, entry_ready);
                return;
        }
        n = store_certificate(r->manager->store, r->owner, digest, NULL, &der, &size);
        if (n > 0)
                judged_start_der(r, (Blob){ der, size }, entry_ready);
        else if (n < 0)
                request_store_error(r, n);
        else
                request_error(r, "NotFound", json_object_new_object());
}

void method_distrust(Request *r) {
        Wanted *w = wanted_new(r, ENTRY_DISTRUST);
        Fields f = request_fields(r);
        const char *der, *digest, *pin, *fingerprint;
        uint8_t known[SHA256_SIZE];

        if (!w)
                return;
        der = fields_string_or(&f, "der", NULL);
        digest = fields_string_or(&f, "sha256", NULL);
        pin = fields_string_or(&f, "pin", "key");
        fingerprint = fields_string_or(&f, "fingerprint", NULL);
        if (request_fields_finish(r, &f) < 0)
                return;

        w->entry.pin = strcmp(pin, "key") == 0 ? PIN_KEY : PIN_CERTIFICATE;
        if (w->entry.pin != PIN_KEY && strcmp(pin, "certificate") != 0)
                request_invalid(r, "pin", "it is neither certificate nor key");
        else if (!der == !digest)
                request_invalid(r, "der", "either it or sha256 says what is meant");
        else if (digest && sha256_decode(digest, known) < 0)
                request_invalid(r, "sha256", "it is not 64 hexadecimal digits");
        else if (request_fingerprint(r, fingerprint, &w->has_fingerprint, w->fingerprint) < 0)
                return;
        else if (der)
                judged_start_authority(r, der, entry_ready);
        else
                start_known(r, known);
}

/* -- taking back ------------------------------------------------------------------------------- */

static void removed(Request *r, Change *change) {
        if (change->error < 0)
                request_store_error(r, change->error);
        else if (change->result == CHANGE_UNKNOWN)
                request_error(r, "NotFound", json_object_new_object());
        else
                answer_stored_entry(r, &change->entry, NULL);
}

void method_remove_authority(Request *r) {
        _cleanup_(change_freep) Change *change = NULL;
        Fields f = request_fields(r);
        uint64_t id = (uint64_t) fields_int(&f, "id", 0, INT64_MAX);
        int n;

        if (request_fields_finish(r, &f) < 0)
                return;

        n = change_new(CHANGE_REMOVE, r->owner, (int64_t) r->caller.uid, manager_now(), &change);
        if (n >= 0) {
                change->entry.id = id;
                n = submit(r->manager, r, &change, removed);
        }
        if (n < 0)
                request_store_error(r, n);
}
