/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ListExceptions and GetHistory: lists in pages. Called with more, the next page is made when the
 * door has room for it, so that a slow reader holds one page and not the list.
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>

#include "daemon/answer.h"
#include "daemon/ends.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/method.h"
#include "daemon/rules.h"
#include "daemon/store.h"

/* Pages of the system's decisions follow all of the owner's and those in files, whose ids are smaller. */
#define SYSTEM_AFTER (UINT64_C(1) << 62)

/* How far a list has come. */
typedef struct Paging {
        uint64_t after;
        bool has_endpoint;
        Endpoint endpoint; /* ListExceptions: narrowed to this host, and port if not 0 */
        bool all;
        bool system; /* ListExceptions: the system's follow */
        uint64_t id; /* GetHistory: narrowed to this decision, 0: all */
} Paging;

static Paging *paging_new(Request *r) {
        r->state = calloc(1, sizeof(Paging));
        if (!r->state)
                request_no_memory(r);
        return r->state;
}

/* Answers one page, the object @o (taken over) to which the number of the next is added. */
static void answer_page(Request *r, struct json_object *o, uint64_t next, void (*resume)(Request *r)) {
        Paging *p = r->state;

        p->after = next;
        if (o && next != 0 && json_put_int(o, "next", (int64_t) next) < 0) {
                (void) json_object_put(o);
                o = NULL;
        }

        if (next != 0 && r->more) {
                r->resume = resume;
                request_reply_more(r, o);
        } else {
                request_reply(r, o);
        }
}

/* -- exceptions -------------------------------------------------------------------------------- */

/* Those in files follow those of the store, as their ids do: of this page as many as there is room for. 0 and
 * in *@ret_next the last id if more follow; -ENOMEM. */
static int append_rules(Request *r, struct json_object *items, size_t room, uint64_t *ret_next) {
        const Paging *p = r->state;
        const int64_t now = request_now_for_ends(r);
        uint64_t last = RULE_ID_FIRST - 1;
        const Rule *rules;
        size_t n;

        n = p->has_endpoint ? rules_at(r->manager->rules, p->endpoint.host, p->endpoint.port, now, &rules)
                            : rules_all(r->manager->rules, now, &rules);
        for (size_t i = 0; i < n; i++) {
                const Decision *d = &rules[i].decision;

                if (d->id <= p->after || (d->state == STATE_ENDED && !p->all))
                        continue;
                if (room-- == 0) {
                        *ret_next = last;
                        return 0;
                }
                if (json_append(items, answer_rule(&rules[i])) < 0)
                        return -ENOMEM;
                last = d->id;
        }
        return 0;
}

