/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of the store are damaged in every way, alone and together, with the daemon stopped and
 * running. It serves again; what was not accepted is not accepted; with one of the two copies
 * damaged all is as it was; with both, whatever still checks is there.
 */
#include "config.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/torture/harm.h"
#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

#define CASES              240U /* in make check */
#define ENDPOINTS          32U
#define SECTOR             512U
#define AHEAD              8U
#define SERVES_WITHIN_USEC INT64_C(2000000)

#define STORIES N_ELEMENTS(stories)

/* What a person did about an endpoint, in one letter each: allow, allow the key, until a date,
 * deny, revoke. Revoking is of the last decision. */
static const char *const stories[] = {"a", "d", "ar", "k", "da", "ad", "u", "ara"};

/* What is damaged. The journal is the one copy; certexc.db and its log are the other. */
static const struct {
        const char *name;
        const char *files[3];
        bool both; /* copies */
} targets[] = {
        {"certexc.db", {"certexc.db"}, false},
        {"its log", {"certexc.db-wal"}, false},
        {"certexc.db and its log", {"certexc.db", "certexc.db-wal"}, false},
        {"journal", {"journal"}, false},
        {"certexc.db and journal", {"certexc.db", "journal"}, true},
};

/* Two for each endpoint: its own certificate, and another. */
static char *probes[2 * ENDPOINTS + 1];
static char verdicts[2 * ENDPOINTS][16]; /* undamaged */
static char *picture;

/* -- what was there ------------------------------------------------------------------------ */

static unsigned certificate_of(unsigned endpoint) {
        return endpoint % WORLD_CERTIFICATES;
}

static char *where(unsigned endpoint, unsigned certificate) {
        char *s = NULL;

        if (asprintf(&s, "'host':'h%u.example.org','port':993,'chain':[@%u]", endpoint,
                     certificate) < 0)
                world_give_up("Out of memory");
        return s;
}

/* One letter of a story; @id is that of the last decision. */
static void act(World *w, char letter, const char *at, unsigned *id) {
        const char *method = letter == 'd' ? "AddDenial" : "AddException";
        char parameters[512];
        WorldStep step = {"prepares", method, parameters};

        (void) snprintf(parameters, sizeof(parameters), "%s%s%s", at, letter == 'd' ? "" : SHOWN,
                        letter == 'k'   ? ",'pin':'key'"
                        : letter == 'u' ? ",'until':1767311999"
                                        : "");
        if (letter == 'r') {
                step.method = "RevokeException";
                (void) snprintf(parameters, sizeof(parameters), "'id':%u", *id);
        } else
                ++*id;
        world_walk(w, &step, 1);
}

/* Some questions ahead of their answers. */
static void ask_verdicts(World *w, char ret[2 * ENDPOINTS][16]) {
        for (unsigned i = 0; i < 2 * ENDPOINTS + AHEAD; i++) {
                struct json_object *reply;

                if (i < 2 * ENDPOINTS)
                        (void) world_send(w, "Verify", probes[i]);
                if (i < AHEAD)
                        continue;
                reply = world_receive(w);
                (void) snprintf(ret[i - AHEAD], sizeof(ret[0]), "%s", world_at(reply, "verdict"));
                (void) json_object_put(reply);
        }
}

/* Keeps the state directory as it is after SIGKILL, with a log, and as a daemon that ended leaves
 * it. */
static void prepare(World *w) {
        unsigned id = 0;

        world_must_start(w);
        for (unsigned i = 0; i < ENDPOINTS; i++) {
                probes[2 * i] = where(i, certificate_of(i));
                probes[2 * i + 1] = where(i, (certificate_of(i) + 1) % WORLD_CERTIFICATES);
                for (const char *s = stories[i % STORIES]; *s; s++)
                        act(w, *s, probes[2 * i], &id);
        }
        ask_verdicts(w, verdicts);
        picture = picture_new(w, (const char *const *) probes);
        if (!picture)
                world_give_up("The daemon went away by itself");
        world_kill(w);
        world_keep(w, "killed");
        world_must_start(w);
        world_stop(w);
        world_keep(w, "ended");
}

/* -- what the damaged journal still has ---------------------------------------------------- */

