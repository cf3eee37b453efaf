/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing single rows inside a transaction of store_apply(); every change of a decision gets its
 * number and its line of history here. */
#pragma once

#include "daemon/limits.h"
#include "daemon/store-private.h"

/* An owner whose row is there, so that it is not looked for at each line; the lines of one stand
 * together where there are many. */
typedef struct OwnerAt {
        bool known;
        int64_t owner;
        uint64_t last_id;
} OwnerAt;

typedef struct Transaction {
        Store *store;
        Connection *c;
        Journal *journal; /* NULL: what is written comes from it */
        StoreMark mark;   /* after what was written so far */
        bool written;     /* there is something to commit */
        OwnerAt at;       /* of a replay: where it was last */
} Transaction;

/* A decision of an endpoint as it is stored; @good is false if its digest does not hold. */
typedef struct StoredDecision {
        Decision decision;
        bool good;
} StoredDecision;

/* Live and unconfirmed decisions of one owner at one endpoint; more than the bound cannot be. */
typedef struct StoredDecisions {
        StoredDecision items[DECISIONS_PER_ENDPOINT_MAX];
        size_t n_items;
} StoredDecisions;

int write_owner(Transaction *t, int64_t owner);

/* The owner's user name, with its digest. */
int write_name(Transaction *t, int64_t owner, const char *name);

/* Single rows, as they are given; what refuses and what stands is kept count of. */
int write_insert(Transaction *t, const Decision *d);
int write_update(Transaction *t, const Decision *d);
int write_drop(Transaction *t, int64_t owner, uint64_t id);
int write_history(Transaction *t, const Decision *d, HistoryKind kind, int64_t by);
/* The change of that number came by an import. */
int write_imported(Transaction *t, int64_t owner, uint64_t change_number);
int write_certificate_row(Transaction *t, const CertificateFacts *c, Blob der, bool known);

/* A new decision: gives @d its id, its number and a line of history. */
int write_decision(Transaction *t, const Change *change, Decision *d, HistoryKind kind);

/* Stores state, problems and end of @d, with a new number, time and line of history. */
int write_changed(Transaction *t, const Change *change, Decision *d, HistoryKind kind);

/* The same for one of the owner's other decisions: only its state changes, and @change tells. */
int write_other(Transaction *t, Change *change, const Decision *d, DecisionState state,
                HistoryKind kind);

/* Drops the oldest dead decision of @owner. 1, 0 if there is none, -errno. */
int write_drop_dead(Transaction *t, int64_t owner);

/* Keeps the certificate of @change, whole: what is damaged or incomplete is written anew. */
int write_certificate(Transaction *t, const Change *change);

int write_seen(Transaction *t, const Change *change);

/* An entry as it is given; its row, if there is one, becomes it. And one that is there no more. */
int write_entry(Transaction *t, const Entry *e);
int write_drop_entry(Transaction *t, int64_t owner, uint64_t id);

/* The owner's next id, for a decision or an entry. */
int write_next_id(Transaction *t, int64_t owner, uint64_t *ret);

/* Lines of the journal for what was written; store-record.c. */
int record_change(Transaction *t, const Decision *d, HistoryKind kind, int64_t by);
int record_name(Transaction *t, int64_t owner, int64_t time, const char *name);
int record_drop(Transaction *t, int64_t owner, uint64_t id);
int record_entry(Transaction *t, const Entry *e);
int record_certificate(Transaction *t, const CertificateFacts *c, Blob der);

/* Writes @t->mark to the one row of table store; store-mark.c. */
int write_mark(Transaction *t);

/* Takes a row that may be about to change out of the sets that it is in. */
int mark_remove(Transaction *t, int64_t owner, uint64_t id);
int mark_remove_entry(Transaction *t, int64_t owner, uint64_t id);

/* What is live or unconfirmed of the owner at the endpoint of @at; store-add.c. */
int store_read_open(Transaction *t, const Decision *at, StoredDecisions *ret);
/* Whether both pin the same; and whether @old gives way to @new: see CHANGE_ADD. */
bool store_same_target(const Decision *a, const Decision *b);
bool store_is_contrary(const Decision *new, const Decision *old);

/* CHANGE_IMPORT; store-import.c. And one authority of it; store-import-authorities.c. */
typedef struct ImportAuthority ImportAuthority;
int store_import(Transaction *t, Change *change);
int store_import_authority(Transaction *t, const Change *change, ImportAuthority *item);

/* CHANGE_ADD; store-add.c. */
int store_add(Transaction *t, Change *change);

/* 0, or -EINVAL if the certificate of @change is not the one that it is about. */
int store_check_certificate(const Change *change);

/* Lets dead decisions make room for the certificate, or sets CHANGE_TOO_LARGE. */
int store_check_bytes(Transaction *t, Change *change);

/* All of an owner's entries, by id. */
int store_read_entries(Connection *c, int64_t owner, EntryList *ret);

/* CHANGE_ENTRY and CHANGE_REMOVE, and what becomes of the authorities of a uid that has changed
 * hands; store-entries.c. */
int store_put_entry(Transaction *t, Change *change);
int store_remove_entry(Transaction *t, Change *change);
int store_unconfirm_entries(Transaction *t, const Change *change);

/* Live and unconfirmed decisions of the owner whose end has passed become ended: they must not
 * fill a quota. 1 if there were some, 0, -errno. */
int store_end_passed(Transaction *t, Change *change, const Session *session);
