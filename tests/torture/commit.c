/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every single step of a commit fails, one by one, for every reason that a disk has: verdicts go
 * on, what was acknowledged is there after a restart, what was refused is not, and when the cause
 * has ended the daemon takes changes again by itself.
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

/* A mending that failed is tried again after a second. */
#define HEALS_WITHIN_USEC INT64_C(10000000)

/* More calls than any commit makes, mending included. */
#define CALLS_MAX 400U

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

/* How verdicts go on. In no case is anything accepted or denied that should not be. */
typedef enum Meanwhile {
        STEADY, /* as if nothing had happened */
        MENDED, /* the store is opened anew, or it says so */
        SILENT, /* it cannot even be read: an error says so */
} Meanwhile;

typedef struct Cause {
        const char *name;
        uint32_t calls;
        FaultAction action;
        int error;
        const char *moved; /* for FAULT_MOVE */
        bool lasts;        /* every call from there on, until the cause ends */
        Meanwhile meanwhile;
        bool is_dead; /* what was refused could not be taken back */
} Cause;

#define CHANGING (FAULT_ANY & ~(uint32_t) FAULT_SYNC)

static const Cause causes[] = {
        {"a full disk", FAULT_GROW | FAULT_CREATE, FAULT_ERROR, ENOSPC, .lasts = true},
        {"a moment of a full disk", FAULT_WRITE | FAULT_CREATE, FAULT_ERROR, ENOSPC},
        {"a file system that becomes read-only", CHANGING, FAULT_ERROR, EROFS, .lasts = true},
        {"half a write", FAULT_WRITE, FAULT_SHORT},
        {"a write that fails", CHANGING, FAULT_ERROR, EIO, .meanwhile = MENDED},
        {"a sync that fails", FAULT_SYNC, FAULT_ERROR, EIO, .meanwhile = MENDED},
        {"a sync that finds no room", FAULT_SYNC, FAULT_ERROR, ENOSPC, .meanwhile = MENDED},
        {"the journal is moved away", FAULT_ANY, FAULT_MOVE, .moved = "journal",
         .meanwhile = MENDED},
        {"the database is moved away", FAULT_ANY, FAULT_MOVE, .moved = "certexc.db",
         .meanwhile = MENDED},
        {"its log is moved away", FAULT_ANY, FAULT_MOVE, .moved = "certexc.db-wal",
         .meanwhile = MENDED},
        {"a disk that died", FAULT_ANY, FAULT_ERROR, EIO, .lasts = true, .meanwhile = SILENT,
         .is_dead = true},
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
                if (!pictures[i])
                        world_give_up("The daemon went away by itself");
                world_stop(w);
        }
}

/* -- what is asked ------------------------------------------------------------------------- */

static bool is_mending(struct json_object *reply) {
        return strcmp(reply_error(reply), "org.certexc1.Rebuilding") == 0;
}

static bool is_refused(struct json_object *reply) {
        return strcmp(reply_error(reply), "org.certexc1.StoreFailed") == 0 &&
               *world_at(reply, "reason") && *world_at(reply, "hint");
}

/* Tries a change: 1 acknowledged, 0 refused with the reason and a way out; else -1. */
static int try_change(World *w, const WorldStep *step) {
        struct json_object *reply = world_call(w, step->method, step->parameters);
        int r = -1;

        if (*reply_error(reply) == '\0')
                r = 1;
        else if (is_refused(reply) || is_mending(reply))
                r = 0;
        (void) json_object_put(reply);
        return r;
}

/* Until it is taken. */
static int insist(World *w, const WorldStep *step) {
        int64_t until = world_now_usec() + HEALS_WITHIN_USEC;
        int r;

        do
                r = try_change(w, step);
        while (r == 0 && world_now_usec() < until);
        return r;
}

/* "" if the verdict is what it may be, else what it is. */
static const char *question(World *w, const char *probe, const char *expected,
                            Meanwhile meanwhile) {
        static char said[256];
        struct json_object *reply = world_call(w, "Verify", probe);
        const char *verdict = world_at(reply, "verdict");
        bool good = strcmp(verdict, expected) == 0;

        if (!good && meanwhile >= MENDED)
                good = is_mending(reply) ||
                       (strcmp(expected, "accept") == 0 && world_is_kept(reply));
        if (!good && meanwhile == SILENT)
                good = is_refused(reply);
        (void) snprintf(said, sizeof(said), "%.40s is %s%s", probe, verdict, reply_error(reply));
        (void) json_object_put(reply);
        return good ? "" : said;
}

/* What was so stays so, whatever the disk does, and what was taken back is so from then on. */
static void expect_verdicts(World *w, Tally *t, const Cause *cause, int first) {
        const char *expected[] = {"accept", "reject", first == 1 ? "prompt" : "accept", "prompt"};

        for (size_t i = 0; i < N_ELEMENTS(expected); i++) {
                const char *said = question(w, probes[i], expected[i], cause->meanwhile);

                if (*said)
                        tally_fail(t, "%s at %s: %s", cause->name, w->faults->hit, said);
        }
}

/* @held: the changes that were acknowledged. */
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
        if (picture && cause->is_dead && strcmp(picture, pictures[held | 1]) == 0)
                held |= 1;
        if (!picture || strcmp(picture, pictures[held]) != 0) {
                t->n_lost++;
                tally_fail(t, "%s at %s, changes %u held: %s", cause->name, w->faults->hit, held,
                           picture_difference(picture ? picture : "", pictures[held]));
        }
        world_stop(w);
}

/* -- each of them -------------------------------------------------------------------------- */

static void arm(World *w, const Cause *cause, unsigned n) {
        w->faults->error = cause->error;
        (void) snprintf(w->faults->moved, sizeof(w->faults->moved), "%s",
                        cause->moved ? cause->moved : "");
        world_arm(w, cause->calls, cause->action, n, cause->lasts ? UINT32_MAX : n);
}

/* false if the change makes no @n such calls. */
static bool fail_at(World *w, Tally *t, const Cause *cause, unsigned n) {
        int first, second;

        world_put_back(w, "before");
        world_must_start(w);
        arm(w, cause, n);
        first = try_change(w, &changes[0]);
        if (w->faults->n_hit == 0) {
                world_stop(w);
                return false;
        }
        t->n_cases++;
        expect_verdicts(w, t, cause, first);
        world_disarm(w);
        second = insist(w, &changes[1]);
        if (first < 0 || second < 0)
                tally_fail(t, "%s at %s: a change was neither taken nor refused with a reason",
                           cause->name, w->faults->hit);
        if (second == 0)
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
                for (unsigned n = 1; n <= CALLS_MAX && tally_goes_on(&t, UINT32_MAX) &&
                                     fail_at(w, &t, &causes[i], n);)
                        n++;
        status = tally_end(&t);
        for (size_t i = 0; i < N_ELEMENTS(pictures); i++)
                free(pictures[i]);
        return status;
}
