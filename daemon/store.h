/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store of decisions: certexc.db. The only place that knows SQL.
 *
 * Reading is for the event loop's thread. store_apply() is for one other thread (commits.c) at a
 * time; the two never wait for each other's disk. Nothing here logs.
 *
 * Every decision carries a digest of its fields. An exception whose digest does not hold is not
 * returned; a denial whose digest does not hold still refuses, by what can be read of it. Each is
 * counted, and store_health() tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "daemon/decision.h"
#include "daemon/entry.h"
#include "daemon/facts.h"

typedef struct Store Store;

/* One of the two copies of the decisions, as it was found at opening. */
typedef enum CopyState {
        COPY_WHOLE,
        COPY_MISSING,
        COPY_DAMAGED,
        COPY_BEHIND, /* whole, but the other one knows of changes that it does not */
} CopyState;

/* What was found at opening. */
typedef struct StoreDamage {
        CopyState database;
        CopyState journal;
        uint64_t database_number; /* the last change that each knows of */
        uint64_t journal_number;
        bool disagrees;     /* opened, but nothing is accepted by exception until it is rebuilt */
        bool gaps;          /* opened, but some of the decisions of certexc.db are damaged or gone */
        const char *reason; /* a sentence (static) for people, on failure */
} StoreDamage;

/*
 * Opens or creates certexc.db and its journal in @directory, which exists, is ours and has mode
 * 0700. What one of the two has lost and the other has is restored: see "Opening" in
 * schema/journal.md. What cannot be written to is read, if nothing has to be restored first: see
 * store_read_only(). Returns 0; -EBUSY if another daemon has it; -EPROTONOSUPPORT if a newer
 * version wrote it; -EUCLEAN if it must be rebuilt, or is another program's; -EPERM if others could
 * write there; -errno. What is refused is not touched. *@ret_damage tells what was found, always.
 */
int store_open(const char *directory, Store **ret, StoreDamage *ret_damage);

/* Every file of a store that store_open() found damaged, in a word each: "certexc.db: gone, certexc.db-wal:
 * none, journal: damaged, witness: whole" (free()). 0 or -errno. store-describe.c. */
int store_describe(const char *directory, const StoreDamage *damage, char **ret);
Store *store_free(Store *store);
DEFINE_CLEANUP(Store *, store_free)

/* Grows with each committed change. Any thread. */
uint64_t store_generation(const Store *store);

/* Seconds since 1970 of the last committed change ever: evidence against a clock set back. */
int64_t store_last_write(const Store *store);

typedef struct StoreHealth {
        uint64_t n_damaged; /* how often something was read that is not as it was written */
        int last_error;     /* of the last store_apply(): 0 or -errno */
        bool disagrees;     /* the two copies differ: nothing is accepted by exception */
        uint64_t n_rewritten; /* how often a damaged journal was made anew from the database */
} StoreHealth;

/* 0 if the files are as the store's own last write left them, else -ESTALE. It costs three fstat(); what
 * is in memory is not looked at. Any thread. */
int store_check_files(const Store *store);

/* Any thread. */
void store_health(const Store *store, StoreHealth *ret);

/* 0, or the error (-EROFS, -EACCES ...) for which the open store is only read: changes come to it, until
 * store_mend() finds that the store can be written again. */
int store_read_only(const Store *store);

/* false if its files cannot be written to, as far as that can be told without trying. */
bool store_may_be_written(const Store *store);

/* -- reading ------------------------------------------------------------------------------ */

typedef struct DecisionList {
        Decision *items;
        size_t n_items;
        uint64_t next; /* store_list(): the last id if more follow, else 0 */
        bool doubtful; /* store_find(): something that refuses may be missing, no exception counts */
} DecisionList;

void decision_list_done(DecisionList *list);

/*
 * The decisions of @owner and of OWNER_SYSTEM at the endpoint (port 0: at every port of the host),
 * live, unconfirmed and ended ones, newest first. If one of them is damaged, it is doubtful whether
 * the others count: what is damaged may have been a denial. Returns 0 or -errno.
 */
int store_find(Store *store, int64_t owner, const char *host, uint16_t port, DecisionList *ret);

typedef struct ListQuery {
        int64_t owner;
        const char *host; /* NULL: all */
        uint16_t port;    /* 0: all */
        bool all;         /* ended and revoked too */
        uint64_t after;   /* ids above this one */
        size_t limit;
} ListQuery;

int store_list(Store *store, const ListQuery *query, DecisionList *ret);

