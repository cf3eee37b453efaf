/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon dies at every single write, sync and renaming of a rebuild, or each of them fails: when it
 * comes up again, or the cause has ended, all that was decided is there, and until then it says why
 * not.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

#define WHOLE     "whole"
#define WAIT_USEC (10 * INT64_C(1000000))

static const WorldStep steps[] = {
        {"allows a certificate", "AddException", AT("a.example.org", 993, 0) SHOWN},
        {"denies another", "AddDenial", AT("b.example.org", 465, 1)},
        {"allows one until a date", "AddException",
         AT("c.example.org", 993, 2) SHOWN ",'until':1767311999"},
        {"takes the first back", "RevokeException", "'id':1"},
        {"allows what was denied", "AddException", AT("b.example.org", 465, 1) SHOWN},
        {"allows a key", "AddException", AT("d.example.org", 143, 3) SHOWN ",'pin':'key'"},
        {"denies one more", "AddDenial", AT("e.example.org", 993, 4)},
};

static const char *const probes[] = {
        AT("a.example.org", 993, 0), AT("b.example.org", 465, 1), AT("c.example.org", 993, 2),
        AT("d.example.org", 143, 3), AT("e.example.org", 993, 4), NULL,
};

static const WorldStep more = {"allows one more", "AddException",
                               AT("f.example.org", 993, 5) SHOWN};

/* -- damage ---------------------------------------------------------------------------------- */

static off_t size_of(World *w, const char *name) {
        struct stat st;

        return stat(world_file(w, name), &st) == 0 ? st.st_size : 0;
}

static void overwrite(World *w, const char *name, off_t at, off_t size) {
        _cleanup_fd_ int fd = open(world_file(w, name), O_WRONLY | O_CLOEXEC);
        _cleanup_free_ char *bytes = malloc((size_t) size + 1);

        if (fd < 0 || !bytes)
                return;
        memset(bytes, 'x', (size_t) size);
        if (pwrite(fd, bytes, (size_t) size, at) != size)
                world_give_up("Cannot damage %s: %m", name);
}

static void overwrite_database(World *w) {
        overwrite(w, "certexc.db", 0, size_of(w, "certexc.db"));
        overwrite(w, "certexc.db-wal", 0, size_of(w, "certexc.db-wal"));
}

static void remove_database(World *w) {
        (void) unlink(world_file(w, "certexc.db"));
        (void) unlink(world_file(w, "certexc.db-wal"));
}

/* What each of the two has lost is in the other one: in its log, for the database. */
static void damage_both(World *w) {
        overwrite(w, "certexc.db", 0, 100);
        overwrite(w, "journal", 4096 + (size_of(w, "journal") - 4096) / 3, 700);
}

static const struct {
        const char *name;
        void (*harm)(World *w);
} harms[] = {
        {"a database that is text", overwrite_database},
        {"no database", remove_database},
        {"both damaged", damage_both},
};

#define HARMS N_ELEMENTS(harms)

/* How it looks afterwards. */
static char *pictures[HARMS];

static void harm(World *w, size_t which) {
        world_put_back(w, WHOLE);
        harms[which].harm(w);
}

/* A store as a crash leaves it, with changes in the log alone; and what undisturbed rebuilds come to:
 * every verdict is what it was. */
static void draw_pictures(World *w) {
        _cleanup_free_ char *before = NULL;

        world_must_start(w);
        world_walk(w, steps, N_ELEMENTS(steps));
        before = picture_new(w, probes);
        world_kill(w);
        world_keep(w, WHOLE);
        for (size_t i = 0; before && i < HARMS; i++) {
                harm(w, i);
                world_must_start(w);
                if (world_wait_verdict(w) >= 0)
                        pictures[i] = picture_new(w, probes);
                if (!pictures[i] || strcmp(pictures[i], before) != 0)
                        world_give_up("%s: undisturbed, it is not as before: %s", harms[i].name,
                                      picture_difference(pictures[i] ? pictures[i] : "", before));
                world_stop(w);
        }
}

