/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums over the holdings of each uid. */
#include "config.h"

#include "daemon/share.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon/limits.h"

/* Of the bound one half is for what waits and one for what is unread, so that neither stops the other. */
#define HALF_BYTES (HELD_BYTES_PER_UID_MAX / 2)

#define PATIENCE_USEC (HELD_PATIENCE_SEC * UINT64_C(1000000))

LIST_HEAD(HoldingList, Holding);
LIST_HEAD(ShareList, Share);

struct Share {
        Shares *shares;
        LIST_ENTRY(Share) place;
        uid_t uid;
        struct HoldingList holdings;
        size_t waiting, unread;
        unsigned n_at_work;
        uint64_t full_usec; /* since when it is full; 0: it is not */
        Holding *first;     /* while it is: the one that may go on */
};

struct Shares {
        struct ShareList list;
};

static bool is_full(const Share *share) {
        return share->waiting >= HALF_BYTES;
}

static void tell(const Share *share, ShareNews news) {
        Holding *holding;

        LIST_FOREACH(holding, &share->holdings, place)
        holding->hear(news, holding->userdata);
}

/* -- bytes --------------------------------------------------------------------------------- */

static void count(Holding *holding, Held held) {
        Share *share = holding->share;

        share->waiting = share->waiting - holding->waiting + held.waiting;
        share->unread = share->unread - holding->unread + held.unread;
        share->n_at_work = share->n_at_work - holding->at_work + held.at_work;
        holding->waiting = held.waiting;
        holding->unread = held.unread;
        holding->at_work = held.at_work;
        holding->stuck = held.stuck;
}

static void end(Holding *holding) {
        if (!holding)
                return;
        count(holding, (Held){});
        holding->over = true;
        holding->hear(SHARE_OVER, holding->userdata);
}

static size_t unread_of(const Holding *holding) {
        return holding->unread;
}

static size_t waiting_of(const Holding *holding) {
        return holding->waiting;
}

static size_t moving_of(const Holding *holding) {
        return holding->stuck ? 0 : holding->waiting;
}

/* The one with the most @of it; NULL if none has any. */
static Holding *find_fullest(const Share *share, size_t (*of)(const Holding *holding)) {
        Holding *fullest = NULL, *holding;

        LIST_FOREACH(holding, &share->holdings, place)
        if (of(holding) > (fullest ? of(fullest) : 0))
                fullest = holding;
        return fullest;
}

/* After something changed: who may go on now and was told otherwise. */
static void tell_room(Share *share, bool was_full) {
        Holding *first = NULL;

        if (!is_full(share)) {
                share->full_usec = 0;
                share->first = NULL;
                if (was_full)
                        tell(share, SHARE_ROOM);
                return;
        }
        if (share->n_at_work == 0)
                first = find_fullest(share, moving_of);
        if (first == share->first)
                return;
        share->first = first;
        if (first)
                first->hear(SHARE_ROOM, first->userdata);
}

void holding_set(Holding *holding, Held held, uint64_t now_usec) {
        Share *share = holding->share;
        bool was_full = is_full(share);

        if (holding->over)
                return;
        count(holding, held);
        if (is_full(share) && share->full_usec == 0)
                share->full_usec = now_usec;
        while (share->unread > HALF_BYTES)
                end(find_fullest(share, unread_of));
        tell_room(share, was_full);
}

bool holding_may_go_on(const Holding *holding) {
        return !is_full(holding->share) || holding->share->first == holding;
}

uint64_t shares_due(const Shares *shares) {
        uint64_t due = UINT64_MAX;
        const Share *share;

        LIST_FOREACH(share, &shares->list, place)
        if (share->full_usec > 0 && share->full_usec + PATIENCE_USEC < due)
                due = share->full_usec + PATIENCE_USEC;
        return due;
}

void shares_expire(Shares *shares, uint64_t now_usec) {
        Share *share;

        LIST_FOREACH(share, &shares->list, place) {
                if (share->full_usec == 0 || share->full_usec + PATIENCE_USEC > now_usec)
                        continue;
                share->full_usec = now_usec;
                end(find_fullest(share, waiting_of));
                tell_room(share, true);
        }
}

/* -- life ---------------------------------------------------------------------------------- */

int shares_new(Shares **ret) {
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

Shares *shares_free(Shares *shares) {
        if (!shares)
                return NULL;
        assert(LIST_EMPTY(&shares->list));
        free(shares);
        return NULL;
}

static Share *share_of(Shares *shares, uid_t uid) {
        Share *share;

        LIST_FOREACH(share, &shares->list, place)
        if (share->uid == uid)
                return share;

        share = calloc(1, sizeof(*share));
        if (!share)
                return NULL;
        share->shares = shares;
        share->uid = uid;
        LIST_INIT(&share->holdings);
        LIST_INSERT_HEAD(&shares->list, share, place);
        return share;
}

int holding_begin(Shares *shares, uid_t uid, ShareHear hear, void *userdata, Holding *ret) {
        Share *share = share_of(shares, uid);

        if (!share)
                return -ENOMEM;
        *ret = (Holding){ .share = share, .hear = hear, .userdata = userdata };
        LIST_INSERT_HEAD(&share->holdings, ret, place);
        return 0;
}

void holding_end(Holding *holding) {
        Share *share = holding->share;
        bool was_full;

        if (!share)
                return;
        was_full = is_full(share);
        count(holding, (Held){});
        LIST_REMOVE(holding, place);
        *holding = (Holding){};
        tell_room(share, was_full);
        if (!LIST_EMPTY(&share->holdings))
                return;
        LIST_REMOVE(share, place);
        free(share);
}
