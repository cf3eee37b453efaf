/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bringing the two copies together when the store is opened: the table "Opening" of
 * schema/journal.md. It costs no scan where both end at the same place and the store is not small.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/store-log.h"
#include "daemon/store-write.h"

/* What is known of both. */
typedef struct Copies {
        Store *store;
        StoreDamage *damage;
        StoreMark mark;
        bool agrees;  /* the database with itself, in what refuses */
        bool gaps;    /* in what stands */
        JournalReader *reader;
        JournalHead head;
        bool head_whole;
        JournalSlot newest;
        bool slotted;
        Witness witness;
        bool witnessed;
} Copies;

static void copies_done(Copies *c) {
        c->reader = journal_reader_free(c->reader);
}

static int refuse(const Copies *c, CopyState database, CopyState journal, const char *reason) {
        c->damage->database = database;
        c->damage->journal = journal;
        c->damage->reason = reason;
        return -EUCLEAN;
}

/* What would have to be written cannot be. */
static int leave(const Copies *c) {
        return c->store->read_only;
}

static int look_at_database(Copies *c) {
        RefusalSet actual;
        int r;

        r = row_get_mark(&c->store->writer, &c->mark);
        if (r == 0)
                r = refusals_compute(&c->store->writer, &actual);
        if (r < 0)
                return r == -EUCLEAN ? refuse(c, COPY_DAMAGED, c->damage->journal,
                                              "certexc.db is damaged")
                                     : r;
        c->agrees = r > 0 && (!c->mark.counted || refusals_same(&actual, &c->mark.refusals));
        c->damage->database_number = c->mark.number;
        if (c->mark.standing.n > STANDING_AT_OPEN_MAX)
                return 0;
        r = store_prove_standing(c->store, STANDING_AT_OPEN_MAX);
        c->gaps = r == -EUCLEAN;
        return r < 0 && r != -EUCLEAN ? r : 0;
}

static int look_at_journal(Copies *c) {
        int r;

        r = journal_reader_new(c->store->directory_fd, JOURNAL_FILE, &c->reader);
        if (r == -ENOENT)
                c->damage->journal = COPY_MISSING;
        else if (r == -EBADMSG)
                c->damage->journal = COPY_DAMAGED;
        else if (r < 0) {
                c->damage->reason = store_error_reason(r);
                return r;
        }
        if (r < 0)
                return 0;
        c->head_whole = journal_reader_head(c->reader, &c->head);
        c->slotted = journal_reader_slot(c->reader, false, &c->newest);
        if (c->slotted)
                c->damage->journal_number = c->newest.end.number;
        if (!c->head_whole || !c->slotted)
                c->damage->journal = COPY_DAMAGED;
        return 0;
}

static int look_at_witness(Copies *c) {
        int r;

        r = witness_read(c->store->directory_fd, &c->witness);
        if (r < 0)
                c->damage->reason = store_error_reason(r);
        c->witnessed = r > 0;
        return r < 0 ? r : 0;
}

/* Where the journal cannot tell: is the database all that there was? Its log may have lost an end
 * that nothing in it speaks of. */
static bool database_is_last(const Copies *c) {
        LogState log;

        if (c->witnessed && c->mark.number < c->witness.number)
                return false;
        /* One that looks new beside a journal has lost its log, or is another. */
        if (!c->mark.journaled)
                return c->damage->journal != COPY_DAMAGED;
        if (!c->witnessed)
                return false;
        return witness_knows_end(&c->witness) ||
               (store_log_look(c->store->directory_fd, STORE_LOG_FILE, &log) == 0 &&
                log == LOG_WHOLE);
}