/* -- deaths ---------------------------------------------------------------------------------- */

static const struct {
        const char *name;
        FaultAction action;
} deaths[] = {
        {"kill", FAULT_KILL},
        {"kill in the middle of a write", FAULT_KILL_HALF},
        {"power cut", FAULT_POWER_CUT},
        {"power cut that leaves some of it", FAULT_POWER_TORN},
};

#define DEATHS N_ELEMENTS(deaths)

static void audit(World *w, Tally *t, size_t which, const char *what) {
        _cleanup_free_ char *picture = NULL;
        int64_t served = -1;

        if (world_start(w) == 0)
                served = world_wait_verdict(w);
        if (served >= 0)
                picture = picture_new(w, probes);
        if (!picture)
                tally_fail(t, "%s, %s at %s: does not serve again", harms[which].name, what,
                           w->faults->hit);
        else if (strcmp(picture, pictures[which]) != 0) {
                t->n_lost++;
                tally_fail(t, "%s, %s at %s: %s", harms[which].name, what, w->faults->hit,
                           picture_difference(picture, pictures[which]));
        }
        tally_served(t, served > 0 ? served : 0);
        world_kill(w);
}

/* false if a rebuild makes no @n calls. */
static bool die_at(World *w, Tally *t, size_t which, size_t death, unsigned n) {
        harm(w, which);
        world_arm(w, FAULT_ANY, deaths[death].action, n, n);
        if (world_start(w) == 0)
                (void) world_wait_verdict(w);
        if (w->faults->n_hit == 0) {
                world_kill(w);
                return false;
        }
        if (!world_was_killed(w))
                world_give_up("The daemon was hit and did not die");
        world_disarm(w);
        t->n_cases++;
        audit(w, t, which, deaths[death].name);
        return true;
}

/* In the short form each call sees one death, in turn; in the long form all of them. */
static void die_everywhere(World *w, Tally *t, size_t which) {
        bool any = true;

        for (unsigned n = 1; any && tally_goes_on(t, UINT32_MAX); n++) {
                any = false;
                for (size_t i = 0; i < DEATHS; i++)
                        if (tally_is_long(t) || i == n % DEATHS)
                                any |= die_at(w, t, which, i, n);
        }
}

/* -- failures -------------------------------------------------------------------------------- */

static const int errors[] = {ENOSPC, EROFS, EIO, EACCES, EPERM, EMFILE, EDQUOT};

static unsigned count_files(World *w) {
        DIR *directory = opendir(world_file(w, "."));
        unsigned n = 0;

        while (directory && readdir(directory))
                n++;
        if (directory)
                (void) closedir(directory);
        return n;
}

/* What is asked is answered, or refused with the reason and the way out. */
static bool says_why(struct json_object *reply) {
        const char *error = reply_error(reply);

        return *error == '\0' || (strcmp(error, "org.certexc1.StoreFailed") == 0 &&
                                  *world_at(reply, "reason") && *world_at(reply, "hint"));
}

static void ask_meanwhile(World *w, Tally *t, const char *name) {
        for (size_t i = 0; probes[i]; i++) {
                struct json_object *reply = world_call(w, "Verify", probes[i]);

                if (!says_why(reply))
                        tally_fail(t, "%s: a question is answered with %s", name,
                                   reply ? json_object_to_json_string(reply) : "nothing");
                /* The first was taken back, the last is denied. */
                if ((i == 0 || !probes[i + 1]) && strcmp(world_at(reply, "verdict"), "accept") == 0)
                        t->n_false++;
                (void) json_object_put(reply);
        }
}

static void change_meanwhile(World *w, Tally *t, const char *name) {
        struct json_object *reply = world_call(w, more.method, more.parameters);

        if (!*reply_error(reply) || !says_why(reply))
                tally_fail(t, "%s: a change is answered with %s", name,
                           reply ? json_object_to_json_string(reply) : "nothing");
        (void) json_object_put(reply);
        reply = world_call(w, "GetStatus", "");
        if (strcmp(world_at(reply, "store"), "failed") != 0 || !*world_at(reply, "store_detail"))
                tally_fail(t, "%s: the status is \"%s\": %s", name, world_at(reply, "store"),
                           world_at(reply, "store_detail"));
        (void) json_object_put(reply);
}

