/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of the store are damaged in every way, alone and together, with the daemon stopped and
 * running. It serves again; what was not accepted is not accepted; with one of the two copies
 * damaged all is as it was; with both, whatever still checks is there, and it is told how many
 * changes are missing.
 */
#include "config.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/torture/harm.h"
#include "tests/torture/picture.h"
#include "tests/torture/survey.h"
#include "tests/torture/tally.h"

#define CASES              240U /* in make check */
#define ENDPOINTS          32U
#define AHEAD              8U
#define DIGEST_SIZE        32U
#define SERVES_WITHIN_USEC INT64_C(2000000)

#define STORIES N_ELEMENTS(stories)

/* What a person did about an endpoint, in one letter each: allow, allow the key, until a date,
 * deny, revoke. Revoking is of the last decision. */
static const char *const stories[] = {"a", "d", "ar", "k", "da", "ad", "u", "ara"};

/* The journal is one copy, certexc.db and its log are the other. There is no file of the log's
 * index that could be damaged: it is in the daemon's own memory. */
enum {
        DATABASE = 1 << 0,
        LOG = 1 << 1,
        JOURNAL = 1 << 2,
        WITNESS = 1 << 3,
        FILES = 4,
        ALL_FILES = (1 << FILES) - 1,
};

static const char *const files[FILES] = {"certexc.db", "certexc.db-wal", "journal", "witness"};

/* Two for each endpoint: its own certificate, and another. */
static char *probes[2 * ENDPOINTS + 1];
static char verdicts[2 * ENDPOINTS][16];        /* undamaged */
static uint8_t digests[ENDPOINTS][DIGEST_SIZE]; /* of the decision that holds; zeros: none does */
static char *picture;
static unsigned n_asked; /* how often all was there only when a rebuild was asked for */

static const WorldStep afterwards = {"allows one more", "AddException",
                                     AT("afterwards.example.org", 993, 0) SHOWN};
static const char afterwards_probe[] = AT("afterwards.example.org", 993, 0);

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

static void read_digests(World *w) {
        sqlite3_stmt *st = NULL;
        sqlite3 *db = NULL;

        if (sqlite3_open(world_file(w, "certexc.db"), &db) != SQLITE_OK ||
            sqlite3_prepare_v2(db, "SELECT host, digest FROM decision WHERE state = 1", -1, &st,
                               NULL) != SQLITE_OK)
                world_give_up("The decisions cannot be read: %s", sqlite3_errmsg(db));
        while (sqlite3_step(st) == SQLITE_ROW) {
                const char *host = (const char *) sqlite3_column_text(st, 0);
                unsigned i = host ? (unsigned) strtoul(host + 1, NULL, 10) : ENDPOINTS;

                if (i < ENDPOINTS && sqlite3_column_bytes(st, 1) == DIGEST_SIZE)
                        memcpy(digests[i], sqlite3_column_blob(st, 1), DIGEST_SIZE);
        }
        (void) sqlite3_finalize(st);
        (void) sqlite3_close(db);
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
        read_digests(w);
        world_put_back(w, "killed");
        world_must_start(w);
        world_stop(w);
        world_keep(w, "ended");
}

/* -- cases --------------------------------------------------------------------------------- */

typedef struct Case {
        uint32_t chance;
        unsigned harmed; /* files */
        HarmKind kinds[FILES];
        bool running;
        const char *kept;
} Case;

static Case choose(const Tally *t) {
        Case c = {.chance = tally_chance(t)};

        c.harmed = 1 + t->n_cases % ALL_FILES;
        c.running = t->n_cases / ALL_FILES % 3 == 2;
        c.kept = tally_random(&c.chance, 2) ? "killed" : "ended";
        for (unsigned i = 0; i < FILES; i++)
                c.kinds[i] = (HarmKind) tally_random(&c.chance, _HARM_MAX);
        return c;
}

