/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps from fields to facts: endpoint, certificates, cache, judge. */
#include "config.h"

#include <json-c/json.h>
#include <string.h>

#include "daemon/json.h"
#include "daemon/judged.h"
#include "daemon/judges.h"
#include "daemon/limits.h"
#include "daemon/method.h"
#include "daemon/own.h"
#include "daemon/presented.h"

void judged_read(Fields *f, JudgedFields *ret) {
        *ret = (JudgedFields){};
        ret->host = fields_bytes(f, "host", &ret->host_size);
        ret->port = fields_int(f, "port", INT64_MIN, INT64_MAX);
        ret->chain = fields_array(f, "chain", false);
        ret->chain_sha256 = fields_string_or(f, "chain_sha256", NULL);
        ret->staple = fields_string_or(f, "staple", NULL);

        ret->starttls = fields_bool_or(f, "starttls", false);
}

/* -- the chain ------------------------------------------------------------------------------- */

static void answer_invalid_chain(Request *r, const PresentedFault *fault) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_int(o, "certificate", fault->certificate) < 0 ||
            json_put_string(o, "reason", fault->reason) < 0)
                request_no_memory(r);
        else
                request_error(r, "InvalidChain", TAKE_PTR(o));
}

/* Another owner's digest and one that nobody has shown get the same answer. */
static int find_chain(Request *r, const uint8_t digest[static SHA256_SIZE]) {
        Judged *j = r->judged;

        j->chain = cache_chain(r->manager->cache, r->owner, digest);
        if (j->chain)
                return 0;
        request_error(r, "ChainUnknown", json_object_new_object());
        return -ENOENT;
}

static int read_chain(Request *r, const JudgedFields *fields) {
        uint8_t digest[SHA256_SIZE];
        PresentedFault fault;
        Judged *j = r->judged;
        int n;

        if (fields->chain_sha256 && sha256_decode(fields->chain_sha256, digest) < 0) {
                request_invalid(r, "chain_sha256", "it is not 64 hexadecimal digits");
                return -EINVAL;
        }
        if (!fields->chain) {
                if (fields->chain_sha256)
                        return find_chain(r, digest);
                request_error(r, "ChainUnknown", json_object_new_object());
                return -ENOENT;
        }

        n = presented_chain(fields->chain, &j->chain, &fault);
        if (n == -EBADMSG)
                answer_invalid_chain(r, &fault);
        else if (n < 0)
                request_no_memory(r);
        else if (fields->chain_sha256 && memcmp(digest, j->chain->sha256, SHA256_SIZE) != 0) {
                request_invalid(r, "chain_sha256", "it is not the digest of the chain beside it");
                return -EINVAL;
        }
        return n;
}

static int read_staple(Request *r, const JudgedFields *fields) {
        const char *reason = NULL;
        Judged *j = r->judged;
        int n;

        if (!fields->staple)
                return 0;

        n = presented_staple(fields->staple, &j->staple, &j->staple_size, &reason);
        if (n >= 0)
                n = sha256(j->staple, j->staple_size, j->staple_sha256);
        if (n == -EBADMSG)
                request_invalid(r, "staple", reason);
        else if (n < 0)
                request_no_memory(r);
        return n;
}

/* -- the facts ------------------------------------------------------------------------------- */

static CacheKey cache_key(const Request *r) {
        const Judged *j = r->judged;

        return (CacheKey){
                .owner = r->owner,
                .endpoint = &j->endpoint,
                .chain_sha256 = j->chain->sha256,
                .staple_sha256 = j->staple ? j->staple_sha256 : NULL,
                .basis = j->basis,
        };
}

/* Nothing is remembered for the overflow uid, which may be several users. */
static void remember(Request *r) {
        Manager *m = r->manager;
        CacheKey key = cache_key(r);

        if (r->judged->as_authority || r->caller.overflow || r->owner == (int64_t) CALLER_OVERFLOW_UID)
                return;
        cache_put_chain(m->cache, r->owner, r->judged->chain);
        cache_put_facts(m->cache, &key, manager_now(), r->judged->facts);
}

static const char *judge_error_reason(int error) {
        switch (error) {
        case -ETIMEDOUT:
                return "reading the chain took too long";
        case -EPIPE:
                return "the worker died while it read the chain";
        case -EBADMSG:
                return "the worker's answer made no sense";
        case -EIO:
                return "the crypto library failed";
        }
        return "the worker that reads certificates could not be asked";
}

static void answer_judge_error(Request *r, int error) {
        _cleanup_(json_freep) struct json_object *o = NULL;

        if (error == -ENOMEM) {
                request_no_memory(r);
                return;
        }
        if (error == -EBUSY) {
                request_limit(r, "chains that wait to be judged", JUDGE_QUEUE_MAX);
                return;
        }

        o = json_object_new_object();
        if (json_put_string(o, "reason", judge_error_reason(error)) < 0)
                request_no_memory(r);
        else
                request_error(r, "JudgeFailed", TAKE_PTR(o));
}

static void find_facts(Request *r);

/* A chain may have waited: since then a date may have passed, or what it is judged by changed. */
static bool still_hold(const Request *r, const Facts *facts) {
        uint8_t basis[SHA256_SIZE];

        return facts_hold(facts, manager_now()) &&
               own_basis(r->manager, r->owner, basis) == 0 &&
               memcmp(basis, r->judged->basis, SHA256_SIZE) == 0;
}

