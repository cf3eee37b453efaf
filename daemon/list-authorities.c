/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ListAuthorities: what the store has, then those of the system's store. What these say of themselves
 * nobody knows until somebody asks: a judge reads them, one after the other.
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
#include "daemon/store.h"
#include "daemon/trust.h"

typedef enum Origin {
        ORIGIN_OWN = 1 << 0,
        ORIGIN_ADMIN = 1 << 1,
        ORIGIN_SYSTEM = 1 << 2,
        ORIGIN_ALL = (1 << 3) - 1,
} Origin;

/* How far the list has come. Places are counted from the first entry to the last authority. */
typedef struct Listing {
        unsigned origins;
        bool has_digest;
        uint8_t digest[SHA256_SIZE];
        bool all;
        uint64_t place;
        unsigned n_page;
        struct json_object *page; /* NULL between pages, and while a page is given away */
} Listing;

static int page_add(Listing *l, struct json_object *item) {
        l->n_page++;
        return json_append(l->page, item);
}

static void next_page(Request *r);

static void finish_page(Request *r, bool more) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        Listing *l = r->state;

        if (json_put(o, "authorities", TAKE_PTR(l->page)) < 0 ||
            (more && json_put_int(o, "next", (int64_t) l->place) < 0)) {
                request_no_memory(r);
                return;
        }
        if (more && r->more) {
                r->resume = next_page;
                request_reply_more(r, TAKE_PTR(o));
        } else
                request_reply(r, TAKE_PTR(o));
}

/* -- what the store has ------------------------------------------------------------------------ */

static bool is_wanted(const Listing *l, const Entry *e) {
        Origin origin = e->owner == OWNER_SYSTEM ? ORIGIN_ADMIN : ORIGIN_OWN;

        return (l->origins & origin) && (l->all || e->state != STATE_REVOKED) &&
               (!l->has_digest || memcmp(l->digest, e->certificate_sha256, SHA256_SIZE) == 0);
}

/* Those of one owner from *@place on, which is counted up; a page may end in between. */
static int list_entries(Request *r, int64_t owner, uint64_t *place) {
        _cleanup_(entry_list_done) EntryList list = { 0 };
        Listing *l = r->state;
        int n;

        n = store_entries(r->manager->store, owner, &list);
        for (size_t i = 0; n == 0 && i < list.n_items; i++) {
                if ((*place)++ < l->place)
                        continue;
                if (l->n_page == LIST_PAGE_MAX)
                        return 0;
                l->place = *place;
                if (is_wanted(l, &list.items[i]))
                        n = page_add(l, answer_entry(r->manager->store, &list.items[i]));
        }
        return n;
}

/* -- what the system has ----------------------------------------------------------------------- */

static uint64_t n_entries(Request *r, int *ret_error) {
        EntryList own = { 0 }, admin = { 0 };
        uint64_t n;

        *ret_error = store_entries(r->manager->store, OWNER_SYSTEM, &admin);
        if (*ret_error == 0 && r->owner != OWNER_SYSTEM)
                *ret_error = store_entries(r->manager->store, r->owner, &own);
        n = own.n_items + admin.n_items;
        entry_list_done(&own);
        entry_list_done(&admin);
        return n;
}

static void list_system(Request *r);

/* One that cannot be read cannot be an authority: it is left out. */
static void system_ready(Request *r) {
        const Facts *facts = r->judged->facts;
        Listing *l = r->state;

        if (facts->leaf && page_add(l, answer_system_authority(facts->leaf)) < 0) {
                request_no_memory(r);
                return;
        }
        list_system(r);
}

/* The next place that holds an authority that is wanted: 1, 0 if there is none. */
static int find_next(Request *r, uint64_t first, Blob *ret) {
        const Authorities *a = trust_authorities(r->manager->trust);
        Listing *l = r->state;

        if (!a || !(l->origins & ORIGIN_SYSTEM))
                return 0;
        while (l->place - first < authorities_count(a)) {
                uint8_t digest[SHA256_SIZE];

                *ret = authorities_at(a, l->place++ - first);
                if (!l->has_digest)
                        return 1;
                if (sha256(ret->data, ret->size, digest) == 0 &&
                    memcmp(digest, l->digest, SHA256_SIZE) == 0)
                        return 1;
        }
        return 0;
}

static void list_system(Request *r) {
        Listing *l = r->state;
        uint64_t first;
        Blob der;
        int n;

        first = n_entries(r, &n);
        if (n < 0) {
                request_store_error(r, n);
                return;
        }
        if (l->place < first)
                l->place = first;
        if (find_next(r, first, &der) == 0)
                finish_page(r, false);
        else if (l->n_page == LIST_PAGE_MAX) {
                l->place--;
                finish_page(r, true);
        } else
                judged_start_der(r, der, system_ready);
}

/* -- all --------------------------------------------------------------------------------------- */

static void next_page(Request *r) {
        Listing *l = r->state;
        uint64_t place = 0;
        int n = 0;

        r->resume = NULL;
        l->n_page = 0;
        (void) json_object_put(l->page);
        l->page = json_object_new_array();
        if (r->owner != OWNER_SYSTEM)
                n = list_entries(r, r->owner, &place);
        if (n == 0)
                n = list_entries(r, OWNER_SYSTEM, &place);
        if (n < 0)
                request_store_error(r, n);
        else if (l->n_page == LIST_PAGE_MAX && place > l->place)
                finish_page(r, true);
        else
                list_system(r);
}

static int read_origin(Request *r, const char *origin, unsigned *ret) {
        static const struct {
                const char *name;
                Origin origin;
        } origins[] = {
                { "own", ORIGIN_OWN },
                { "admin", ORIGIN_ADMIN },
                { "system", ORIGIN_SYSTEM },
        };

        *ret = ORIGIN_ALL;
        for (size_t i = 0; origin && i < N_ELEMENTS(origins); i++)
                if (strcmp(origins[i].name, origin) == 0)
                        *ret = origins[i].origin;
        if (!origin || *ret != ORIGIN_ALL)
                return 0;
        request_invalid(r, "origin", "it is neither system, admin nor own");
        return -EINVAL;
}

static void listing_free(void *state) {
        Listing *l = state;

        (void) json_object_put(l->page);
        free(l);
}

void method_list_authorities(Request *r) {
        Fields f = request_fields(r);
        const char *origin, *digest;
        Listing *l;

        l = r->state = calloc(1, sizeof(*l));
        if (!l) {
                request_no_memory(r);
                return;
        }
        r->state_free = listing_free;
        origin = fields_string_or(&f, "origin", NULL);
        digest = fields_string_or(&f, "sha256", NULL);
        l->all = fields_bool_or(&f, "all", false);
        l->place = (uint64_t) fields_int_or(&f, "after", 0, INT32_MAX, 0);
        if (request_fields_finish(r, &f) < 0)
                return;

        l->has_digest = digest != NULL;
        if (digest && sha256_decode(digest, l->digest) < 0) {
                request_invalid(r, "sha256", "it is not 64 hexadecimal digits");
                return;
        }
        if (read_origin(r, origin, &l->origins) == 0)
                next_page(r);
}