static const char *describe(const Case *c) {
        static char s[256];
        size_t n = 0;

        for (unsigned i = 0; i < FILES; i++)
                if (c->harmed & (1U << i))
                        n += (size_t) snprintf(s + n, sizeof(s) - n, "%s %s, ", files[i],
                                               harm_name(c->kinds[i]));
        (void) snprintf(s + n, sizeof(s) - n, "%s, %s", c->kept,
                        c->running ? "running" : "stopped");
        return s;
}

/* Nothing happens to a file that is not there: it counts as not harmed. */
static void do_harm(World *w, Case *c) {
        struct stat st;

        for (unsigned i = 0; i < FILES; i++) {
                if (!(c->harmed & (1U << i)))
                        continue;
                if (stat(world_file(w, files[i]), &st) < 0 || st.st_size == 0)
                        c->harmed &= ~(1U << i);
                else
                        harm(world_file(w, files[i]), c->kinds[i], &c->chance);
        }
}

/* An index of the log that another program left; SQLite would map it if it were asked to. */
static void add_foreign_index(World *w, Case *c) {
        FILE *file = fopen(world_file(w, "certexc.db-shm"), "we");

        if (!file)
                world_give_up("Cannot write a foreign file: %m");
        (void) fwrite(&c->chance, sizeof(c->chance), 1, file);
        (void) fclose(file);
        harm(world_file(w, "certexc.db-shm"), HARM_STRETCH, &c->chance);
}

/* Whether one of the two copies is whole. */
static bool is_told(const Case *c) {
        return !(c->harmed & JOURNAL) || c->harmed == JOURNAL;
}

/* Whether nothing at all is left of the database. */
static bool is_gone(World *w, const Case *c) {
        struct stat st;
        char path[64];

        (void) snprintf(path, sizeof(path), "%s/%s", c->kept, files[1]);
        return (c->harmed & DATABASE) && harm_destroys(c->kinds[0]) &&
               ((c->harmed & LOG) ? harm_destroys(c->kinds[1])
                                  : stat(fixture_path(w->fixture, path), &st) < 0);
}

/* -- what is expected ---------------------------------------------------------------------- */

/* What was no accept must be none now; with a whole copy all are what they were. */
static void expect_verdicts(World *w, Tally *t, const Case *c) {
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
        if (n_changed == 0 || !is_told(c))
                return;
        t->n_lost += n_changed;
        tally_fail(t, "%s: %u verdicts are not what they were", describe(c), n_changed);
}

/* Lists and history are read by indexes, which may have lost something without its being noticed:
 * when the store is rebuilt, which a person may ask for, it is there. */
static void expect_picture(World *w, Tally *t, const Case *c) {
        _cleanup_free_ char *now = picture_new(w, (const char *const *) probes);

        if (now && strcmp(now, picture) != 0) {
                (void) json_object_put(world_call(w, "Rebuild", ""));
                n_asked++;
                free(now);
                now = picture_new(w, (const char *const *) probes);
        }
        if (!now || strcmp(now, picture) != 0)
                tally_fail(t, "%s: %s", describe(c), picture_difference(now ? now : "", picture));
}

/* Both copies were damaged: what survives of an endpoint is still decided. */
static void expect_surviving(World *w, Tally *t, const Case *c, const Survey *survey) {
        static const uint8_t none[DIGEST_SIZE];

        for (unsigned i = 0; i < ENDPOINTS; i++) {
                const uint8_t *digest = memcmp(digests[i], none, DIGEST_SIZE) ? digests[i] : NULL;
                struct json_object *reply;
                char host[64];
                bool kept;

                (void) snprintf(host, sizeof(host), "h%u.example.org", i);
                if (!survey_has(survey, host, digest))
                        continue;
                reply = world_call(w, "Verify", probes[2 * i]);
                kept = strcmp(world_at(reply, "verdict"), verdicts[2 * i]) == 0;
                if (!kept && strcmp(verdicts[2 * i], "accept") == 0)
                        kept = world_is_kept(reply);
                if (!kept) {
                        t->n_lost++;
                        tally_fail(t, "%s: %s was %s and is %s, although it survived", describe(c),
                                   host, verdicts[2 * i], world_at(reply, "because"));
                }
                (void) json_object_put(reply);
        }
}

