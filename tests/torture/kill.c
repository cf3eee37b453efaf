/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon dies at every single write, sync and renaming of a run, by SIGKILL or with the power:
 * it comes up again, has every change that it acknowledged, and of the one that it was at either
 * all or nothing.
 */
#include "config.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

static const WorldStep steps[] = {
        {"allows a certificate", "AddException", AT("a.example.org", 993, 0) SHOWN},
        {"denies another", "AddDenial", AT("b.example.org", 465, 1)},
        {"allows one until a date", "AddException",
         AT("c.example.org", 993, 2) SHOWN ",'until':1767311999"},
        {"takes the first back", "RevokeException", "'id':1"},
        {"allows what was denied", "AddException", AT("b.example.org", 465, 1) SHOWN},
        {"allows a key", "AddException", AT("d.example.org", 143, 3) SHOWN ",'pin':'key'"},
        {"allows the first again", "AddException", AT("a.example.org", 993, 0) SHOWN},
        {"denies what was allowed", "AddDenial", AT("c.example.org", 993, 2)},
};

static const char *const probes[] = {
        AT("a.example.org", 993, 0),
        AT("b.example.org", 465, 1),
        AT("c.example.org", 993, 2),
        AT("d.example.org", 143, 3),
        NULL,
};

#define STEPS N_ELEMENTS(steps)

/* How it looks after so many steps. */
static char *pictures[STEPS + 1];

typedef struct Death {
        const char *name;
        FaultAction action;
        bool syncs_lie; /* the disk forgets what it said it had: nothing but the past is asked for
                         */
} Death;

static const Death deaths[] = {
        {"kill", FAULT_KILL, false},
        {"kill in the middle of a write", FAULT_KILL_HALF, false},
        {"power cut", FAULT_POWER_CUT, false},
        {"power cut that leaves some of it", FAULT_POWER_TORN, false},
        {"power cut of a disk that lies", FAULT_POWER_CUT, true},
};

static void draw_pictures(World *w) {
        world_must_start(w);
        for (size_t i = 0; i <= STEPS; i++) {
                pictures[i] = picture_new(w, probes);
                if (!pictures[i])
                        world_give_up("The daemon went away by itself");
                if (i < STEPS)
                        world_walk(w, steps + i, 1);
        }
        world_stop(w);
}

/* How far a run came. */
typedef struct Progress {
        size_t n_sent;
        size_t n_acknowledged;
} Progress;

/* Takes the steps until the daemon dies. */
static Progress walk_until_death(World *w) {
        Progress p = {0, 0};

        if (world_start(w) < 0)
                return p;
        while (p.n_sent < STEPS) {
                const WorldStep *step = &steps[p.n_sent++];
                struct json_object *reply = world_call(w, step->method, step->parameters);
                bool done = reply && *reply_error(reply) == '\0';

                (void) json_object_put(reply);
                if (!done)
                        return p;
                p.n_acknowledged++;
        }
        if (w->fixture->launch.pid > 0)
                (void) kill(w->fixture->launch.pid, SIGTERM);
        return p;
}

/* The steps whose picture this is, or STEPS + 1. */
static size_t recognise(const char *picture, size_t from, size_t to) {
        for (size_t i = from; i <= to; i++)
                if (strcmp(pictures[i], picture) == 0)
                        return i;
        return STEPS + 1;
}

/* What is there, and that it goes on from there as if nothing had been. */
static void audit(World *w, Tally *t, const Death *death, const Progress *p) {
        _cleanup_free_ char *picture = NULL, *last = NULL;
        size_t from = death->syncs_lie ? 0 : p->n_acknowledged, is;

        if (world_start(w) < 0) {
                tally_fail(t, "%s at %s: does not come up again", death->name, w->faults->hit);
                world_kill(w);
                return;
        }
        tally_served(t, world_wait_verdict(w) < 0 ? 0 : world_now_usec() - w->started_usec);
        picture = picture_new(w, probes);
        is = picture ? recognise(picture, from, p->n_sent) : STEPS + 1;
        if (is > STEPS) {
                t->n_lost++;
                tally_fail(t, "%s at %s, %zu steps acknowledged: it looks like none of them: %s",
                           death->name, w->faults->hit, p->n_acknowledged,
                           picture_difference(picture ? picture : "", pictures[p->n_acknowledged]));
                world_kill(w);
                return;
        }
        world_walk(w, steps + is, STEPS - is);
        last = picture_new(w, probes);
        if (!last || strcmp(last, pictures[STEPS]) != 0)
                tally_fail(t, "%s at %s: it does not go on as it should: %s", death->name,
                           w->faults->hit, picture_difference(last ? last : "", pictures[STEPS]));
        world_stop(w);
}

/* false if the daemon makes no @n calls in a whole run. */
static bool die_at(World *w, Tally *t, const Death *death, unsigned n) {
        Progress p;

        world_empty(w);
        world_arm(w, FAULT_ANY, death->action, n, n);
        w->faults->syncs_lie = death->syncs_lie;
        p = walk_until_death(w);
        if (!world_was_killed(w)) {
                if (w->faults->n_hit > 0)
                        world_give_up("The daemon was hit and did not die");
                return false;
        }
        world_disarm(w);
        t->n_cases++;
        audit(w, t, death, &p);
        return true;
}

/* In the short form each call sees one death, in turn; in the long form all of them. */
static void die_everywhere(World *w, Tally *t) {
        for (unsigned n = 1;; n++) {
                bool all = tally_is_long(t), any = false;

                for (size_t i = 0; i < N_ELEMENTS(deaths); i++)
                        if (all || i == n % N_ELEMENTS(deaths))
                                any |= die_at(w, t, &deaths[i], n);
                if (!any || !tally_goes_on(t, UINT32_MAX))
                        return;
        }
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        Tally t;
        int status;

        tally_begin(&t, "killed at every call");
        w = world_new(true);
        draw_pictures(w);
        die_everywhere(w, &t);
        status = tally_end(&t);
        for (size_t i = 0; i <= STEPS; i++)
                free(pictures[i]);
        return status;
}