/* 1 and *@ret filled, 0 if there is none, -EUCLEAN if it is damaged, -errno. */
int store_get(Store *store, int64_t owner, uint64_t id, Decision *ret);

/* The certificate that a decision (or seen endpoint) of @owner refers to. 1, 0 or -errno; -EUCLEAN
 * if its bytes are not those of the digest. @ret and @ret_der (free()) may be NULL. Of a
 * certificate that was only seen there is no DER: asked for it, 0 is returned. */
int store_certificate(Store *store, int64_t owner, const uint8_t sha256[static SHA256_SIZE],
                      CertificateFacts **ret, uint8_t **ret_der, size_t *ret_der_size);

/* That of a decision which was read just now: it is there, or the store is damaged. 0 or -errno. */
int store_certificate_of(Store *store, const Decision *d, CertificateFacts **ret);

/* The certificate last accepted without problems at an endpoint. 1, 0 or -errno. */
int store_seen(Store *store, int64_t owner, const char *host, uint16_t port, CertificateFacts **ret,
               int64_t *ret_time);

typedef struct HostList {
        char **items;
        size_t n_items;
} HostList;

void host_list_done(HostList *list);

/* Hosts (at most ISSUER_HOSTS_MAX, in no order that means anything) of the owner's decisions and
 * seen endpoints whose certificate names @issuer, and not itself, as its issuer. 0 or -errno. */
int store_hosts_of_issuer(Store *store, int64_t owner, const char *issuer, HostList *ret);

typedef enum HistoryKind { /* stored numbers */
                           HISTORY_ALLOWED = 1,
                           HISTORY_DENIED = 2,
                           HISTORY_REVOKED = 3,
                           HISTORY_ENDED = 4,
                           HISTORY_CONFIRMED = 5,
                           HISTORY_UNCONFIRMED = 6,
                           HISTORY_IMPORTED = 7, /* whatever it was: see 004-import.sql */
} HistoryKind;

typedef struct HistoryEntry {
        uint64_t number;
        int64_t time;
        HistoryKind kind;
        uint64_t id;
        int64_t by; /* uid */
        char host[ENDPOINT_HOST_MAX + 1];
        uint16_t port;
        uint8_t sha256[SHA256_SIZE];
} HistoryEntry;

typedef struct HistoryList {
        HistoryEntry *items;
        size_t n_items;
        uint64_t next;
} HistoryList;

void history_list_done(HistoryList *list);

/* The newest entry about a decision: 1, 0 if there is none, -errno. */
int store_last_history(Store *store, int64_t owner, uint64_t id, HistoryEntry *ret);

/* Entries with numbers above @after, oldest first; @id 0: of all decisions. */
int store_history(Store *store, int64_t owner, uint64_t id, uint64_t after, size_t limit,
                  HistoryList *ret);

typedef struct OwnerCounts {
        uint64_t exceptions;
        uint64_t denials;
        uint64_t unconfirmed;
        uint64_t bytes;
} OwnerCounts;

int store_counts(Store *store, int64_t owner, OwnerCounts *ret);

/* The user name that the last CHANGE_OWNER of @owner gave. 1 and a copy (free()) in *@ret ("",
 * which is nobody's, if it is damaged), 0 if there was none yet, -errno. */
int store_owner_name(Store *store, int64_t owner, char **ret);

typedef struct EntryList {
        Entry *items;
        size_t n_items;
} EntryList;

void entry_list_done(EntryList *list);

/*
 * All entries of @owner, removed ones too, by id. While it is doubtful whether all that refuses is
 * there, live authorities come as unconfirmed. Returns 0; -EUCLEAN if one is damaged, which may be
 * any of them; -errno.
 */
int store_entries(Store *store, int64_t owner, EntryList *ret);

/* Whether the copies differ, so that nothing is accepted by what is stored. Any thread. */
bool store_is_doubtful(const Store *store);

/* -- changing ----------------------------------------------------------------------------- */

/*
 * CHANGE_ADD: the newest decision of a person is what they mean. A new exception revokes the
 * owner's own denials, at that endpoint, that would refuse the same leaf; a new denial revokes the
 * owner's own exceptions that it leaves without effect (of the same certificate, or, if it pins the
 * key, of that key). An unconfirmed decision with the same action and pin is confirmed with the new
 * problems and end. What has ended or was revoked is never revived: that is a new id.
 */
typedef struct Import Import; /* store-import.h */

