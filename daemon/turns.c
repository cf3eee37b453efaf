/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns are counted by time, as a scheduler counts processes. */
#include "config.h"

#include "daemon/turns.h"

#include <assert.h>
#include <systemd/sd-event.h>

#include "daemon/limits.h"
#include "daemon/pace.h"

static const PaceLimits long_turns = { LONG_TURN_BURST_USEC, LONG_TURN_PACE, REST_USEC_MAX };
static const PaceLimits heaped_turns = { HEAPED_TURNS_BURST_USEC, HEAPED_TURNS_PACE, REST_USEC_MAX };

TAILQ_HEAD(TurnList, Turn);
TAILQ_HEAD(WaitingList, Party);
LIST_HEAD(PartyList, Party);

/* All turns of one uid. */
struct Party {
        Turns *turns;
        LIST_ENTRY(Party) place;
        TAILQ_ENTRY(Party) waiting; /* while @list is not empty */
        int64_t whose;
        unsigned n_turns; /* and one while a turn is taken */
        struct TurnList list;
        uint64_t used_usec;
        Pace of_long, of_heaped; /* turns: how much of them it had lately */
};

/* A turn of a uid. */
typedef struct Moment {
        int64_t whose;
        uint64_t usec; /* 0: there was none */
} Moment;

struct Turns {
        sd_event_source *work;
        sd_event_source *rest; /* until somebody who waits has rested */
        TurnClock clock;
        struct PartyList parties;
        struct WaitingList waiting;
        uint64_t used_usec; /* of whoever had the last turn, before it: nobody who waits had less */
        Moment last, other; /* the last turn of a uid, and the last one of any other uid */
        bool rested;
};

static uint64_t read_clock(clockid_t clock) {
        struct timespec t;

        (void) clock_gettime(clock, &t);
        return (uint64_t) t.tv_sec * 1000000U + (uint64_t) t.tv_nsec / 1000U;
}

static void party_free(Party *party) {
        LIST_REMOVE(party, place);
        free(party);
}

static bool is_in_debt(const Party *party, uint64_t now) {
        return pace_debt(&party->of_long, &long_turns, now) > 0 ||
               pace_debt(&party->of_heaped, &heaped_turns, now) > 0;
}

/* Of those who have left only who is in debt is remembered, or leaving would pay it; and no more than a few. */
static void forget_parties(Turns *turns) {
        uint64_t now = turns->clock(CLOCK_MONOTONIC);
        unsigned n_kept = 0;
        Party *party, *next;

        for (party = LIST_FIRST(&turns->parties); party; party = next) {
                next = LIST_NEXT(party, place);
                if (party->n_turns == 0 && (!is_in_debt(party, now) || ++n_kept > DEBTORS_MAX))
                        party_free(party);
        }
}

static void party_unref(Party *party) {
        Turns *turns = party->turns;

        if (--party->n_turns > 0)
                return;
        /* The one who left last comes first. */
        LIST_REMOVE(party, place);
        LIST_INSERT_HEAD(&turns->parties, party, place);
        forget_parties(turns);
}

/* -- waiting ------------------------------------------------------------------------------- */

/* Who did not want anything for a long time has no claim to all of it. */
static void catch_up(Party *party) {
        uint64_t used = party->turns->used_usec;

        if (used > TURNS_AHEAD_USEC && party->used_usec < used - TURNS_AHEAD_USEC)
                party->used_usec = used - TURNS_AHEAD_USEC;
}

static void enqueue(Turn *turn) {
        Party *party = turn->party;

        if (TAILQ_EMPTY(&party->list)) {
                catch_up(party);
                TAILQ_INSERT_TAIL(&party->turns->waiting, party, waiting);
        }
        TAILQ_INSERT_TAIL(&party->list, turn, place);
        turn->waits = true;
}

static void dequeue(Turn *turn) {
        Party *party = turn->party;

        TAILQ_REMOVE(&party->list, turn, place);
        turn->waits = false;
        if (TAILQ_EMPTY(&party->list))
                TAILQ_REMOVE(&party->turns->waiting, party, waiting);
}

/* -- taking -------------------------------------------------------------------------------- */

static void add_work(Pace *pace, const PaceLimits *limits, uint64_t spent, uint64_t now) {
        pace_begin(pace, now - spent);
        pace_end(pace, limits, now);
}

/* Who leaves after each question was there all the same. */
static void remember(Turns *turns, int64_t whose, uint64_t now) {
        if (turns->last.whose != whose)
                turns->other = turns->last;
        turns->last = (Moment){ whose, now };
}

/* @turn of @party, which may be no more, is over and has taken @spent. What is not a uid's never rests: everybody
 * would wait for it. */
static void account(Party *party, const Turn *turn, uint64_t spent) {
        const Turn *first = TAILQ_FIRST(&party->list);
        uint64_t now = party->turns->clock(CLOCK_MONOTONIC);

        party->used_usec += spent;
        if (party->whose < 0)
                return;
        remember(party->turns, party->whose, now);
        if (!turns_are_crowded(party->turns, party->whose))
                return;
        if (spent > LONG_TURN_USEC)
                add_work(&party->of_long, &long_turns, spent, now);
        if (first && (first != turn || TAILQ_NEXT(first, place)))
                add_work(&party->of_heaped, &heaped_turns, spent, now);
}

