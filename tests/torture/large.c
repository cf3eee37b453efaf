/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store of a million exceptions of a thousand owners: how long until its first verdict, beside an
 * empty one, and how its rebuild is told while it lasts. The figures are for people; only an
 * exception that is not there, or one too many, is a failure. In the short form there are fewer.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/crowd.h"
#include "tests/torture/tally.h"
#include "tests/torture/world.h"

#define OWNERS        1000U
#define EACH          1000U /* in the short form 5 */
#define EACH_IN_SHORT 5U
#define STARTS        9U

/* A rebuild of few may be over before it is asked for. */
#define NOTICED_USEC INT64_C(2000000)

/* -- the store --------------------------------------------------------------------------------- */

static int64_t owner_of(unsigned i) {
        return (int64_t) geteuid() + i;
}

static void fill(World *w, unsigned each) {
        _cleanup_fd_ int directory = -1;

        (void) mkdir(world_file(w, ""), 0700);
        directory = open(world_file(w, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0 || crowd_write(directory, owner_of(0), OWNERS, each) < 0)
                world_give_up("No journal can be made: %m");
}

/* Waits as long as it takes. */
static void start(World *w) {
        int r = world_start(w);

        while (r == -ETIMEDOUT)
                r = launch_wait(&w->fixture->launch, "READY=1", FIXTURE_WAIT_MSEC);
        if (r == 0 && !w->peer)
                r = peer_try_new(w->fixture, &w->peer);
        if (r < 0)
                world_give_up("The daemon does not come up: %s", strerror(-r));
}

#define SAID_BYTES 256U

/* Until all is there, whether or not the rebuild had @begun: how often what GetStatus says of it changed, and
 * in @said the last of that. */
static unsigned wait_until_whole(World *w, bool begun, char said[static SAID_BYTES]) {
        const int64_t began = world_now_usec();
        char store[16] = "";
        unsigned n_said = 0;

        while (strcmp(store, "ok") != 0 || (!begun && n_said == 0)) {
                struct json_object *reply = world_call(w, "GetStatus", "");

                if (!reply)
                        world_give_up("The daemon went away");
                (void) snprintf(store, sizeof(store), "%s", world_at(reply, "store"));
                if (strcmp(store, "rebuilding") == 0 &&
                    strcmp(said, world_at(reply, "store_detail")) != 0) {
                        (void) snprintf(said, SAID_BYTES, "%s", world_at(reply, "store_detail"));
                        n_said++;
                }
                (void) json_object_put(reply);
                if (n_said == 0 && world_now_usec() - began > NOTICED_USEC)
                        break;
        }
        return n_said;
}

/* The first start makes the database. */
static void make_database(World *w, unsigned n) {
        char said[SAID_BYTES] = "";

        start(w);
        printf("ready in %lld ms\n", (long long) (world_now_usec() - w->started_usec) / 1000);
        (void) wait_until_whole(w, true, said);
        if (world_wait_verdict(w) < 0)
                world_give_up("The daemon does not answer");
        printf("%u exceptions of %u owners: a database made from the journal in %lld ms\n", n,
               OWNERS, (long long) (world_now_usec() - w->started_usec) / 1000);
        world_stop(w);
}

/* -- figures ------------------------------------------------------------------------------- */

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

/* Of those owners whose exceptions one may ask for: root of all. */
static unsigned count_all(World *w, unsigned each) {
        unsigned n = 0;

        for (unsigned i = 0; i < OWNERS; i++) {
                char parameters[64];
                struct json_object *reply;

                if (i > 0 && geteuid() != 0)
                        return n * OWNERS;
                (void) snprintf(parameters, sizeof(parameters), "'owner':%lld",
                                (long long) owner_of(i));
                reply = world_call(w, "GetStatus", parameters);
                n += (unsigned) atoi(world_at(reply, "counts.exceptions"));
                (void) json_object_put(reply);
        }
        return n;
}

/* The database is taken away: what GetStatus says until all is there again. */
static void rebuild(World *w, Tally *t, unsigned each) {
        char said[SAID_BYTES] = "";
        unsigned n_said, n;
        int64_t began;

        start(w);
        began = world_now_usec();
        (void) unlink(world_file(w, "certexc.db"));
        n_said = wait_until_whole(w, false, said);
        printf("rebuilt in %lld ms; its progress was told %u times, at last \"%s\"\n",
               (long long) (world_now_usec() - began) / 1000, n_said, said);
        t->n_cases++;
        n = count_all(w, each);
        if (n != OWNERS * each) {
                t->n_lost += OWNERS * each - n;
                tally_fail(t, "%u of %u exceptions are there after the rebuild", n, OWNERS * each);
        }
        world_stop(w);
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        int64_t empty, full;
        unsigned each;
        Tally t;

        tally_begin(&t, "a large store");
        each = tally_is_long(&t) ? EACH : EACH_IN_SHORT;
        w = world_new(false);
        fill(w, each);
        make_database(w, OWNERS * each);
        full = time_to_verdict(w);
        world_keep(w, "full");
        world_empty(w);
        empty = time_to_verdict(w);
        printf("exec to first verdict: %lld us, %lld us with an empty store: %lld us more\n",
               (long long) full, (long long) empty, (long long) (full - empty));
        world_put_back(w, "full");
        rebuild(w, &t, each);
        return tally_end(&t);
}
