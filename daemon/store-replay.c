/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From lines of the journal to rows of the database: what a journal says is made so. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/store-replay.h"

/* Whether it is whole shows when it is used. 1, 0, -errno. */
static int has_certificate(Transaction *t, const uint8_t sha256_wanted[static SHA256_SIZE]) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(t->c, STATEMENT_HAS_CERTIFICATE, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_blob(&b, sha256_wanted, SHA256_SIZE);
        return b.error < 0 ? b.error : statement_step(st);
}

static int replay_certificate(Transaction *t, const CertificateFacts *c, Blob der) {
        int r = has_certificate(t, c->sha256);

        return r < 0 ? r : write_certificate_row(t, c, der, r > 0);
}

/* The decision stands by its digests; what they belong to is told as unknown. */
static int need_certificate(Transaction *t, const uint8_t sha256_needed[static SHA256_SIZE],
                            const uint8_t key_sha256[static SHA256_SIZE]) {
        char nothing[] = "";
        CertificateFacts empty = {.subject = nothing, .issuer = nothing, .serial = nothing};
        int r;

        r = has_certificate(t, sha256_needed);
        if (r != 0)
                return r < 0 ? r : 0;
        memcpy(empty.sha256, sha256_needed, SHA256_SIZE);
        memcpy(empty.key_sha256, key_sha256, SHA256_SIZE);
        return write_certificate_row(t, &empty, (Blob){0}, false);
}

static int come_to_owner(Transaction *t, int64_t owner) {
        int r;

        if (t->at.known && t->at.owner == owner)
                return 0;
        r = write_owner(t, owner);
        if (r == 0)
                t->at = (OwnerAt){.known = true, .owner = owner};
        return r;
}

/* Of the owner that was come to. */
static int set_last_id(Transaction *t, int64_t owner, uint64_t id) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        if (id <= t->at.last_id)
                return 0;
        t->at.last_id = id;
        r = binder_begin(t->c, STATEMENT_SET_LAST_ID, owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) id);
        return binder_run(&b);
}

static int insert(Transaction *t, const Decision *d) {
        int r;

        r = come_to_owner(t, d->owner);
        if (r == 0)
                r = need_certificate(t, d->certificate_sha256, d->key_sha256);
        if (r == 0)
                r = set_last_id(t, d->owner, d->id);
        return r < 0 ? r : write_insert(t, d);
}

/* Of a row that is there only state, problems and end change ever; what else the line says may have
 * been read from a damaged one. */
static int replay_change(Transaction *t, const JournalRecord *record) {
        Decision d;
        int r;

        r = row_get_decision(t->c, record->decision.owner, record->decision.id, &d);
        if (r == -ENOENT) {
                d = record->decision;
                r = insert(t, &d);
        } else if (r >= 0) {
                d.state = record->decision.state;
                d.problems = d.action == DECISION_ALLOW ? record->decision.problems : 0;
                d.end = record->decision.end;
                d.until = record->decision.until;
                d.session = record->decision.session;
                d.changed = record->decision.changed;
                d.change_number = record->decision.change_number;
                r = write_update(t, &d);
        }
        return r < 0 ? r : write_history(t, &d, record->history.kind, record->history.by);
}

static int replay_entry(Transaction *t, const Entry *e) {
        int r;

        r = come_to_owner(t, e->owner);
        if (r == 0)
                r = need_certificate(t, e->certificate_sha256, e->key_sha256);
        if (r == 0)
                r = set_last_id(t, e->owner, e->id);
        return r < 0 ? r : write_entry(t, e);
}

static int replay_name(Transaction *t, int64_t owner, const char *name) {
        int r;

        r = come_to_owner(t, owner);
        return r < 0 ? r : write_name(t, owner, name);
}

static int replay_owner(Transaction *t, const JournalRecord *record) {
        _cleanup_(binder_done) Binder b = {0};
        int r;

        r = come_to_owner(t, record->owner);
        if (r == 0 && record->name)
                r = write_name(t, record->owner, record->name);
        if (r == 0)
                r = binder_begin(t->c, STATEMENT_SET_OWNER, record->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) record->id);
        bind_int(&b, (int64_t) record->last_history);
        if (record->id > t->at.last_id)
                t->at.last_id = record->id;
        return binder_run(&b);
}

