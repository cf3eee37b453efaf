/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing the journal: a batch in memory, then one write, one slot and one sync for all of it. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "daemon/journal-private.h"
#include "daemon/limits.h"

/* What is written at once while a new journal is made. */
#define CREATE_BYTES (256U * 1024U)

struct Journal {
        int directory_fd; /* borrowed */
        int fd;
        const char *name;
        dev_t device;
        ino_t inode;
        JournalHead head;
        JournalSlot slot; /* the last that was synced */
        JournalPlace end; /* behind the batch */
        Text batch;
        int closed_by; /* the error after which nothing more is taken */
        bool publishing;
};

Journal *journal_free(Journal *j) {
        if (!j)
                return NULL;
        if (j->publishing)
                (void) unlinkat(j->directory_fd, j->name, 0);
        j->fd = close_fd(j->fd);
        text_done(&j->batch);
        free(j);
        return NULL;
}

const JournalHead *journal_head(const Journal *j) {
        return &j->head;
}

int journal_closed(const Journal *j) {
        return j->closed_by;
}

JournalPlace journal_end(const Journal *j) {
        return j->end;
}

int journal_check(const Journal *j) {
        struct stat st;

        if (fstatat(j->directory_fd, j->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            st.st_dev != j->device || st.st_ino != j->inode)
                return -ESTALE;
        /* Cut by another, even to nothing: the name alone proves no content. */
        return (uint64_t) st.st_size >= j->slot.end.offset ? 0 : -ESTALE;
}

static int note_file(Journal *j) {
        struct stat st;

        if (fstat(j->fd, &st) < 0)
                return -errno;
        j->device = st.st_dev;
        j->inode = st.st_ino;
        return 0;
}

static int write_all(int fd, const void *data, size_t size, uint64_t at) {
        for (size_t n = 0; n < size;) {
                ssize_t k = pwrite(fd, (const char *) data + n, size - n, (off_t) (at + n));

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : -EIO;
                n += (size_t) k;
        }
        return 0;
}

int journal_open(int directory_fd, const JournalHead *head, const JournalSlot *slot,
                 Journal **ret) {
        _cleanup_(journal_freep) Journal *j = NULL;
        int r;

        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        j->directory_fd = directory_fd;
        j->name = JOURNAL_FILE;
        j->head = *head;
        j->slot = *slot;
        j->end = slot->end;
        j->fd = openat(directory_fd, j->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (j->fd < 0)
                return -errno;
        r = note_file(j);
        if (r < 0)
                return r;
        if (fchmod(j->fd, 0600) < 0 || ftruncate(j->fd, (off_t) slot->end.offset) < 0)
                return -errno;
        *ret = TAKE_PTR(j);
        return 0;
}

/* -- the batch ---------------------------------------------------------------------------- */

static int flush(Journal *j) {
        uint64_t at = j->end.offset - j->batch.size;
        int r;

        r = write_all(j->fd, j->batch.data, j->batch.size, at);
        j->batch.size = 0;
        return r;
}

void journal_rewind(Journal *j, const JournalPlace *end) {
        assert(end->offset <= j->end.offset && end->offset >= j->slot.end.offset);
        j->batch.size -= (size_t) (j->end.offset - end->offset);
        j->end = *end;
}

/* Adds the checks behind what was written of the line that begins at @from. */
static int add_checks(Journal *j, size_t from) {
        uint8_t own[SHA256_SIZE], chain[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        int r;

        r = journal_hash(j->head.id, JOURNAL_ID_SIZE, j->batch.data + from, j->batch.size - from,
                         own);
        if (r < 0)
                return r;
        hex_encode(own, JOURNAL_OWN_SIZE, hex);
        text_add(&j->batch, hex, 2 * (size_t) JOURNAL_OWN_SIZE);
        text_add(&j->batch, "\t", 1);
        if (j->batch.error < 0)
                return j->batch.error;

        r = journal_hash(j->end.digest, SHA256_SIZE, j->batch.data + from, j->batch.size - from,
                         chain);
        if (r < 0)
                return r;
        hex_encode(chain, SHA256_SIZE, hex);
        text_add(&j->batch, hex, 2 * (size_t) SHA256_SIZE);
        text_add(&j->batch, "\n", 1);
        if (j->batch.error == 0)
                memcpy(j->end.digest, chain, SHA256_SIZE);
        return j->batch.error;
}

int journal_append(Journal *j, JournalRecord *record) {
        size_t from = j->batch.size;
        int r;

        record->number = j->end.number + journal_kind_is_change(record->kind);
        journal_line_write(&j->batch, record);
        r = j->batch.error;
        if (r == 0 && j->batch.size - from + JOURNAL_CHECK_SIZE > JOURNAL_LINE_BYTES_MAX)
                r = -E2BIG;
        if (r == 0)
                r = add_checks(j, from);
        if (r < 0) {
                j->batch.size = from;
                j->batch.error = 0;
                return r;
        }
        j->end.number = record->number;
        j->end.offset += j->batch.size - from;
        return j->publishing && j->batch.size >= CREATE_BYTES ? flush(j) : 0;
}

/* -- committing --------------------------------------------------------------------------- */

static int write_slot(const Journal *j, const JournalSlot *slot) {
        char sector[JOURNAL_SECTOR];
        int r;

        r = journal_slot_write(&j->head, slot, sector);
        return r < 0 ? r
                     : write_all(j->fd, sector, sizeof(sector), JOURNAL_SLOT_AT(slot->sequence));
}

static int blank_sector(const Journal *j, uint64_t at) {
        char sector[JOURNAL_SECTOR];

        memset(sector, ' ', sizeof(sector) - 1);
        sector[sizeof(sector) - 1] = '\n';
        return write_all(j->fd, sector, sizeof(sector), at);
}

/* What was refused must not be found when the journal is opened anew. */
static int take_back(Journal *j, const JournalSlot *refused, bool slotted, int error) {
        bool blank = !slotted || blank_sector(j, JOURNAL_SLOT_AT(refused->sequence)) == 0;

        /* Each of the two alone makes the next opening cut off what follows. */
        if (ftruncate(j->fd, (off_t) j->slot.end.offset) < 0 || !blank)
                j->closed_by = error;
        j->batch.size = 0;
        j->end = j->slot.end;
        return error;
}

int journal_undo(Journal *j) {
        int r;

        r = blank_sector(j, JOURNAL_SLOT_AT(j->slot.sequence + 1));
        if (r == 0 && ftruncate(j->fd, (off_t) j->slot.end.offset) < 0)
                r = -errno;
        if (r == 0 && fdatasync(j->fd) < 0)
                r = -EIO;
        return r;
}

int journal_commit(Journal *j, const RefusalSet *refusals) {
        JournalSlot slot = {j->slot.sequence + 1, j->end, *refusals};
        uint64_t at = j->slot.end.offset;
        int r;

        if (j->closed_by < 0)
                return j->closed_by;
        r = write_all(j->fd, j->batch.data, j->batch.size, at);
        if (r < 0)
                return take_back(j, &slot, false, r);
        r = write_slot(j, &slot);
        if (r < 0)
                return take_back(j, &slot, true, r);
        if (fdatasync(j->fd) < 0) {
                j->closed_by = -EIO;
                return take_back(j, &slot, true, -EIO);
        }
        r = journal_check(j);
        if (r < 0) {
                j->closed_by = r;
                return take_back(j, &slot, true, r);
        }
        j->slot = slot;
        j->batch.size = 0;
        return 0;
}

/* -- a new one ---------------------------------------------------------------------------- */

static int begin_file(Journal *j) {
        char block[JOURNAL_HEAD_BYTES];

        if (unlinkat(j->directory_fd, j->name, 0) < 0 && errno != ENOENT)
                return -errno;
        j->fd = openat(j->directory_fd, j->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       0600);
        if (j->fd < 0)
                return -errno;
        j->publishing = true;
        memset(block, ' ', sizeof(block));
        for (size_t at = JOURNAL_SECTOR; at <= sizeof(block); at += JOURNAL_SECTOR)
                block[at - 1] = '\n';
        return write_all(j->fd, block, sizeof(block), 0);
}

int journal_create(int directory_fd, uint64_t base, const JournalHead *follows,
                   const uint8_t *follows_digest, Journal **ret) {
        _cleanup_(journal_freep) Journal *j = NULL;
        int r;

        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        j->fd = -1;
        j->directory_fd = directory_fd;
        j->name = JOURNAL_NEW_FILE;
        j->head.base = base;
        if (follows) {
                memcpy(j->head.follows_id, follows->id, JOURNAL_ID_SIZE);
                memcpy(j->head.follows_digest, follows_digest, SHA256_SIZE);
        }
        if (getrandom(j->head.id, JOURNAL_ID_SIZE, 0) != (ssize_t) JOURNAL_ID_SIZE)
                return -EIO;
        r = journal_origin(&j->head, &j->end);
        if (r == 0)
                r = begin_file(j);
        if (r == 0)
                r = note_file(j);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* All that makes the new file whole, before it has its name. */
static int finish_file(Journal *j, const JournalSlot *slot) {
        char sector[JOURNAL_SECTOR];
        int r;

        r = flush(j);
        j->head.base_length = j->end.offset;
        if (r == 0)
                r = journal_head_write(&j->head, sector);
        if (r == 0)
                r = write_all(j->fd, sector, sizeof(sector), 0);
        if (r == 0)
                r = write_slot(j, slot);
        if (r == 0 && fsync(j->fd) < 0)
                r = -EIO;
        return r;
}

int journal_publish(Journal *j, const RefusalSet *refusals) {
        JournalSlot slot = {0, j->end, *refusals};
        int r;

        r = finish_file(j, &slot);
        if (r < 0)
                return r;
        if (renameat(j->directory_fd, j->name, j->directory_fd, JOURNAL_FILE) < 0)
                return -errno;
        j->publishing = false;
        j->name = JOURNAL_FILE;
        j->slot = slot;
        return fsync(j->directory_fd) < 0 ? -EIO : 0;
}
