/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * World: a daemon on a state directory of its own that can be put back, damaged and killed; steps
 * that a person takes, as rows; and how all that was decided looks, as text that is compared. What
 * cannot be set up ends the program with a sentence. The clock stands still, so that the same steps
 * give the same text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fixture.h"
#include "tests/torture/faults.h"

struct json_object;

#define WORLD_CERTIFICATES 6U

typedef struct World {
        Fixture *fixture;
        Peer *peer;
        Faults *faults;                   /* NULL: the daemon runs without */
        char *chains[WORLD_CERTIFICATES]; /* base64; each its own, for nobody in particular */
        int64_t started_usec;
} World;

/* With @faulty the daemon is started with faults.c. Ends the program with status 77 and the reason
 * if this build cannot do that. */
World *world_new(bool faulty);
World *world_free(World *w);
DEFINE_CLEANUP(World *, world_free)

/* Starts the daemon and connects. 0, or -ECHILD if it ended before it was ready, -ETIMEDOUT. */
int world_start(World *w);

/* The same, but a daemon that does not come up ends the program. */
void world_must_start(World *w);

/* SIGTERM, or SIGKILL, and its end. */
void world_stop(World *w);
void world_kill(World *w);

/* Waits for its end: true if it was by SIGKILL. */
bool world_was_killed(World *w);

/* The state directory's files, kept below @name, and back; what else is there goes. */
void world_keep(World *w, const char *name);
void world_put_back(World *w, const char *name);
void world_empty(World *w);

/* FILE of the state directory, valid as fixture_path()'s. */
const char *world_file(World *w, const char *name);

/* -- faults -------------------------------------------------------------------------------- */

/* From the next call on, @from being 1, counted anew; @until as in Faults. */
void world_arm(World *w, uint32_t calls, FaultAction action, uint32_t from, uint32_t until);
void world_disarm(World *w);

/* -- calls --------------------------------------------------------------------------------- */

/* ' for ", @N for certificate N, as parameters of @method. */
bool world_send(World *w, const char *method, const char *parameters);
struct json_object *world_receive(World *w);

/* NULL if the daemon went away. */
struct json_object *world_call(World *w, const char *method, const char *parameters);

/* A string, a number as text, or "" at "because", "exception.id", "exceptions.0.host". */
const char *world_at(struct json_object *reply, const char *path);

/* A verdict that was an accept, and is a question since the store was damaged. */
bool world_is_kept(struct json_object *reply);

/* -- steps --------------------------------------------------------------------------------- */

typedef struct WorldStep {
        const char *sentence;
        const char *method;
        const char *parameters;
} WorldStep;

#define AT(host, port, n) "'host':'" host "','port':" #port ",'chain':[@" #n "]"
#define SHOWN             ",'problems':['self-signed','name-mismatch']"

/* Takes @n steps, each of which must succeed. */
void world_walk(World *w, const WorldStep *steps, size_t n);

/* Asks until there is a verdict, also while the store is rebuilt; how long that took, in
 * microseconds, or -1 if the daemon went away or it took longer than ten seconds. */
int64_t world_wait_verdict(World *w);

int64_t world_now_usec(void);

/* Ends the program. */
void __attribute__((noreturn)) _printf_(1, 2) world_give_up(const char *format, ...);
