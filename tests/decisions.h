/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decisions and stores for the tests. What cannot be made aborts with a sentence, so that nothing
 * here has to be checked by callers.
 */
#pragma once

#include <check.h>

#include "daemon/store.h"

/* The time at which decisions are made unless a test says otherwise. */
#define DECIDED_AT INT64_C(1767225600)

/* Make and remove a directory of mode 0700 with its files: a checked fixture. */
void test_directory_make(void);
void test_directory_remove(void);
const char *test_directory(void);
/* certexc.db in it. */
const char *test_database(void);
/* journal in it. */
const char *test_journal(void);

/* Opens the store of test_directory(), or fails the test. */
Store *test_store(void);
/* Closes and opens it again. */
Store *test_reopen(Store *store);

/* The certificate that is called @name, with the key that is called @key: always the same bytes.
 * The store does not look inside a certificate, so these are none. */
CertificateFacts *test_certificate(const char *name, const char *key);
/* Its "DER": @size bytes, 0 for an ordinary size. */
uint8_t *test_der(const char *name, size_t size);
void test_sha256(const char *name, uint8_t ret[static SHA256_SIZE]);

/* A live exception for mail.example.org, as the change @number of its owner would make it. */
Decision test_decision(unsigned number);

/* An addition, ready to be applied; change what you want to be otherwise. */
typedef struct Addition {
        int64_t owner;
        DecisionAction action; /* 0: allow */
        DecisionPin pin;       /* 0: certificate */
        const char *host;      /* NULL: mail.example.org */
        uint16_t port;         /* 0: 993 */
        const char *name;      /* of the certificate; NULL: "one" */
        const char *key;       /* NULL: "key of one" */
        ProblemSet problems;   /* 0: self-signed, for an exception */
        DecisionEnd end;       /* 0: never */
        int64_t until;
        Session session;
        size_t der_size;
        int64_t now; /* 0: DECIDED_AT */
} Addition;

Change *test_addition(const Addition *a);

/* Applies one change alone; fails the test if the store does not take it. */
ChangeResult test_apply(Store *store, Change *change);

/* Adds and frees; the id, after checking that the result is @expected. */
uint64_t test_add(Store *store, const Addition *a, ChangeResult expected);

/* CHANGE_REVOKE and CHANGE_END. */
ChangeResult test_revoke(Store *store, int64_t owner, uint64_t id);
ChangeResult test_end(Store *store, int64_t owner, uint64_t id);

/* An entry of table trust. */
typedef struct Putting {
        int64_t owner;
        EntryKind kind;        /* 0: authority */
        DecisionPin pin;       /* 0: key for a distrust, else certificate */
        const char *name;      /* of the certificate; NULL: "one" */
        const char *key;       /* NULL: "key of one" */
        const char *only;      /* NULL: all names */
        size_t der_size;
        int64_t now; /* 0: DECIDED_AT */
} Putting;

Change *test_putting(const Putting *p);
/* Puts and frees; the id, after checking that the result is @expected. */
uint64_t test_put(Store *store, const Putting *p, ChangeResult expected);
ChangeResult test_remove(Store *store, int64_t owner, uint64_t id);

/* The owner's entry @id as it is read, or one whose state is 0. */
Entry test_entry(Store *store, int64_t owner, uint64_t id);

/* How many of @state are at the endpoint for @owner; exceptions that are in doubt count as unconfirmed ones. */
size_t test_count_found(Store *store, int64_t owner, const char *host, uint16_t port,
                        DecisionState state);

/* Runs SQL on the closed database with another program's rights: triggers and checks are off. */
void test_sql(const char *sql, ...) _printf_(1, 2);

/* The one number that a query on the closed database yields. */
int64_t test_sql_number(const char *sql);

/* The one text that it yields; free(). */
char *test_sql_text(const char *sql);