static char *read_file(const char *path, size_t *ret_size) {
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st = {0};
        char *data;

        if (fd >= 0 && fstat(fd, &st) < 0)
                world_give_up("Cannot read %s: %m", path);
        data = calloc(1, (size_t) st.st_size + 1);
        if (!data || (st.st_size > 0 && pread(fd, data, (size_t) st.st_size, 0) != st.st_size))
                world_give_up("Cannot read %s: %m", path);
        *ret_size = (size_t) st.st_size;
        return data;
}

/* The identity of a journal is in its head and in both slots, a sector each; without it no line can
 * be told from another journal's. */
static bool is_known(const char *before, const char *after, size_t size) {
        bool known = false;

        for (size_t at = 0; at < 3 * SECTOR && at + SECTOR <= size; at += SECTOR)
                known |= memcmp(before + at, after + at, SECTOR) == 0;
        return known;
}

/* The lines of the undamaged journal that the damaged one still has, each on a line of its own. */
static char *surviving(World *w, const char *kept) {
        _cleanup_free_ char *before = NULL, *after = NULL;
        char path[64], *text = NULL, *line;
        size_t before_size, after_size, size = 0;
        FILE *to = open_memstream(&text, &size);

        (void) snprintf(path, sizeof(path), "%s/journal", kept);
        before = read_file(fixture_path(w->fixture, path), &before_size);
        after = read_file(world_file(w, "journal"), &after_size);
        line = before + strcspn(before, "\n");
        while (to && is_known(before, after, after_size) && line < before + before_size - 1) {
                size_t n = strcspn(line + 1, "\n") + 2;

                if (memmem(after, after_size, line, n))
                        (void) fwrite(line + 1, 1, n - 1, to);
                line += n - 1;
        }
        if (!to || fclose(to) != 0)
                world_give_up("Out of memory");
        return text;
}

/* Whether all lines about an endpoint survived, and those of its certificate. */
static bool endpoint_survives(const char *whole, const char *part, unsigned endpoint) {
        char host[64];

        (void) snprintf(host, sizeof(host), "\th%u.example.org\t", endpoint);
        for (const char *line = whole; *line; line += strcspn(line, "\n") + 1) {
                size_t n = strcspn(line, "\n") + 1;
                const char *at = memmem(line, n, host, strlen(host));
                bool needed = at || memmem(line, n, "\tcertificate\t", 13);

                if (needed && !memmem(part, strlen(part), line, n))
                        return false;
        }
        return true;
}

/* -- cases --------------------------------------------------------------------------------- */

typedef struct Case {
        uint32_t chance;
        unsigned target;
        HarmKind kinds[3];
        bool running;
        const char *kept;
} Case;

static Case choose(const Tally *t) {
        Case c = {.chance = tally_chance(t)};

        c.target = t->n_cases % N_ELEMENTS(targets);
        c.running = t->n_cases / N_ELEMENTS(targets) % 3 == 2;
        c.kept = tally_random(&c.chance, 2) ? "killed" : "ended";
        for (unsigned i = 0; i < 3; i++)
                c.kinds[i] = (HarmKind) tally_random(&c.chance, _HARM_MAX);
        /* Lines in another order count for nothing without a database. */
        while (targets[c.target].both && c.kinds[1] == HARM_SWAP_PAGES)
                c.kinds[1] = (HarmKind) tally_random(&c.chance, _HARM_MAX);
        return c;
}

static const char *describe(const Case *c) {
        static char s[256];

        (void) snprintf(s, sizeof(s), "%s: %s, %s, %s (%s)", targets[c->target].name,
                        harm_name(c->kinds[0]), harm_name(c->kinds[1]), harm_name(c->kinds[2]),
                        c->running ? "running" : c->kept);
        return s;
}

static void do_harm(World *w, Case *c) {
        for (unsigned i = 0; i < 3 && targets[c->target].files[i]; i++)
                harm(world_file(w, targets[c->target].files[i]), c->kinds[i], &c->chance);
}

/* What was no accept must be none now; counts those that are none any more. */
static unsigned compare_verdicts(World *w, Tally *t, const Case *c) {
        char now[2 * ENDPOINTS][16];
        unsigned n_changed = 0;

        ask_verdicts(w, now);
        for (unsigned i = 0; i < 2 * ENDPOINTS; i++) {
                bool was = strcmp(verdicts[i], "accept") == 0;

                if (!was && strcmp(now[i], "accept") == 0) {
                        t->n_false++;
                        tally_fail(t, "%s: accepts %.40s, which was %s", describe(c), probes[i],
                                   verdicts[i]);
                }
                n_changed += strcmp(now[i], verdicts[i]) != 0;
        }
        return n_changed;
}

