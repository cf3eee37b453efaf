/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table with one slot for each remainder of the owner's number. Two owners that share a slot only
 * displace each other's memory, which costs a comparison more; so the table never grows.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/owners.h"

#define SLOTS 256U

typedef struct Slot {
        bool used;
        bool named; /* the name was compared, at @name_at */
        int64_t owner;
        int64_t name_at;
        char *name; /* as it was looked up last; NULL: it was not */
        int64_t writes_since;
        unsigned n_writes;
        bool based; /* @basis is set, by @stamp */
        BasisStamp stamp;
        uint8_t basis[SHA256_SIZE];
} Slot;

struct Owners {
        Slot slots[SLOTS];
};

int owners_new(Owners **ret) {
        Owners *owners;

        owners = calloc(1, sizeof(*owners));
        if (!owners)
                return -ENOMEM;
        *ret = owners;
        return 0;
}

Owners *owners_free(Owners *owners) {
        if (!owners)
                return NULL;
        for (unsigned i = 0; i < SLOTS; i++)
                free(owners->slots[i].name);
        free(owners);
        return NULL;
}

/* @owner's slot, emptied if it was another's. */
static Slot *slot_take(Owners *owners, int64_t owner) {
        Slot *slot = &owners->slots[(uint64_t) owner % SLOTS];

        if (!slot->used || slot->owner != owner) {
                free(slot->name);
                *slot = (Slot){ .used = true, .owner = owner };
        }
        return slot;
}

/* A clock that went back makes everything due. */
static bool within(int64_t now, int64_t since, int64_t seconds) {
        return now >= since && now - since < seconds;
}

bool owners_name_due(const Owners *owners, int64_t owner, int64_t now) {
        const Slot *slot = &owners->slots[(uint64_t) owner % SLOTS];

        return !slot->used || slot->owner != owner || !slot->named ||
               !within(now, slot->name_at, OWNERS_NAME_SEC);
}

void owners_name_checked(Owners *owners, int64_t owner, int64_t now) {
        Slot *slot = slot_take(owners, owner);

        slot->named = true;
        slot->name_at = now;
}

int owners_put_name(Owners *owners, int64_t owner, const char *name) {
        Slot *slot = slot_take(owners, owner);
        char *copy = strdup(name);

        if (!copy)
                return -ENOMEM;
        free(slot->name);
        slot->name = copy;
        return 0;
}

const char *owners_name(const Owners *owners, int64_t owner) {
        const Slot *slot = &owners->slots[(uint64_t) owner % SLOTS];

        return slot->used && slot->owner == owner ? slot->name : NULL;
}

bool owners_may_write_seen(Owners *owners, int64_t owner, int64_t now) {
        Slot *slot = slot_take(owners, owner);

        if (slot->n_writes == 0 || !within(now, slot->writes_since, SEEN_WRITES_SEC)) {
                slot->writes_since = now;
                slot->n_writes = 0;
        }
        if (slot->n_writes >= SEEN_WRITES_PER_OWNER_MAX)
                return false;
        slot->n_writes++;
        return true;
}

static bool same_stamp(const BasisStamp *a, const BasisStamp *b) {
        return a->store == b->store && a->doubtful == b->doubtful && a->trust == b->trust &&
               a->checks == b->checks && a->user_authorities == b->user_authorities;
}

bool owners_basis(const Owners *owners, int64_t owner, const BasisStamp *stamp,
                  uint8_t ret[static SHA256_SIZE]) {
        const Slot *slot = &owners->slots[(uint64_t) owner % SLOTS];

        if (!slot->used || slot->owner != owner || !slot->based || !same_stamp(&slot->stamp, stamp))
                return false;
        memcpy(ret, slot->basis, SHA256_SIZE);
        return true;
}

void owners_put_basis(Owners *owners, int64_t owner, const BasisStamp *stamp,
                      const uint8_t basis[static SHA256_SIZE]) {
        Slot *slot = slot_take(owners, owner);

        slot->based = true;
        slot->stamp = *stamp;
        memcpy(slot->basis, basis, SHA256_SIZE);
}