/* No more than the journal has lost; and no less if there is no database to find them in. */
static void expect_count(World *w, Tally *t, const Case *c, const Survey *survey) {
        struct json_object *reply = world_call(w, "GetStatus", "");
        unsigned missing = (unsigned) atoi(world_at(reply, "last_rebuild.missing"));
        bool exact = is_gone(w, c) && survey->end_known;

        if (missing > survey->n_missing || (exact && missing < survey->n_lost))
                tally_fail(t, "%s: %u of %u changes are told to be missing, but %u to %u are",
                           describe(c), missing, survey->n_changes, survey->n_lost,
                           survey->n_missing);
        (void) json_object_put(reply);
}

static void expect_rest(World *w, Tally *t, const Case *c, const Survey *survey) {
        expect_verdicts(w, t, c);
        if (is_told(c))
                expect_picture(w, t, c);
        else
                expect_surviving(w, t, c, survey);
        expect_count(w, t, c, survey);
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

/* -- each of them -------------------------------------------------------------------------- */

/* What is decided from now on holds as ever. */
static void go_on(World *w, Tally *t, const Case *c) {
        struct json_object *reply = world_call(w, afterwards.method, afterwards.parameters);

        if (*reply_error(reply))
                tally_fail(t, "%s: a change is answered with %s", describe(c),
                           reply ? json_object_to_json_string(reply) : "nothing");
        (void) json_object_put(reply);
        world_kill(w);
        world_must_start(w);
        served(t, c, world_wait_verdict(w));
        expect_verdicts(w, t, c);
        reply = world_call(w, "Verify", afterwards_probe);
        if (strcmp(world_at(reply, "verdict"), "accept") != 0) {
                t->n_lost++;
                tally_fail(t, "%s: what was allowed afterwards is lost", describe(c));
        }
        (void) json_object_put(reply);
}

static void stop_running(World *w) {
        siginfo_t info;

        if (kill(w->fixture->launch.pid, SIGSTOP) < 0 ||
            waitid(P_PID, (id_t) w->fixture->launch.pid, &info, WSTOPPED | WNOWAIT) < 0)
                world_give_up("The daemon does not stand still: %m");
}

/* The daemon stands still meanwhile: it would begin to mend what was not looked at yet. */
static int64_t harm_running(World *w, Case *c, Survey *ret) {
        world_must_start(w);
        (void) world_wait_verdict(w);
        stop_running(w);
        do_harm(w, c);
        survey_take(w, c->kept, ret);
        (void) kill(w->fixture->launch.pid, SIGCONT);
        return world_wait_verdict(w);
}

static int64_t harm_stopped(World *w, Case *c, Survey *ret) {
        do_harm(w, c);
        survey_take(w, c->kept, ret);
        if (world_start(w) < 0 || world_wait_verdict(w) < 0)
                return -1;
        return world_now_usec() - w->started_usec;
}

static void try_case(World *w, Tally *t) {
        _cleanup_(survey_done) Survey survey = {0};
        Case c = choose(t);
        int64_t took;

        world_put_back(w, c.kept);
        if (tally_random(&c.chance, 4) == 0)
                add_foreign_index(w, &c);
        took = c.running ? harm_running(w, &c, &survey) : harm_stopped(w, &c, &survey);
        served(t, &c, took);
        if (took < 0) {
                world_kill(w);
                return;
        }
        expect_rest(w, t, &c, &survey);
        if (c.running)
                go_on(w, t, &c);
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
        printf("damage that lists did not notice: %u cases\n", n_asked);
        status = tally_end(&t);
        for (unsigned i = 0; i < 2 * ENDPOINTS; i++)
                free(probes[i]);
        free(picture);
        return status;
}