/* The journal is of no use, or of less than the database, which must be whole to replace it. */
static int rewrite(Copies *c, CopyState journal) {
        int r;

        c->damage->journal = journal;
        if (!c->agrees || c->gaps)
                return refuse(c, COPY_DAMAGED, journal,
                              "certexc.db is damaged, and the journal cannot help");
        if (c->slotted && c->newest.end.number > c->mark.number)
                return refuse(c, COPY_BEHIND, journal,
                              "the journal is damaged, and knows of more than certexc.db");
        if (!database_is_last(c))
                return refuse(c, COPY_BEHIND, journal,
                              c->mark.number == 0 ? "the journal is lost, and certexc.db is a new and empty one"
                                                  : "the journal is lost, and certexc.db may be older than it was");
        if (leave(c) < 0)
                return 0;
        r = store_snapshot(c->store);
        if (r == -EUCLEAN)
                return refuse(c, COPY_DAMAGED, journal,
                              "certexc.db is damaged, and the journal cannot help");
        if (r < 0)
                c->damage->reason = store_error_reason(r);
        return r;
}

/* Reads on from @place to the end: 0, -EBADMSG, -errno. */
static int read_to_end(JournalReader *reader, const JournalPlace *place) {
        int r;

        journal_reader_seek(reader, place);
        do {
                _cleanup_(journal_record_done) JournalRecord record = {0};

                r = journal_reader_next(reader, &record);
        } while (r > 0);
        return r;
}

/* The journal was made in place of the one that the database names: where the compacted form ends
 * the two are at the same place. */
static int find_base(Copies *c, JournalPlace *ret) {
        int r;

        r = journal_reader_rewind(c->reader, ret);
        while (r == 0 && ret->offset < c->head.base_length) {
                _cleanup_(journal_record_done) JournalRecord record = {0};

                r = journal_reader_next(c->reader, &record);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
                r = 0;
                journal_reader_place(c->reader, ret);
        }
        return r < 0 ? r : ret->offset == c->head.base_length ? 0 : -EBADMSG;
}

static bool follows_database(const Copies *c) {
        return c->head.base == c->mark.number &&
               memcmp(c->head.follows_id, c->mark.journal_id, JOURNAL_ID_SIZE) == 0 &&
               memcmp(c->head.follows_digest, c->mark.place.digest, SHA256_SIZE) == 0;
}

/* Another journal than the database names. */
static int adopt(Copies *c) {
        JournalPlace base;
        int r;

        if (leave(c) < 0)
                return leave(c);
        r = journal_reader_rewind(c->reader, &base);
        if (r == 0)
                r = read_to_end(c->reader, &base);
        if (r == -EBADMSG)
                return rewrite(c, COPY_DAMAGED);
        if (r < 0)
                return r;
        if (!follows_database(c) && c->newest.end.number <= c->mark.number && !c->mark.journaled)
                return rewrite(c, COPY_BEHIND);
        if (!follows_database(c))
                return refuse(c, COPY_BEHIND, COPY_WHOLE,
                              "certexc.db does not go with the journal, which is complete");
        r = find_base(c, &base);
        if (r == 0)
                r = store_adopt(c->store, &c->head, &base);
        if (r == 0)
                r = row_get_mark(&c->store->writer, &c->mark);
        return r;
}

static int open_journal(Copies *c, const JournalSlot *slot) {
        int r;

        if (leave(c) < 0)
                return 0;
        r = journal_open(c->store->directory_fd, &c->head, slot, &c->store->journal);
        if (r < 0)
                c->damage->reason = store_error_reason(r);
        return r;
}

static bool is_at(const Copies *c, const JournalSlot *slot) {
        return slot->end.number == c->mark.number && slot->end.offset == c->mark.place.offset &&
               memcmp(slot->end.digest, c->mark.place.digest, SHA256_SIZE) == 0;
}

/* Both at the same place: that the last line chains to it is looked at, and the lines before are
 * left to journal_verify(). */
static int open_even(Copies *c) {
        int r;

        r = journal_reader_check_end(c->reader);
        if (r == -EBADMSG)
                return rewrite(c, COPY_DAMAGED);
        if (r < 0)
                return r;
        if (!refusals_same(&c->newest.refusals, &c->mark.refusals))
                c->agrees = false;
        return open_journal(c, &c->newest);
}

/* The journal has more, or says so. */
static int open_behind(Copies *c) {
        JournalSlot older;
        int r;

        r = read_to_end(c->reader, &c->mark.place);
        if (r == 0) {
                c->damage->database = COPY_BEHIND;
                r = leave(c) < 0 ? leave(c) : store_follow(c->store);
                return r < 0 ? r : open_journal(c, &c->newest);
        }
        if (r != -EBADMSG)
                return r;
        if (c->witnessed && journal_reader_slot(c->reader, true, &older) && is_at(c, &older))
                return open_journal(c, &older);
        return rewrite(c, COPY_DAMAGED);
}

