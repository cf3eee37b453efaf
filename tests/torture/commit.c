/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every single step of a commit fails, one by one, for every reason that a disk has: verdicts go
 * on, what was acknowledged is there after a restart, what was refused is not, and when the cause
 * has ended the daemon takes changes again (after a sync that failed: once it was started again).
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

/* What is there before. */
static const WorldStep before[] = {
        {"allows a certificate", "AddException", AT("a.example.org", 993, 0) SHOWN},
        {"denies another", "AddDenial", AT("b.example.org", 465, 1)},
        {"allows what it will take back", "AddException", AT("c.example.org", 993, 2) SHOWN},
};

/* What meets the fault, and what comes after it. */
static const WorldStep changes[] = {
        {"takes an exception back", "RevokeException", "'id':3"},
        {"allows another", "AddException", AT("d.example.org", 143, 3) SHOWN},
};

static const char *const probes[] = {
        AT("a.example.org", 993, 0),
        AT("b.example.org", 465, 1),
        AT("c.example.org", 993, 2),
        AT("d.example.org", 143, 3),
        NULL,
};

/* How it looks with each choice of the changes: bit 0 the first, bit 1 the second. */
static char *pictures[4];

typedef struct Cause {
        const char *name;
        uint32_t calls;
        FaultAction action;
        int error;
        bool lasts;   /* every call from there on, until the cause ends */
        bool heals;   /* the next change after it is taken without a restart */
        bool steady;  /* exceptions hold all the while */
        bool is_dead; /* nothing could be taken back */
} Cause;

static const Cause causes[] = {
        {"a full disk", FAULT_WRITE | FAULT_CREATE, FAULT_ERROR, ENOSPC, true,
         true},
        {"a moment of a full disk", FAULT_WRITE | FAULT_CREATE, FAULT_ERROR, ENOSPC, false, true, true, false},
        {"a read-only file system", FAULT_ANY & ~(uint32_t) FAULT_SYNC, FAULT_ERROR, EROFS, true,
         true},
        {"a write that fails", FAULT_ANY & ~(uint32_t) FAULT_SYNC, FAULT_ERROR, EIO, false, false},
        {"a sync that fails", FAULT_SYNC, FAULT_ERROR, EIO, false, false},
        {"a sync that finds no room", FAULT_SYNC, FAULT_ERROR, ENOSPC, false, false},
        {"a disk that died", FAULT_ANY, FAULT_ERROR, EIO, true, false, false, true},
        {"half a write", FAULT_WRITE, FAULT_SHORT, 0, false, true, true, false},
};

static void draw_pictures(World *w) {
        world_must_start(w);
        world_walk(w, before, N_ELEMENTS(before));
        world_stop(w);
        world_keep(w, "before");
        for (unsigned i = 0; i < N_ELEMENTS(pictures); i++) {
                world_put_back(w, "before");
                world_must_start(w);
                for (unsigned k = 0; k < N_ELEMENTS(changes); k++)
                        if (i & (1U << k))
                                world_walk(w, changes + k, 1);
                pictures[i] = picture_new(w, probes);
                world_stop(w);
        }
}

/* Tries a change: 1 acknowledged, 0 refused as a store's fault with reason and way out; else -1. */
static int try_change(World *w, const WorldStep *step) {
        struct json_object *reply = world_call(w, step->method, step->parameters);
        const char *error = reply_error(reply);
        int r = -1;

        if (*error == '\0')
                r = 1;
        else if (strcmp(error, "org.certexc1.StoreFailed") == 0 && *world_at(reply, "reason") &&
                 *world_at(reply, "hint"))
                r = 0;
        (void) json_object_put(reply);
        return r;
}

/* What was so stays so, whatever the disk does. */
static bool verdicts_go_on(World *w, bool steady) {
        struct json_object *a = world_call(w, "Verify", probes[0]), *b;
        bool good;

        b = world_call(w, "Verify", probes[1]);
        good = strcmp(world_at(a, "verdict"), "accept") == 0;
        if (!steady)
                good = good || strcmp(world_at(a, "because"), "unconfirmed") == 0 ||
                       strcmp(reply_error(a), "org.certexc1.Rebuilding") == 0;
        good = good && (strcmp(world_at(b, "verdict"), "reject") == 0 ||
                        (!steady && strcmp(reply_error(b), "org.certexc1.Rebuilding") == 0));
        (void) json_object_put(a);
        (void) json_object_put(b);
        return good;
}

static void expect_after_restart(World *w, Tally *t, const Cause *cause, unsigned held) {
        _cleanup_free_ char *picture = NULL;

        world_kill(w);
        if (world_start(w) < 0) {
                tally_fail(t, "%s at %s: does not come up again", cause->name, w->faults->hit);
                world_kill(w);
                return;
        }
        tally_served(t, world_wait_verdict(w) < 0 ? 0 : world_now_usec() - w->started_usec);
        picture = picture_new(w, probes);
        for (unsigned i = 0; picture && i < N_ELEMENTS(pictures); i++)
                if (strcmp(picture, pictures[i]) == 0 && cause->is_dead && (i & held) == held)
                        held = i;
        if (!picture || strcmp(picture, pictures[held]) != 0) {
                t->n_lost++;
                tally_fail(t, "%s at %s, changes %u held: %s", cause->name, w->faults->hit, held,
                           picture_difference(picture ? picture : "", pictures[held]));
        }
        world_stop(w);
}

/* false if the change makes no @n such calls. */
static bool fail_at(World *w, Tally *t, const Cause *cause, unsigned n) {
        int first, second;
        bool hit;

        world_put_back(w, "before");
        world_must_start(w);
        if (!verdicts_go_on(w, true))
                world_give_up("The verdicts are not what was decided");
        w->faults->error = cause->error;
        world_arm(w, cause->calls, cause->action, n, cause->lasts ? UINT32_MAX : n);
        first = try_change(w, &changes[0]);
        hit = w->faults->n_hit > 0;
        if (hit && !verdicts_go_on(w, cause->steady))
                tally_fail(t, "%s at %s: verdicts do not go on", cause->name, w->faults->hit);
        world_disarm(w);
        if (!hit) {
                world_stop(w);
                return false;
        }
        t->n_cases++;
        second = try_change(w, &changes[1]);
        if (first < 0 || second < 0)
                tally_fail(t, "%s at %s: a change was neither taken nor refused with a reason",
                           cause->name, w->faults->hit);
        if (cause->heals && second != 1)
                tally_fail(t, "%s at %s: it has ended, but changes are refused", cause->name,
                           w->faults->hit);
        expect_after_restart(w, t, cause, (first == 1) | (unsigned) (second == 1) << 1);
        return true;
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        Tally t;
        int status;

        tally_begin(&t, "every step of a commit fails");
        w = world_new(true);
        draw_pictures(w);
        for (size_t i = 0; i < N_ELEMENTS(causes); i++)
                for (unsigned n = 1; fail_at(w, &t, &causes[i], n) && n < 100;)
                        n++;
        status = tally_end(&t);
        for (size_t i = 0; i < N_ELEMENTS(pictures); i++)
                free(pictures[i]);
        return status;
}