static int replay_history(Transaction *t, const JournalRecord *record) {
        _cleanup_(binder_done) Binder b = {0};
        const HistoryEntry *h = &record->history;
        int r;

        r = come_to_owner(t, record->owner);
        if (r == 0 && h->kind == HISTORY_IMPORTED)
                r = write_imported(t, record->owner, record->change_number);
        if (r == 0)
                r = binder_begin(t->c, STATEMENT_ADD_HISTORY, record->owner, &b);
        if (r < 0)
                return r;
        bind_int(&b, (int64_t) h->number);
        bind_int(&b, (int64_t) record->change_number);
        bind_int(&b, h->time);
        bind_int(&b, h->kind == HISTORY_IMPORTED ? HISTORY_ALLOWED : h->kind);
        bind_int(&b, (int64_t) h->id);
        bind_int(&b, h->by);
        bind_text(&b, h->host);
        bind_int(&b, h->port);
        bind_blob(&b, h->sha256, SHA256_SIZE);
        return binder_run(&b);
}

static int dispatch(Transaction *t, const JournalRecord *record) {
        switch (record->kind) {
        case JOURNAL_CHANGE:
                return replay_change(t, record);
        case JOURNAL_NAME:
                return replay_name(t, record->owner, record->name);
        case JOURNAL_CERTIFICATE:
                return replay_certificate(t, record->certificate,
                                          (Blob){record->der, record->der_size});
        case JOURNAL_DROP:
                return write_drop(t, record->owner, record->id);
        case JOURNAL_OWNER:
                return replay_owner(t, record);
        case JOURNAL_DECISION:
                return insert(t, &record->decision);
        case JOURNAL_HISTORY:
                return replay_history(t, record);
        case JOURNAL_TRUST:
        case JOURNAL_ENTRY:
                return replay_entry(t, &record->entry);
        case _JOURNAL_KIND_MAX:
                break;
        }
        return -EUCLEAN;
}

static int64_t time_of(const JournalRecord *record) {
        return record->kind == JOURNAL_DECISION ? record->decision.changed : record->time;
}

int replay_record(Transaction *t, const JournalRecord *record) {
        int64_t time = time_of(record);
        int r;

        r = dispatch(t, record);
        if (r < 0)
                return r;
        t->mark.number = record->number;
        if (time > t->mark.last_write)
                t->mark.last_write = time;
        return 0;
}

static int replay_all(Transaction *t, const ReplaySource *source) {
        int r;

        for (;;) {
                _cleanup_(journal_record_done) JournalRecord record = {0};

                r = source->next(source->userdata, &record);
                if (r <= 0)
                        return r;
                r = replay_record(t, &record);
                if (r < 0)
                        return r;
                if (source->progress)
                        source->progress(source->userdata);
        }
}

/* -- a database that is behind ------------------------------------------------------------ */

static int next_line(void *userdata, JournalRecord *ret) {
        return journal_reader_next(userdata, ret);
}

/* What the set of refusals comes to must be what the journal says. */
static int follow(Store *store, Transaction *t, JournalReader *reader) {
        ReplaySource source = {.next = next_line, .userdata = reader};
        JournalSlot slot;
        int r;

        r = row_get_mark(t->c, &t->mark);
        if (r < 0)
                return r;
        if (!journal_reader_slot(reader, false, &slot))
                return -EBADMSG;
        journal_reader_seek(reader, &t->mark.place);
        r = replay_all(t, &source);
        if (r < 0)
                return r;
        journal_reader_place(reader, &t->mark.place);
        t->mark.number = t->mark.place.number;
        if (!refusals_same(&t->mark.refusals, &slot.refusals))
                atomic_store(&store->disagrees, true);
        return write_mark(t);
}

int store_follow(Store *store) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        Transaction t = {.store = store, .c = &store->writer};
        int r;

        r = journal_reader_new(store->directory_fd, JOURNAL_FILE, &reader);
        if (r == 0)
                r = connection_run(t.c, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;
        r = follow(store, &t, reader);
        if (r == 0)
                r = connection_run(t.c, "COMMIT");
        if (r < 0) {
                (void) connection_run(t.c, "ROLLBACK");
                return r;
        }
        store->unsynced = true;
        atomic_store(&store->behind, false);
        atomic_store(&store->generation, t.mark.number);
        atomic_store(&store->last_write, t.mark.last_write);
        return 0;
}

/* -- a new database ----------------------------------------------------------------------- */

