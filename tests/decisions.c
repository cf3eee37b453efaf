/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions and stores for the tests. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/decisions.h"

static char directory[256];
static char database[300];
static char journal[300];

void test_directory_make(void) {
        const char *where = getenv("TMPDIR");

        (void) snprintf(directory, sizeof(directory), "%s/certexc-check-XXXXXX",
                        where ? where : "/tmp");
        if (!mkdtemp(directory))
                ck_abort_msg("cannot make a temporary directory");
        (void) snprintf(database, sizeof(database), "%s/certexc.db", directory);
        (void) snprintf(journal, sizeof(journal), "%s/journal", directory);
}

void test_directory_remove(void) {
        struct dirent *entry;
        DIR *d;

        d = opendir(directory);
        if (!d)
                return;
        while ((entry = readdir(d)))
                if (unlinkat(dirfd(d), entry->d_name, 0) < 0)
                        (void) unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
        (void) closedir(d);
        (void) rmdir(directory);
}

const char *test_directory(void) {
        return directory;
}

const char *test_database(void) {
        return database;
}

const char *test_journal(void) {
        return journal;
}

Store *test_store(void) {
        StoreDamage damage;
        Store *store = NULL;
        int r;

        r = store_open(test_directory(), &store, &damage);
        if (r < 0)
                ck_abort_msg("store_open: %s: %s", strerror(-r), damage.reason);
        return store;
}

Store *test_reopen(Store *store) {
        (void) store_free(store);
        return test_store();
}

uint8_t *test_der(const char *name, size_t size) {
        uint8_t *der;

        size = size ? size : 600;
        der = malloc(size);
        if (!der)
                ck_abort_msg("out of memory");
        for (size_t i = 0; i < size; i++)
                der[i] = (uint8_t) name[i % strlen(name)];
        return der;
}

void test_sha256(const char *name, uint8_t ret[static SHA256_SIZE]) {
        if (sha256(name, strlen(name), ret) < 0)
                ck_abort_msg("cannot hash");
}

static void hash_der(const char *name, size_t size, uint8_t ret[static SHA256_SIZE]) {
        _cleanup_free_ uint8_t *der = test_der(name, size);

        if (sha256(der, size ? size : 600, ret) < 0)
                ck_abort_msg("cannot hash");
}

CertificateFacts *test_certificate(const char *name, const char *key) {
        CertificateFacts *c = calloc(1, sizeof(*c));

        if (!c || asprintf(&c->subject, "CN=%s", name) < 0 ||
            asprintf(&c->issuer, "CN=issuer of %s", name) < 0)
                ck_abort_msg("out of memory");
        c->serial = strdup("01ab");
        c->names = calloc(3, sizeof(*c->names));
        c->names[0] = strdup(name);
        c->names[1] = strdup("*.example.org");
        c->n_names = 2;
        c->not_before = DECIDED_AT - 1000;
        c->not_after = DECIDED_AT + 1000;
        hash_der(name, 0, c->sha256);
        test_sha256(key, c->key_sha256);
        return c;
}

Decision test_decision(unsigned number) {
        Decision d = {
                .owner = 1000,
                .id = number,
                .action = DECISION_ALLOW,
                .pin = PIN_CERTIFICATE,
                .state = STATE_LIVE,
                .host = "mail.example.org",
                .port = 993,
                .problems = PROBLEM_SELF_SIGNED,
                .end = END_NEVER,
                .created = DECIDED_AT,
                .changed = DECIDED_AT + number,
                .change_number = number,
        };

        test_sha256("one", d.certificate_sha256);
        test_sha256("key of one", d.key_sha256);
        return d;
}

Change *test_addition(const Addition *a) {
        const char *name = a->name ? a->name : "one";
        int64_t now = a->now ? a->now : DECIDED_AT;
        Change *change = NULL;
        Decision *d;

        if (change_new(CHANGE_ADD, a->owner, a->owner < 0 ? 0 : a->owner, now, &change) < 0)
                ck_abort_msg("out of memory");
        change->certificate = test_certificate(name, a->key ? a->key : "key of one");
        change->der = test_der(name, a->der_size);
        change->der_size = a->der_size ? a->der_size : 600;
        hash_der(name, a->der_size, change->certificate->sha256);

        d = &change->decision;
        d->action = a->action ? a->action : DECISION_ALLOW;
        d->pin = a->pin ? a->pin : PIN_CERTIFICATE;
        (void) snprintf(d->host, sizeof(d->host), "%s", a->host ? a->host : "mail.example.org");
        d->port = a->port ? a->port : 993;
        d->problems = a->problems || d->action == DECISION_DENY ? a->problems : PROBLEM_SELF_SIGNED;
        d->end = a->end ? a->end : END_NEVER;
        d->until = a->until;
        d->session = a->session;
        memcpy(d->certificate_sha256, change->certificate->sha256, SHA256_SIZE);
        memcpy(d->key_sha256, change->certificate->key_sha256, SHA256_SIZE);
        return change;
}

ChangeResult test_apply(Store *store, Change *change) {
        int r = store_apply(store, change);

        if (r < 0)
                ck_abort_msg("store_apply: %s (%s)", strerror(-r), store_error_reason(r));
        ck_assert_int_eq(change->error, 0);
        return change->result;
}

