/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manager: owns everything that lives as long as the daemon, and its event loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"
#include "daemon/conf.h"
#include "daemon/options.h"
#include "daemon/turns.h"

typedef struct sd_event sd_event;
typedef struct sd_event_source sd_event_source;
typedef struct Bus Bus;
typedef struct Cache Cache;
typedef struct Checkups Checkups;
typedef struct Commits Commits;
typedef struct Imports Imports;
typedef struct Judges Judges;
typedef struct Listener Listener;
typedef struct Mender Mender;
typedef struct Monitors Monitors;
typedef struct Namer Namer;
typedef struct Owners Owners;
typedef struct Prompter Prompter;
typedef struct Rules Rules;
typedef struct Shares Shares;
typedef struct Store Store;
typedef struct Trust Trust;

typedef struct Manager {
        Options options;
        Conf conf;
        sd_event *event;
        Store *store;
        Commits *commits;
        Mender *mender;
        Checkups *checkups;
        Imports *imports;
        Judges *judges;
        Trust *trust;
        Rules *rules; /* decisions in files */
        Cache *cache;
        Monitors *monitors;
        Namer *namer;
        Owners *owners;
        Prompter *prompter;
        Shares *shares;
        Turns *turns;
        Turn commits_turn; /* of those whose change is done */
        Listener *listener;
        Bus *bus; /* NULL with --no-bus */
        int64_t started;
        uint64_t first_generation; /* microseconds since 1970: no daemon before this one came so far */
        uint64_t conf_generation;  /* grows with each reading */
        uint64_t trust_generation; /* grows with each other block of authorities */
        uint8_t trust_sha256[SHA256_SIZE]; /* of the last one */
        bool trust_doubtful; /* trust_is_doubtful() when that was told last */
        uint64_t rules_generation; /* that was told last */

        /* manager.c's own */
        sd_event_source *idle; /* leaves when nobody has asked for a while */
        bool idle_counts;
        sd_event_source *patience; /* for a uid whose share is full */
        uint64_t patience_usec;
        bool stopping;
} Manager;

/* Opens everything that is opened. Takes @options over. Logs. Returns 0 or -errno. */
int manager_new(Options *options, Manager **ret);

/* Waits for an event, for so long at most, and deals with one: positive if there was one, 0 once the loop is to
 * end or after that time, -errno. */
int manager_step(Manager *manager, uint64_t usec);

/* Runs until SIGTERM or SIGINT; tells the service manager. Returns 0 or -errno. */
int manager_run(Manager *manager);

Manager *manager_free(Manager *manager);
DEFINE_CLEANUP(Manager *, manager_free)

/* Seconds since 1970: the clock, or what --replace-clock says in a testing build. */
int64_t manager_now(void);

/* Grows with every change to what verdicts depend on, also from one daemon to the next. */
uint64_t manager_generation(const Manager *m);
#ifdef CERTEXC_TESTING
void manager_replace_clock(int64_t epoch);
#endif