/* What was read all the while is written again with one of the next changes: what failed a moment ago is
 * not tried at each. */
static bool is_taken(World *w, int64_t until) {
        bool taken = false;

        while (!taken && world_now_usec() < until) {
                struct json_object *reply = world_call(w, more.method, more.parameters);

                taken = reply && *reply_error(reply) == '\0';
                (void) json_object_put(reply);
        }
        return taken;
}

/* By being asked, and by nothing else. */
static void expect_recovery(World *w, Tally *t, size_t which, const char *name) {
        int64_t until = world_now_usec() + WAIT_USEC;
        _cleanup_free_ char *picture = NULL;

        while (world_now_usec() < until) {
                free(picture);
                picture = picture_new(w, probes);
                if (!picture || strcmp(picture, pictures[which]) == 0)
                        break;
        }
        if (!picture || strcmp(picture, pictures[which]) != 0)
                tally_fail(t, "%s: it has ended: %s", name,
                           picture ? picture_difference(picture, pictures[which])
                                   : "the daemon is gone");
        else if (!is_taken(w, until))
                tally_fail(t, "%s: it has ended, but changes are refused", name);
}

/* Everything fails from the start on. */
static void fail_always(World *w, Tally *t, size_t which, int error) {
        unsigned n_files;
        char name[128];

        (void) snprintf(name, sizeof(name), "%s, %s", harms[which].name, strerror(error));
        harm(w, which);
        w->faults->error = error;
        world_arm(w, FAULT_ANY, FAULT_ERROR, 1, UINT32_MAX);
        t->n_cases++;
        if (world_start(w) < 0) {
                tally_fail(t, "%s: does not come up", name);
                return;
        }
        ask_meanwhile(w, t, name);
        n_files = count_files(w);
        for (unsigned i = 0; i < 3; i++)
                change_meanwhile(w, t, name);
        if (count_files(w) > n_files)
                tally_fail(t, "%s: each attempt leaves files behind", name);
        world_disarm(w);
        expect_recovery(w, t, which, name);
        world_kill(w);
}

/* One call fails. false if there are no @n calls. */
static bool fail_once(World *w, Tally *t, size_t which, int error, unsigned n) {
        char name[160];
        bool hit;

        harm(w, which);
        w->faults->error = error;
        world_arm(w, FAULT_ANY, FAULT_ERROR, n, n);
        t->n_cases++;
        if (world_start(w) < 0) {
                tally_fail(t, "%s, %s at %s: does not come up", harms[which].name, strerror(error),
                           w->faults->hit);
                return true;
        }
        ask_meanwhile(w, t, harms[which].name);
        hit = w->faults->n_hit > 0;
        (void) snprintf(name, sizeof(name), "%s, %s at %s", harms[which].name, strerror(error),
                        w->faults->hit);
        world_disarm(w);
        if (hit)
                expect_recovery(w, t, which, name);
        world_kill(w);
        return hit;
}

static void fail_everywhere(World *w, Tally *t, size_t which) {
        bool any = true;

        for (size_t i = 0; i < N_ELEMENTS(errors); i++)
                if (tally_is_long(t) || i % HARMS == which)
                        fail_always(w, t, which, errors[i]);
        for (unsigned n = 1; any && tally_goes_on(t, UINT32_MAX); n++)
                any = fail_once(w, t, which, errors[n % N_ELEMENTS(errors)], n);
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        Tally t;
        int status;

        tally_begin(&t, "a rebuild disturbed at every call");
        w = world_new(true);
        draw_pictures(w);
        for (size_t i = 0; i < HARMS; i++) {
                die_everywhere(w, &t, i);
                fail_everywhere(w, &t, i);
        }
        status = tally_end(&t);
        for (size_t i = 0; i < HARMS; i++)
                free(pictures[i]);
        return status;
}
