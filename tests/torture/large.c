/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store of a million exceptions of a thousand owners (TORTURE_EXCEPTIONS: another number): how
 * long until its first verdict, beside an empty one, and how its rebuild is told while it lasts.
 * Figures; only a wrong answer is a failure.
 */
#include "config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store.h"
#include "tests/pki.h"
#include "tests/torture/tally.h"
#include "tests/torture/world.h"

#define OWNERS  1000U
#define BATCH   1000U
#define STARTS  9U
#define DER_MAX 600U

/* One exception, made of next to nothing: the store does not parse what it keeps. */
static Change *addition(unsigned number) {
        Change *change = NULL;
        CertificateFacts *c = calloc(1, sizeof(*c));
        uint8_t *der = malloc(DER_MAX);
        Decision *d;

        if (!c || !der || change_new(CHANGE_ADD, number % OWNERS + 1000, 0, PKI_NOW, &change) < 0)
                world_give_up("Out of memory");
        memset(der, 'a' + (int) (number % 26), DER_MAX);
        c->subject = strdup("CN=server");
        c->issuer = strdup("CN=server");
        c->serial = strdup("01");
        if (sha256(der, DER_MAX, c->sha256) < 0 || sha256("key", 3, c->key_sha256) < 0)
                world_give_up("Cannot hash");
        change->certificate = c;
        change->der = der;
        change->der_size = DER_MAX;
        d = &change->decision;
        d->action = DECISION_ALLOW;
        d->pin = PIN_CERTIFICATE;
        d->port = 993;
        d->problems = 1;
        d->end = END_NEVER;
        (void) snprintf(d->host, sizeof(d->host), "h%u.example.org", number);
        memcpy(d->certificate_sha256, c->sha256, SHA256_SIZE);
        memcpy(d->key_sha256, c->key_sha256, SHA256_SIZE);
        return change;
}

static void add_batch(Store *store, unsigned from, unsigned n) {
        Change *first = NULL, *next;

        for (unsigned i = 0; i < n; i++) {
                Change *change = addition(from + i);

                change->next = first;
                first = change;
        }
        if (store_apply(store, first) < 0)
                world_give_up("The store does not take the exceptions");
        for (; first; first = next) {
                if (first->error != 0 || first->result != CHANGED)
                        world_give_up("An exception was refused");
                next = first->next;
                first->next = NULL;
                (void) change_free(first);
        }
}

static void fill(World *w, unsigned n) {
        _cleanup_(store_freep) Store *store = NULL;
        int64_t began = world_now_usec();
        StoreDamage damage;

        if (mkdir(world_file(w, ""), 0700) < 0 ||
            store_open(world_file(w, ""), &store, &damage) < 0)
                world_give_up("The store does not open");
        for (unsigned i = 0; i < n; i += BATCH)
                add_batch(store, i, n - i < BATCH ? n - i : BATCH);
        printf("%u exceptions of %u owners were stored in %lld s\n", n, OWNERS,
               (long long) ((world_now_usec() - began) / 1000000));
}

static int compare(const void *a, const void *b) {
        int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

        return x < y ? -1 : x > y;
}

/* From exec to the first verdict: the median, in microseconds. */
static int64_t time_to_verdict(World *w) {
        int64_t took[STARTS];

        for (unsigned i = 0; i < STARTS; i++) {
                world_must_start(w);
                if (world_wait_verdict(w) < 0)
                        world_give_up("The daemon does not answer");
                took[i] = world_now_usec() - w->started_usec;
                world_stop(w);
        }
        qsort(took, STARTS, sizeof(*took), compare);
        return took[STARTS / 2];
}

static unsigned count_all(World *w) {
        unsigned n = 0;

        for (unsigned i = 0; i < OWNERS; i++) {
                char parameters[64];
                struct json_object *reply;

                (void) snprintf(parameters, sizeof(parameters), "'owner':%u", i + 1000);
                reply = world_call(w, "GetStatus", parameters);
                n += (unsigned) atoi(world_at(reply, "counts.exceptions"));
                (void) json_object_put(reply);
        }
        return n;
}

/* Without its database: what GetStatus says until all is there again. */
static void rebuild(World *w, Tally *t, unsigned n) {
        char said[256] = "", rebuilding[16] = "rebuilding";
        unsigned n_said = 0;

        (void) unlink(world_file(w, "certexc.db"));
        (void) unlink(world_file(w, "certexc.db-wal"));
        world_must_start(w);
        while (strcmp(rebuilding, "rebuilding") == 0) {
                struct json_object *reply = world_call(w, "GetStatus", "");

                (void) snprintf(rebuilding, sizeof(rebuilding), "%s", world_at(reply, "store"));
                if (strcmp(rebuilding, "rebuilding") == 0 &&
                    strcmp(said, world_at(reply, "store_detail")) != 0) {
                        (void) snprintf(said, sizeof(said), "%s", world_at(reply, "store_detail"));
                        if (n_said++ % 10 == 0)
                                printf("  after %lld ms: %s\n",
                                       (long long) (world_now_usec() - w->started_usec) / 1000,
                                       said);
                }
                (void) json_object_put(reply);
                if (!reply)
                        world_give_up("The daemon went away");
        }
        printf("rebuilt in %lld ms; its progress was told %u times\n",
               (long long) (world_now_usec() - w->started_usec) / 1000, n_said);
        t->n_cases++;
        if (count_all(w) != n) {
                t->n_lost += n - count_all(w);
                tally_fail(t, "%u of %u exceptions are there after the rebuild", count_all(w), n);
        }
        world_stop(w);
}

int main(void) {
        const char *number = getenv("TORTURE_EXCEPTIONS");
        unsigned n = number ? (unsigned) strtoul(number, NULL, 10) : 1000000;
        _cleanup_(world_freep) World *w = NULL;
        int64_t empty, full;
        Tally t;

        tally_begin(&t, "a large store");
        w = world_new(false);
        fill(w, n);
        full = time_to_verdict(w);
        world_keep(w, "full");
        world_empty(w);
        empty = time_to_verdict(w);
        printf("exec to first verdict: %lld us with %u exceptions, %lld us with none: %lld us "
               "more\n",
               (long long) full, n, (long long) empty, (long long) (full - empty));
        world_put_back(w, "full");
        rebuild(w, &t, n);
        return tally_end(&t);
}