/* Sets @list->next to what follows, be it of the store or in files. */
static struct json_object *exceptions_object(Request *r, DecisionList *list, bool all) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_(json_freep) struct json_object *items = json_object_new_array();

        for (size_t i = 0; i < list->n_items; i++) {
                const Decision *d = &list->items[i];

                /* Its end was seen just now. */
                if (d->state >= STATE_ENDED && !all)
                        continue;
                if (json_append(items, answer_stored(r->manager->store, d)) < 0)
                        return NULL;
        }
        if (list->next == 0 &&
            append_rules(r, items, LIST_PAGE_MAX - list->n_items, &list->next) < 0)
                return NULL;
        if (json_put(o, "exceptions", TAKE_PTR(items)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

/* What comes after the page that ends with @next, 0 being the last of its owner. */
static uint64_t next_page(const Request *r, bool of_system, uint64_t next) {
        const Paging *p = r->state;

        if (of_system)
                return next == 0 ? 0 : next + SYSTEM_AFTER;
        return next == 0 && p->system && r->owner != OWNER_SYSTEM ? SYSTEM_AFTER : next;
}

static void exceptions_page(Request *r) {
        _cleanup_(decision_list_done) DecisionList list = {};
        _cleanup_(json_freep) struct json_object *o = NULL;
        const Paging *p = r->state;
        const bool of_system = p->system && p->after >= SYSTEM_AFTER;
        const int64_t owner = of_system ? OWNER_SYSTEM : r->owner;
        /* What the administrator took back is nobody else's to see. */
        const bool all = p->all && !of_system;
        Sessions sessions;
        int n;

        n = store_list(r->manager->store,
                       &(ListQuery){
                               .owner = owner,
                               .host = p->has_endpoint ? p->endpoint.host : NULL,
                               .port = p->endpoint.port,
                               .all = all,
                               .after = of_system ? p->after - SYSTEM_AFTER : p->after,
                               .limit = LIST_PAGE_MAX,
                       },
                       &list);
        if (n == 0 && request_in_doubt(r))
                n = -EUCLEAN;
        if (n < 0) {
                request_store_error(r, n);
                return;
        }
        ends_apply(r->manager, owner, request_now_for_ends(r), list.items, list.n_items,
                   &sessions);
        o = exceptions_object(r, &list, all);
        /* Their certificates were read only now. */
        if (request_in_doubt(r)) {
                request_store_error(r, -EUCLEAN);
                return;
        }
        answer_page(r, TAKE_PTR(o), next_page(r, of_system, list.next), exceptions_page);
}

void method_list_exceptions(Request *r) {
        Fields f = request_fields(r);
        Paging *p = paging_new(r);
        const char *host = NULL;
        bool has_host, has_port;
        size_t host_size = 0;
        int64_t port;

        if (!p)
                return;

        has_host = fields_has(&f, "host");
        has_port = fields_has(&f, "port");
        if (has_host)
                host = fields_bytes(&f, "host", &host_size);
        port = fields_int_or(&f, "port", INT64_MIN, INT64_MAX, 0);
        p->all = fields_bool_or(&f, "all", false);
        p->system = fields_bool_or(&f, "system", false);
        p->after = (uint64_t) fields_int_or(&f, "after", 0, INT64_MAX, 0);
        if (request_fields_finish(r, &f) < 0)
                return;

        if (has_port && !has_host) {
                request_invalid(r, "port", "it narrows a host, and there is none");
                return;
        }
        if (has_host &&
            request_endpoint(r, host, host_size, port, has_port ? 1 : 0, &p->endpoint) < 0)
                return;
        p->has_endpoint = has_host;
        exceptions_page(r);
}

/* -- history ----------------------------------------------------------------------------------- */

static struct json_object *history_object(const HistoryList *list) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_(json_freep) struct json_object *items = json_object_new_array();

        for (size_t i = 0; i < list->n_items; i++)
                if (json_append(items, answer_history_entry(&list->items[i])) < 0)
                        return NULL;
        if (json_put(o, "entries", TAKE_PTR(items)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static void history_page(Request *r) {
        _cleanup_(history_list_done) HistoryList list = {};
        const Paging *p = r->state;
        int n;

        n = store_history(r->manager->store, r->owner, p->id, p->after, LIST_PAGE_MAX, &list);
        if (n < 0) {
                request_store_error(r, n);
                return;
        }
        answer_page(r, history_object(&list), list.next, history_page);
}

/* An id that is not the owner's is told from one without entries: a decision always has some. */
static int check_id(Request *r, uint64_t id) {
        Decision d;
        int n;

        /* Of one in a file there is no history. */
        if (rules_get(r->manager->rules, id, request_now_for_ends(r)))
                return 0;
        n = store_get(r->manager->store, r->owner, id, &d);
        if (n > 0)
                return 0;
        if (n < 0)
                request_store_error(r, n);
        else
                request_error(r, "NotFound", json_object_new_object());
        return -ENOENT;
}

void method_get_history(Request *r) {
        Fields f = request_fields(r);
        Paging *p = paging_new(r);
        bool has_id;

        if (!p)
                return;

        has_id = fields_has(&f, "id");
        p->id = (uint64_t) fields_int_or(&f, "id", 0, INT64_MAX, 0);
        p->after = (uint64_t) fields_int_or(&f, "after", 0, INT64_MAX, 0);
        if (request_fields_finish(r, &f) < 0)
                return;
        if (has_id && check_id(r, p->id) < 0)
                return;
        history_page(r);
}