/* With one copy damaged all of them are what they were. */
static void expect_verdicts(World *w, Tally *t, const Case *c) {
        unsigned n_changed = compare_verdicts(w, t, c);

        if (n_changed == 0 || targets[c->target].both)
                return;
        t->n_lost += n_changed;
        tally_fail(t, "%s: %u verdicts are not what they were", describe(c), n_changed);
}

/* One copy was damaged: all is as it was. */
static void expect_all(World *w, Tally *t, const Case *c) {
        _cleanup_free_ char *now = NULL;

        expect_verdicts(w, t, c);
        now = picture_new(w, (const char *const *) probes);
        if (!now || strcmp(now, picture) != 0)
                tally_fail(t, "%s: %s", describe(c), picture_difference(now ? now : "", picture));
}

/* Both copies were damaged: what the journal still has of an endpoint is still decided. */
static void expect_surviving(World *w, Tally *t, const Case *c, const char *whole,
                             const char *part) {
        (void) compare_verdicts(w, t, c);
        for (unsigned i = 0; i < ENDPOINTS; i++) {
                struct json_object *reply;
                const char *verdict, *because;
                bool kept;

                if (!endpoint_survives(whole, part, i))
                        continue;
                reply = world_call(w, "Verify", probes[2 * i]);
                verdict = world_at(reply, "verdict");
                kept = strcmp(verdict, verdicts[2 * i]) == 0;
                because = world_at(reply, "because");
                if (!kept && strcmp(verdicts[2 * i], "accept") == 0)
                        kept = strcmp(because, "unconfirmed") == 0;
                if (!kept) {
                        t->n_lost++;
                        tally_fail(
                                t,
                                "%s: %.40s was %s and is %s, although all lines about it are whole",
                                describe(c), probes[2 * i], verdicts[2 * i], because);
                }
                (void) json_object_put(reply);
        }
}

/* @took: until there was a verdict; -1: there was none. */
static void served(Tally *t, const Case *c, int64_t took) {
        if (took < 0)
                tally_fail(t, "%s: no verdict any more", describe(c));
        else
                tally_served(t, took);
        if (took > SERVES_WITHIN_USEC)
                tally_fail(t, "%s: the first verdict took %lld ms", describe(c),
                           (long long) took / 1000);
}

/* While the daemon runs its files are damaged: whoever is connected is answered on. */
static bool harm_running(World *w, Tally *t, Case *c, const char *whole, char **part) {
        int64_t took;

        world_must_start(w);
        (void) compare_verdicts(w, t, c);
        do_harm(w, c);
        *part = surviving(w, c->kept);
        took = world_wait_verdict(w);
        served(t, c, took);
        if (took >= 0)
                expect_verdicts(w, t, c);
        world_kill(w);
        return took >= 0;
}

static void try_case(World *w, Tally *t) {
        _cleanup_free_ char *whole = NULL, *part = NULL;
        Case c = choose(t);
        bool both = targets[c.target].both;

        world_put_back(w, c.kept);
        whole = surviving(w, c.kept);
        if (c.running) {
                if (!harm_running(w, t, &c, whole, &part))
                        return;
        } else {
                do_harm(w, &c);
                part = surviving(w, c.kept);
        }
        if (world_start(w) < 0 || world_wait_verdict(w) < 0) {
                served(t, &c, -1);
                world_kill(w);
                return;
        }
        served(t, &c, world_now_usec() - w->started_usec);
        if (both)
                expect_surviving(w, t, &c, whole, part);
        else
                expect_all(w, t, &c);
        world_stop(w);
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        Tally t;
        int status;

        tally_begin(&t, "damage");
        w = world_new(false);
        prepare(w);
        while (tally_goes_on(&t, CASES))
                if (tally_next(&t))
                        try_case(w, &t);
        status = tally_end(&t);
        for (unsigned i = 0; i < 2 * ENDPOINTS; i++)
                free(probes[i]);
        free(picture);
        return status;
}