static void judge_done(JudgeCall *call, int error, Facts *facts, void *userdata) {
        Request *r = userdata;

        r->judged->call = NULL; /* it frees itself after this */
        if (error < 0) {
                answer_judge_error(r, error);
        } else if (!still_hold(r, facts)) {
                find_facts(r);
        } else {
                r->judged->facts = facts_ref(facts);
                remember(r);
                r->judged->ready(r);
        }
        request_settle(r);
}

/* What the owner believes goes along as it is now, and its digest with it. */
static int ask(Request *r) {
        _cleanup_(own_freep) Own *own = NULL;
        Manager *m = r->manager;
        Judged *j = r->judged;
        int n = 0;

        if (!j->as_authority)
                n = own_load(m, r->owner, &own);
        if (n < 0) {
                request_store_error(r, n);
                return 0;
        }
        if (own)
                memcpy(j->basis, own->basis, SHA256_SIZE);

        /* The system's own questions come from the administrator. */
        return judges_ask(m->judges, r->owner == OWNER_SYSTEM ? 0 : (uid_t) r->owner,
                          &(Question){
                                  .endpoint = j->as_authority ? NULL : &j->endpoint,
                                  .chain = j->chain->certificates,
                                  .n_chain = j->chain->n_certificates,
                                  .staple = { j->staple, j->staple_size },
                                  .now = manager_now(),
                                  .checks = m->conf.checks,
                                  .beliefs = own ? own->items : NULL,
                                  .n_beliefs = own ? own->n : 0,
                                  .as_authority = j->as_authority,
                          },
                          judge_done, r, &j->call);
}

static void find_facts(Request *r) {
        Manager *m = r->manager;
        Judged *j = r->judged;
        CacheKey key;
        int n;

        n = own_basis(m, r->owner, j->basis);
        if (n < 0) {
                request_store_error(r, n);
                return;
        }
        if (!j->as_authority) {
                key = cache_key(r);
                j->facts = cache_facts(m->cache, &key, manager_now());
        }
        if (j->facts) {
                j->ready(r);
                return;
        }

        n = ask(r);
        if (n < 0)
                answer_judge_error(r, n);
}

void judged_start(Request *r, const JudgedFields *fields, int64_t port_min,
                  void (*ready)(Request *r)) {
        Judged *j;

        j = r->judged = calloc(1, sizeof(*j));
        if (!j) {
                request_no_memory(r);
                return;
        }

        j->ready = ready;
        j->starttls = fields->starttls;
        if (request_endpoint(r, fields->host, fields->host_size, fields->port, port_min,
                             &j->endpoint) < 0)
                return;
        if (j->endpoint.port == 0 && !r->manager->conf.host_only_lookups) {
                request_denied(r, "the administrator forbids questions without a port "
                                  "(HostOnlyLookups=no in certexcd.conf)");
                return;
        }
        if (read_chain(r, fields) < 0 || read_staple(r, fields) < 0)
                return;
        find_facts(r);
}

int judged_again(const Judged *j, Judged **ret) {
        _cleanup_(judged_freep) Judged *copy = calloc(1, sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        copy->endpoint = j->endpoint;
        copy->starttls = j->starttls;
        copy->chain = chain_bytes_ref(j->chain);
        if (j->staple) {
                copy->staple = malloc(j->staple_size);
                if (!copy->staple)
                        return -ENOMEM;
                memcpy(copy->staple, j->staple, j->staple_size);
                memcpy(copy->staple_sha256, j->staple_sha256, SHA256_SIZE);
                copy->staple_size = j->staple_size;
        }
        *ret = TAKE_PTR(copy);
        return 0;
}

void judged_restart(Request *r, void (*ready)(Request *r)) {
        r->judged->ready = ready;
        find_facts(r);
}

static Judged *start_authority(Request *r, void (*ready)(Request *r)) {
        r->judged = judged_free(r->judged);
        r->judged = calloc(1, sizeof(*r->judged));
        if (!r->judged) {
                request_no_memory(r);
                return NULL;
        }
        r->judged->as_authority = true;
        r->judged->ready = ready;
        return r->judged;
}

void judged_start_authority(Request *r, const char *certificate, void (*ready)(Request *r)) {
        _cleanup_(json_freep) struct json_object *array = json_object_new_array();
        Judged *j = start_authority(r, ready);
        PresentedFault fault;
        int n;

        if (!j)
                return;
        if (json_append(array, json_object_new_string(certificate)) < 0) {
                request_no_memory(r);
                return;
        }
        n = presented_chain(array, &j->chain, &fault);
        if (n == -EBADMSG)
                answer_invalid_chain(r, &fault);
        else if (n < 0)
                request_no_memory(r);
        else
                find_facts(r);
}

void judged_start_der(Request *r, Blob der, void (*ready)(Request *r)) {
        Judged *j = start_authority(r, ready);

        if (!j)
                return;
        if (chain_bytes_new(&der, 1, &j->chain) < 0)
                request_no_memory(r);
        else
                find_facts(r);
}

void judged_describe(const Judged *j, Decision *d) {
        memcpy(d->host, j->endpoint.host, sizeof(d->host));
        d->port = j->endpoint.port;
        memcpy(d->certificate_sha256, j->facts->leaf->sha256, SHA256_SIZE);
        memcpy(d->key_sha256, j->facts->leaf->key_sha256, SHA256_SIZE);
}

size_t judged_held(const Judged *j) {
        return (j->chain ? j->chain->size : 0) + j->staple_size + (j->call ? judge_call_size(j->call) : 0);
}

Judged *judged_free(Judged *j) {
        if (!j)
                return NULL;

        (void) judge_call_free(j->call);
        (void) chain_bytes_unref(j->chain);
        (void) facts_unref(j->facts);
        free(j->staple);
        free(j);
        return NULL;
}
