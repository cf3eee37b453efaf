/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Revoked stays revoked. Somebody allowed a certificate and took that back: however the journal is
 * cut and the database damaged, alone and together, it is never accepted again, by a daemon that cannot
 * write either.
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/harm.h"
#include "tests/torture/loop.h"
#include "tests/torture/tally.h"
#include "tests/torture/world.h"

#define CUTS_MAX 64U

/* In make check so many of the cases begin with a start where nothing can be written. */
#define READ_ONLY_EACH 4U

/* The state directory is a mount of its own. */
static bool bound;

static const WorldStep steps[] = {
        {"allows what stays", "AddException", AT("stays.example.org", 993, 1) SHOWN},
        {"allows", "AddException", AT("gone.example.org", 993, 0) SHOWN},
        {"takes it back", "RevokeException", "'id':2"},
        {"allows a key", "AddException", AT("gone.example.org", 465, 2) SHOWN ",'pin':'key'"},
        {"denies it", "AddDenial", AT("gone.example.org", 465, 2)},
        {"allows what stays, too", "AddException", AT("stays.example.org", 143, 3) SHOWN},
};

static const char *const never[] = {AT("gone.example.org", 993, 0), AT("gone.example.org", 465, 2)};

/* What is done to the database, beside the cut. */
typedef struct Beside {
        const char *name;
        const char *kept; /* the state that is put back */
        bool harmed;
        HarmKind kind;
} Beside;

static const Beside besides[] = {
        {"the database whole", "ended", false, HARM_DELETE},
        {"the database whole, with its log", "killed", false, HARM_DELETE},
        {"the database gone", "killed", true, HARM_DELETE},
        {"the database empty", "killed", true, HARM_EMPTY},
        {"text for the database", "killed", true, HARM_TEXT},
        {"a page of the database zeroed", "ended", true, HARM_ZERO_PAGE},
        {"pages of the database swapped", "ended", true, HARM_SWAP_PAGES},
        {"the database truncated", "ended", true, HARM_TRUNCATE},
        {"bits of the database turned", "ended", true, HARM_FLIP_BITS},
};

static void prepare(World *w) {
        world_must_start(w);
        world_walk(w, steps, N_ELEMENTS(steps));
        world_kill(w);
        world_keep(w, "killed");
        world_must_start(w);
        world_stop(w);
        world_keep(w, "ended");
}

/* Every line's end, the byte before and the one behind it; sectors of the head among them. */
static unsigned find_cuts(World *w, const char *kept, off_t cuts[static CUTS_MAX]) {
        char path[64];
        unsigned n = 0;
        FILE *file;
        int c;

        (void) snprintf(path, sizeof(path), "%s/journal", kept);
        file = fopen(fixture_path(w->fixture, path), "re");
        if (!file)
                world_give_up("There is no journal");
        cuts[n++] = 0;
        for (off_t at = 0; (c = getc(file)) != EOF; at++)
                if (c == '\n' && n + 3 <= CUTS_MAX && (at < 2048 || at > 4095)) {
                        cuts[n++] = at;
                        cuts[n++] = at + 1;
                        cuts[n++] = at + 2;
                }
        (void) fclose(file);
        return n;
}

/* Of what cannot be mended now some is answered nevertheless. */
static void audit_read_only(World *w, Tally *t, const Beside *beside, off_t cut) {
        if (loop_rebind(w, MS_RDONLY))
                world_give_up("Cannot mount the state directory read-only: %m");
        world_must_start(w);
        for (size_t i = 0; i < N_ELEMENTS(never); i++) {
                struct json_object *reply = world_call(w, "Verify", never[i]);
                const char *verdict = world_at(reply, "verdict");

                if (strcmp(verdict, "accept") == 0) {
                        t->n_false++;
                        tally_fail(t, "journal cut at %lld, %s, read-only: %.40s is accepted",
                                   (long long) cut, beside->name, never[i]);
                }
                (void) json_object_put(reply);
        }
        world_kill(w);
        if (loop_rebind(w, 0))
                world_give_up("Cannot mount the state directory writable: %m");
}

static void audit(World *w, Tally *t, const Beside *beside, off_t cut) {
        if (world_start(w) < 0 || world_wait_verdict(w) < 0) {
                tally_fail(t, "journal cut at %lld, %s: it does not serve again", (long long) cut,
                           beside->name);
                world_kill(w);
                return;
        }
        tally_served(t, world_now_usec() - w->started_usec);
        for (size_t i = 0; i < N_ELEMENTS(never); i++) {
                struct json_object *reply = world_call(w, "Verify", never[i]);
                const char *verdict = world_at(reply, "verdict");

                if (strcmp(verdict, "prompt") != 0 && strcmp(verdict, "reject") != 0) {
                        t->n_false += strcmp(verdict, "accept") == 0;
                        tally_fail(t, "journal cut at %lld, %s: %.40s is %s%s", (long long) cut,
                                   beside->name, never[i], verdict, reply_error(reply));
                }
                (void) json_object_put(reply);
        }
        world_stop(w);
}

/* @cut -1: the journal is whole. */
static void try_case(World *w, Tally *t, const Beside *beside, off_t cut) {
        uint32_t chance;

        if (!tally_next(t))
                return;
        chance = tally_chance(t);
        world_put_back(w, beside->kept);
        if (cut >= 0 && truncate(world_file(w, "journal"), cut) < 0)
                world_give_up("Cannot truncate the journal: %m");
        if (beside->harmed) {
                harm(world_file(w, "certexc.db"), beside->kind, &chance);
                harm(world_file(w, "certexc.db-wal"), beside->kind, &chance);
        }
        if (bound && (tally_is_long(t) || t->n_cases % READ_ONLY_EACH == 0))
                audit_read_only(w, t, beside, cut);
        audit(w, t, beside, cut);
}

/* The long form goes on with cuts anywhere. */
static void cut_anywhere(World *w, Tally *t) {
        while (tally_is_long(t) && tally_goes_on(t, 0)) {
                uint32_t chance = tally_chance(t);
                const Beside *beside = &besides[tally_random(&chance, N_ELEMENTS(besides))];
                char path[64];
                struct stat st;

                (void) snprintf(path, sizeof(path), "%s/journal", beside->kept);
                if (stat(fixture_path(w->fixture, path), &st) < 0)
                        world_give_up("There is no journal");
                try_case(w, t, beside, tally_random(&chance, (uint32_t) st.st_size));
        }
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        off_t cuts[CUTS_MAX];
        Tally t;

        tally_begin(&t, "revoked stays revoked");
        w = world_new(false);
        prepare(w);
        bound = !loop_begin() && !loop_bind(w);
        if (!bound)
                printf("skipped: read-only starts: %s\n", strerror(errno));
        for (size_t i = 0; i < N_ELEMENTS(besides); i++) {
                unsigned n = find_cuts(w, besides[i].kept, cuts);

                try_case(w, &t, &besides[i], -1);
                for (unsigned k = 0; k < n; k++)
                        try_case(w, &t, &besides[i], cuts[k]);
        }
        cut_anywhere(w, &t);
        if (bound)
                (void) umount2(world_file(w, "."), MNT_DETACH);
        return tally_end(&t);
}