static int fill(Connection *c, const ReplaySource *source) {
        Transaction t = {.c = c};
        int r;

        /* A crash costs nothing but the new file, and its pages are wanted again and again. */
        r = connection_run(c, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
                              "PRAGMA cache_size = -32768; BEGIN");
        if (r == 0)
                r = store_schema(c, 0);
        if (r == 0)
                r = replay_all(&t, source);
        if (r == 0 && source->finish)
                r = source->finish(source->userdata, &t);
        if (r < 0)
                return r;
        if (source->head) {
                t.mark.journaled = true;
                memcpy(t.mark.journal_id, source->head->id, JOURNAL_ID_SIZE);
                t.mark.place = *source->end;
                t.mark.number = source->end->number;
        }
        r = write_mark(&t);
        return r < 0 ? r : connection_run(c, "COMMIT");
}

static int make_file(const char *path, const ReplaySource *source) {
        Connection c = {0};
        int r;

        r = connection_open(&c, path);
        if (r == 0)
                r = fill(&c, source);
        connection_close(&c);
        return r;
}

static int sync_file(int directory_fd, const char *name) {
        _cleanup_fd_ int fd = openat(directory_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -EIO : 0;
}

/* The old log must be gone before the new database has its name: it would be taken for its own. */
static int take_place(int directory_fd) {
        if (unlinkat(directory_fd, STORE_LOG_FILE, 0) == 0) {
                if (fsync(directory_fd) < 0)
                        return -EIO;
        } else if (errno != ENOENT)
                return -errno;
        return renameat(directory_fd, STORE_NEW_FILE, directory_fd, STORE_FILE) < 0 ? -errno : 0;
}

int store_replay(int directory_fd, const char *directory, const ReplaySource *source) {
        _cleanup_free_ char *real = NULL, *path = NULL;
        _cleanup_fd_ int fd = -1;
        int r;

        real = realpath(directory, NULL);
        if (!real)
                return -errno;
        if (asprintf(&path, "%s/" STORE_NEW_FILE, real) < 0)
                return -ENOMEM;
        (void) unlinkat(directory_fd, STORE_NEW_FILE, 0);
        fd = openat(directory_fd, STORE_NEW_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        r = make_file(path, source);
        if (r == 0)
                r = sync_file(directory_fd, STORE_NEW_FILE);
        if (r == 0)
                r = take_place(directory_fd);
        if (r < 0) {
                (void) unlinkat(directory_fd, STORE_NEW_FILE, 0);
                return r;
        }
        return fsync(directory_fd) < 0 ? -EIO : 0;
}

static int nothing(void *userdata, JournalRecord *ret) {
        return 0;
}

/* All of a journal that ends where the store did. */
static int fill_by_journal(int directory_fd, Connection *c) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        JournalHead head;
        JournalSlot slot;
        int r;

        r = store_journal_is_complete(directory_fd);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        r = journal_reader_new(directory_fd, JOURNAL_FILE, &reader);
        if (r < 0)
                return r;
        if (!journal_reader_head(reader, &head) || !journal_reader_slot(reader, false, &slot))
                return -EBADMSG;
        return fill(c, &(ReplaySource){
                                .next = next_line, .userdata = reader, .head = &head, .end = &slot.end});
}

int store_restore_in_memory(int directory_fd, Connection *ret) {
        bool journal, database;
        struct stat st;
        int r;

        journal = fstatat(directory_fd, JOURNAL_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
        database = fstatat(directory_fd, STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
                   fstatat(directory_fd, STORE_LOG_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
                   fstatat(directory_fd, STORE_LOG_ORPHAN, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (!journal && database)
                return -ENOENT;
        r = connection_open(ret, ":memory:");
        if (r < 0)
                return r;
        return journal ? fill_by_journal(directory_fd, ret)
                       : fill(ret, &(ReplaySource){.next = nothing});
}

int store_restore(int directory_fd, const char *directory, uint64_t *ret_number) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        JournalHead head;
        JournalSlot slot;
        int r;

        r = journal_reader_new(directory_fd, JOURNAL_FILE, &reader);
        if (r < 0)
                return r;
        if (!journal_reader_head(reader, &head) || !journal_reader_slot(reader, false, &slot))
                return -EBADMSG;
        *ret_number = slot.end.number;
        r = witness_bears_out(directory_fd, reader);
        if (r <= 0)
                return r < 0 ? r : -ESTALE;
        return store_replay(
                directory_fd, directory,
                &(ReplaySource){
                        .next = next_line, .userdata = reader, .head = &head, .end = &slot.end});
}