uint64_t test_add(Store *store, const Addition *a, ChangeResult expected) {
        _cleanup_(change_freep) Change *change = test_addition(a);

        ck_assert_int_eq(test_apply(store, change), expected);
        return change->decision.id;
}

static ChangeResult apply_to_id(Store *store, ChangeAction action, int64_t owner, uint64_t id) {
        _cleanup_(change_freep) Change *change = NULL;

        if (change_new(action, owner, owner < 0 ? 0 : owner, DECIDED_AT + 10, &change) < 0)
                ck_abort_msg("out of memory");
        change->decision.id = id;
        return test_apply(store, change);
}

ChangeResult test_revoke(Store *store, int64_t owner, uint64_t id) {
        return apply_to_id(store, CHANGE_REVOKE, owner, id);
}

ChangeResult test_end(Store *store, int64_t owner, uint64_t id) {
        return apply_to_id(store, CHANGE_END, owner, id);
}

Change *test_putting(const Putting *p) {
        const char *name = p->name ? p->name : "one";
        int64_t now = p->now ? p->now : DECIDED_AT;
        Change *change = NULL;
        Entry *e;

        if (change_new(CHANGE_ENTRY, p->owner, p->owner < 0 ? 0 : p->owner, now, &change) < 0)
                ck_abort_msg("out of memory");
        change->certificate = test_certificate(name, p->key ? p->key : "key of one");
        change->der = test_der(name, p->der_size);
        change->der_size = p->der_size ? p->der_size : 600;
        hash_der(name, p->der_size, change->certificate->sha256);

        e = &change->entry;
        e->owner = p->owner;
        e->kind = p->kind ? p->kind : ENTRY_AUTHORITY;
        e->pin = p->pin ? p->pin : e->kind == ENTRY_DISTRUST ? PIN_KEY : PIN_CERTIFICATE;
        e->state = STATE_LIVE;
        (void) snprintf(e->only, sizeof(e->only), "%s", p->only ? p->only : "");
        memcpy(e->certificate_sha256, change->certificate->sha256, SHA256_SIZE);
        memcpy(e->key_sha256, change->certificate->key_sha256, SHA256_SIZE);
        return change;
}

uint64_t test_put(Store *store, const Putting *p, ChangeResult expected) {
        _cleanup_(change_freep) Change *change = test_putting(p);

        ck_assert_int_eq(test_apply(store, change), expected);
        return change->entry.id;
}

ChangeResult test_remove(Store *store, int64_t owner, uint64_t id) {
        _cleanup_(change_freep) Change *change = NULL;

        if (change_new(CHANGE_REMOVE, owner, owner < 0 ? 0 : owner, DECIDED_AT + 10, &change) < 0)
                ck_abort_msg("out of memory");
        change->entry.id = id;
        return test_apply(store, change);
}

Entry test_entry(Store *store, int64_t owner, uint64_t id) {
        _cleanup_(entry_list_done) EntryList list = {0};

        ck_assert_int_eq(store_entries(store, owner, &list), 0);
        for (size_t i = 0; i < list.n_items; i++)
                if (list.items[i].id == id)
                        return list.items[i];
        return (Entry){0};
}

size_t test_count_found(Store *store, int64_t owner, const char *host, uint16_t port,
                        DecisionState state) {
        _cleanup_(decision_list_done) DecisionList list = {0};
        size_t n = 0;

        ck_assert_int_eq(store_find(store, owner, host, port, &list), 0);
        for (size_t i = 0; i < list.n_items; i++) {
                const Decision *d = list.items + i;
                bool counts = !list.doubtful || d->action == DECISION_DENY || d->state != STATE_LIVE;

                n += (counts ? d->state : STATE_UNCONFIRMED) == state;
        }
        return n;
}

void test_sql(const char *sql, ...) {
        char *text = NULL, *error = NULL;
        sqlite3 *db = NULL;
        va_list ap;

        va_start(ap, sql);
        text = sqlite3_vmprintf(sql, ap);
        va_end(ap);
        if (sqlite3_open_v2(test_database(), &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
                ck_abort_msg("cannot open %s", test_database());
        (void) sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        (void) sqlite3_exec(db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL);
        if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
                ck_abort_msg("%s: %s", text, error);
        sqlite3_free(text);
        (void) sqlite3_close(db);
}

int64_t test_sql_number(const char *sql) {
        sqlite3_stmt *st = NULL;
        sqlite3 *db = NULL;
        int64_t number;

        if (sqlite3_open_v2(test_database(), &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
            sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK ||
            sqlite3_step(st) != SQLITE_ROW)
                ck_abort_msg("%s: %s", sql, sqlite3_errmsg(db));
        number = sqlite3_column_int64(st, 0);
        (void) sqlite3_finalize(st);
        (void) sqlite3_close(db);
        return number;
}

char *test_sql_text(const char *sql) {
        sqlite3_stmt *st = NULL;
        sqlite3 *db = NULL;
        char *text;

        if (sqlite3_open_v2(test_database(), &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
            sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK ||
            sqlite3_step(st) != SQLITE_ROW)
                ck_abort_msg("%s: %s", sql, sqlite3_errmsg(db));
        text = strdup((const char *) sqlite3_column_text(st, 0));
        (void) sqlite3_finalize(st);
        (void) sqlite3_close(db);
        return text;
}