/* The turn may be ended when this returns. */
static void take(Turn *turn) {
        Party *party = turn->party;
        Turns *turns = party->turns;
        uint64_t spent = turns->clock(CLOCK_THREAD_CPUTIME_ID);

        if (party->used_usec > turns->used_usec)
                turns->used_usec = party->used_usec;
        party->n_turns++;
        turn->take(turn->userdata);
        spent = turns->clock(CLOCK_THREAD_CPUTIME_ID) - spent;
        account(party, turn, spent);
        party_unref(party);
}

/* How long @party must rest for the sake of others, until it is to be asked again: they may leave. */
static uint64_t party_rest(const Party *party) {
        uint64_t now, of_long, rest;

        if (party->of_long.debt_usec == 0 && party->of_heaped.debt_usec == 0)
                return 0;
        now = party->turns->clock(CLOCK_MONOTONIC);
        rest = pace_rest(&party->of_heaped, &heaped_turns, now);
        of_long = pace_rest(&party->of_long, &long_turns, now);
        rest = of_long > rest ? of_long : rest;
        if (rest == 0 || !turns_are_crowded(party->turns, party->whose))
                return 0;
        return rest < TURNS_CROWD_USEC ? rest : TURNS_CROWD_USEC;
}

/* NULL: nobody waits, or they rest, and for so long at the least. */
static Turn *next_turn(const Turns *turns, uint64_t *ret_rest) {
        Party *least = NULL, *party;

        *ret_rest = UINT64_MAX;
        TAILQ_FOREACH(party, &turns->waiting, waiting) {
                uint64_t rest = party_rest(party);

                if (rest > 0)
                        *ret_rest = rest < *ret_rest ? rest : *ret_rest;
                else if (!least || party->used_usec < least->used_usec)
                        least = party;
        }
        return least ? TAILQ_FIRST(&least->list) : NULL;
}

static int on_work(sd_event_source *source, void *userdata) {
        Turns *turns = userdata;
        uint64_t rest;
        Turn *turn = next_turn(turns, &rest);

        if (turn) {
                dequeue(turn);
                take(turn);
                return 0;
        }
        if (rest < UINT64_MAX) {
                (void) sd_event_source_set_time_relative(turns->rest, rest);
                (void) sd_event_source_set_enabled(turns->rest, SD_EVENT_ONESHOT);
        }
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata) {
        Turns *turns = userdata;

        return sd_event_source_set_enabled(turns->work, SD_EVENT_ON);
}

void turn_want(Turn *turn) {
        Turns *turns = turn->party->turns;

        if (turn->waits)
                return;
        turns->rested = false;
        enqueue(turn);
        (void) sd_event_source_set_enabled(turns->work, SD_EVENT_ON);
}

bool turn_at_once(Turn *turn) {
        Turns *turns = turn->party->turns;

        if (!turns->rested || party_rest(turn->party) > 0) {
                turn_want(turn);
                return false;
        }
        turns->rested = false;
        catch_up(turn->party);
        take(turn);
        return true;
}

bool turns_are_crowded(const Turns *turns, int64_t whose) {
        const Moment *moment = turns->last.whose != whose ? &turns->last : &turns->other;

        return moment->usec > 0 && turns->clock(CLOCK_MONOTONIC) - moment->usec <= TURNS_CROWD_USEC;
}

void turns_rest(Turns *turns) {
        turns->rested = TAILQ_EMPTY(&turns->waiting);
}

/* -- life ---------------------------------------------------------------------------------- */

int turns_new(sd_event *event, TurnClock clock, Turns **ret) {
        _cleanup_(turns_freep) Turns *turns = calloc(1, sizeof(*turns));
        int r;

        if (!turns)
                return -ENOMEM;
        turns->clock = clock ? clock : read_clock;
        LIST_INIT(&turns->parties);
        TAILQ_INIT(&turns->waiting);
        r = sd_event_add_defer(event, &turns->work, on_work, turns);
        if (r < 0)
                return r;
        /* After all that is known to have happened, so that it is known who wants a turn. */
        r = sd_event_source_set_priority(turns->work, SD_EVENT_PRIORITY_NORMAL + 1);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(turns->work, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &turns->rest, CLOCK_MONOTONIC, 0, 0, on_rested, turns);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(turns->rest, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(turns);
        return 0;
}

Turns *turns_free(Turns *turns) {
        Party *party;

        if (!turns)
                return NULL;
        while ((party = LIST_FIRST(&turns->parties))) {
                assert(party->n_turns == 0);
                party_free(party);
        }
        (void) sd_event_source_disable_unref(turns->work);
        (void) sd_event_source_disable_unref(turns->rest);
        free(turns);
        return NULL;
}

/* Who comes in anew is in no debt, and nothing is owed to him. */
static Party *party_of(Turns *turns, int64_t whose) {
        Party *party;

        LIST_FOREACH(party, &turns->parties, place)
        if (party->whose == whose)
                return party;

        party = calloc(1, sizeof(*party));
        if (!party)
                return NULL;
        party->turns = turns;
        party->whose = whose;
        party->used_usec = turns->used_usec;
        TAILQ_INIT(&party->list);
        LIST_INSERT_HEAD(&turns->parties, party, place);
        return party;
}

int turn_begin(Turns *turns, int64_t whose, TurnTake take_turn, void *userdata, Turn *ret) {
        Party *party = party_of(turns, whose);

        if (!party)
                return -ENOMEM;
        party->n_turns++;
        *ret = (Turn){ .party = party, .take = take_turn, .userdata = userdata };
        return 0;
}

void turn_end(Turn *turn) {
        if (!turn->party)
                return;
        if (turn->waits)
                dequeue(turn);
        party_unref(turn->party);
        *turn = (Turn){};
}