static int bring_together(Copies *c) {
        int r;

        if (!c->reader || !c->head_whole || !c->slotted)
                return rewrite(c, c->damage->journal);
        if (!journal_reader_is_certain(c->reader) && !database_is_last(c))
                return refuse(c, COPY_BEHIND, COPY_DAMAGED,
                              "the end of the journal is damaged, and certexc.db may be older");
        if (!c->mark.journaled || memcmp(c->head.id, c->mark.journal_id, JOURNAL_ID_SIZE) != 0) {
                r = adopt(c);
                if (r < 0 || c->store->journal)
                        return r;
        }
        if (is_at(c, &c->newest))
                return open_even(c);
        return c->newest.end.number < c->mark.number ? rewrite(c, COPY_BEHIND) : open_behind(c);
}

/* 1 unless something else knows of a later change. */
static int is_last(int directory_fd, JournalReader *reader) {
        uint64_t evidence = 0;
        JournalHead head;
        JournalSlot slot;
        int r;

        if (!journal_reader_head(reader, &head) || !journal_reader_slot(reader, false, &slot))
                return 0;
        r = store_evidence(directory_fd, head.id, &evidence);
        return r < 0 ? r : evidence <= slot.end.number;
}

int store_journal_is_complete(int directory_fd) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        JournalReport report;
        int r;

        r = journal_verify(directory_fd, JOURNAL_FILE, &report);
        if (r == 0)
                r = journal_reader_new(directory_fd, JOURNAL_FILE, &reader);
        if (r == -ENOENT || r == -EBADMSG)
                return 0;
        if (r == 0)
                r = witness_bears_out(directory_fd, reader);
        return r > 0 ? is_last(directory_fd, reader) : r;
}

void store_judge_journal(int directory_fd, StoreDamage *ret_damage) {
        JournalReader *reader = NULL;
        JournalReport report;
        JournalSlot slot;
        int r;

        r = journal_verify(directory_fd, JOURNAL_FILE, &report);
        ret_damage->journal = r == 0 ? COPY_WHOLE : r == -ENOENT ? COPY_MISSING : COPY_DAMAGED;
        if (r == -ENOENT || journal_reader_new(directory_fd, JOURNAL_FILE, &reader) < 0)
                return;
        if (journal_reader_slot(reader, false, &slot))
                ret_damage->journal_number = slot.end.number;
        (void) journal_reader_free(reader);
}

int store_reconcile(Store *store, StoreDamage *ret_damage) {
        _cleanup_(copies_done) Copies c = {.store = store, .damage = ret_damage};
        int r;

        r = look_at_database(&c);
        if (r == 0)
                r = look_at_journal(&c);
        if (r == 0)
                r = look_at_witness(&c);
        if (r == 0)
                r = bring_together(&c);
        if (r == 0)
                r = row_get_mark(&store->writer, &c.mark);
        if (r == 0 && c.witnessed && c.mark.number < c.witness.number)
                r = refuse(&c, COPY_BEHIND, COPY_BEHIND, "certexc.db and the journal are older "
                                                         "than they were");
        if (r < 0) {
                if (!ret_damage->reason)
                        ret_damage->reason = store_error_reason(r);
                return r;
        }
        atomic_store(&store->generation, c.mark.number);
        atomic_store(&store->last_write, c.mark.last_write);
        if (!c.agrees && leave(&c) < 0)
                return leave(&c);
        if (leave(&c) == 0)
                store_witness_begin(store, c.witnessed ? &c.witness : NULL, c.mark.number);
        if (!c.agrees)
                atomic_store(&store->disagrees, true);
        ret_damage->disagrees = atomic_load(&store->disagrees);
        ret_damage->gaps = c.gaps;
        if (ret_damage->disagrees || c.gaps)
                (void) store_note(store, -EUCLEAN);
        return 0;
}
