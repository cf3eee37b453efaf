/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shares: each uid's part of the daemon's memory. Whoever holds something for a uid (a connection, a
 * sender on the bus) has a Holding and keeps it up to date; what is to be done about too much comes
 * back as news. Knows neither sockets, clock nor loop.
 *
 * What a uid has sent and has no answer to yet is worked off by the daemon: at the bound no more is
 * taken from it until there is room. What it was answered and has not read only it can work off: past
 * the bound the connection that holds the most must go, so that those that read go on. It must go as
 * well if no room comes for HELD_PATIENCE_SEC.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "client/cleanup.h"

typedef struct Shares Shares;
typedef struct Share Share;

typedef enum ShareNews {
        SHARE_ROOM, /* holding_may_go_on() has become true */
        SHARE_OVER, /* of all that the uid has, this holds the most, and must go */
} ShareNews;

/* May not end a holding; what is to be ended is ended from the loop. */
typedef void (*ShareHear)(ShareNews news, void *userdata);

/* Its holder's own, zeroed when it is none. */
typedef struct Holding {
        Share *share;
        LIST_ENTRY(Holding) place;
        ShareHear hear;
        void *userdata;
        size_t waiting, unread;
        bool at_work, stuck;
        bool over; /* was told to go, and counts no more */
} Holding;

/* Bytes held: of calls that wait or are at work, and of answers that were not read. */
typedef struct Held {
        size_t waiting, unread;
        bool at_work; /* a call is, and will have its answer without anybody's doing */
        bool stuck;   /* nothing can be done for it before somebody else does something */
} Held;

int shares_new(Shares **ret);

/* All holdings go first. */
Shares *shares_free(Shares *shares);
DEFINE_CLEANUP(Shares *, shares_free)

/* 0 or -ENOMEM. */
int holding_begin(Shares *shares, uid_t uid, ShareHear hear, void *userdata, Holding *ret);
void holding_end(Holding *holding);

/* Tells what is held now. News may come before this returns, also to this one. */
void holding_set(Holding *holding, Held held, uint64_t now_usec);

/* Whether more may be read and a call be started. At the bound it is so for one of a uid at a time, the one
 * that holds the most, while no call of it is at work: so one after the other comes to its end. */
bool holding_may_go_on(const Holding *holding);

/* When shares_expire() has something to do; UINT64_MAX: never. */
uint64_t shares_due(const Shares *shares);
void shares_expire(Shares *shares, uint64_t now_usec);