typedef enum ChangeAction {
        CHANGE_ADD,    /* @decision, @certificate, @der; sets @decision.id */
        CHANGE_REVOKE, /* @decision.owner and .id; fills the rest */
        CHANGE_END,    /* the same: its end was seen passed */
        CHANGE_SEEN,   /* @decision.owner, .host, .port, @certificate: seen and accepted */
        CHANGE_OWNER,  /* @decision.owner now has the user name @owner_name: if it had another, its
                          live exceptions and authorities become unconfirmed */
        CHANGE_ENTRY,  /* @entry, @certificate, @der: the newest of a person is what they mean, so
                          that an authority takes back what distrusts it, and the other way round;
                          one that is held gets the new names */
        CHANGE_IMPORT, /* @import, for the owner of @decision: all of it or nothing */
        CHANGE_REMOVE, /* @decision.owner, @entry.id; fills the rest of @entry */
        CHANGE_CLOCK,  /* nothing, but that it was @now: store_last_write() says so from then on */
} ChangeAction;

/* What became of a change. */
typedef enum ChangeResult {
        CHANGED,
        CHANGE_HELD,          /* it is so already: held, revoked, ended; @decision is it */
        CHANGE_CONFIRMED,     /* it was held unconfirmed, and is live now */
        CHANGE_UNKNOWN,       /* no decision by that id */
        CHANGE_TOO_MANY,      /* DECISIONS_PER_OWNER_MAX, or ENTRIES_PER_OWNER_MAX */
        CHANGE_TOO_MANY_HERE, /* DECISIONS_PER_ENDPOINT_MAX, or ENTRY_BYTES_PER_OWNER_MAX */
        CHANGE_REFUSED,       /* an import was not to be stored; its items tell why */
        CHANGE_TOO_LARGE,     /* STORED_BYTES_PER_OWNER_MAX */
} ChangeResult;

/* One change, with all that it needs; everything in it is its own. */
typedef struct Change {
        ChangeAction action;
        Decision decision;
        Entry entry; /* CHANGE_ENTRY, CHANGE_REMOVE; of the owner of @decision */
        CertificateFacts *certificate;
        uint8_t *der;
        size_t der_size;
        char *owner_name;
        Import *import;
        bool imported; /* an addition that is part of one: it may be unconfirmed */
        int64_t by; /* uid */
        int64_t now;
        ChangeResult result; /* after store_apply() returned 0 and @error is 0 */
        /* The owner's other decisions that changed with it, as they are now: contrary ones
         * (revoked), those whose end was seen passed (ended), another person's (unconfirmed). */
        Decision *others;
        size_t n_others;
        /* 0, or -errno of this change alone: -EINVAL if it makes no sense (a certificate whose
         * bytes have another digest, a session that is not known), -ENAMETOOLONG. */
        int error;
        /* for the one who submitted it */
        void (*done)(struct Change *change, void *userdata);
        void *userdata;
        struct Change *next;
} Change;

int change_new(ChangeAction action, int64_t owner, int64_t by, int64_t now, Change **ret);
Change *change_free(Change *change);
DEFINE_CLEANUP(Change *, change_free)

/*
 * Applies the linked changes in one transaction, durable when it returns 0. On -errno none was
 * applied, and none comes back: -ENOSPC, -EROFS, -EIO, -EUCLEAN (damaged), -ESTALE (the files were
 * removed or replaced), -ENOMEM. After a sync that failed nothing more is taken until the store is
 * opened anew.
 *
 * The journal's sync is the commit. If the database fails behind it, 0 is returned nevertheless:
 * the changes are in the journal, and hold. Until the database has them (store_settle(), the next
 * store_apply(), or the next opening) store_health() says that the copies disagree, and nothing is
 * accepted by exception.
 */
int store_apply(Store *store, Change *changes);

/* What can wait until nobody does: brings a database up that is behind, and compacts the journal.
 * On the committing thread. 0 or -errno, after which it is worth trying again later. */
int store_settle(Store *store);

/* When nothing has changed for a moment: empties the database's log into it, so that nothing depends on
 * the log any more; and looks, a part at each call, at all lines of the journal, which is made anew
 * from the database if they do not hold. On the committing thread. 1 if there is more to be done, 0,
 * or -errno, after which it is worth trying again. */
int store_quiesce(Store *store);

/* A sentence (static) for an error of store_apply() or a reader, and how to mend it. */
const char *store_error_reason(int error);
const char *store_error_hint(int error);
