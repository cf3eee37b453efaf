/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a journal from its head to its end, believing nothing; and past damage, if asked to. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/journal-private.h"
#include "daemon/limits.h"

/* Read at once; lines longer than this make the buffer grow. */
#define CHUNK_BYTES (64U * 1024U)

struct JournalReader {
        int fd;
        JournalHead head;
        JournalSlot slots[2]; /* the newest first */
        unsigned n_slots;
        bool head_whole;
        bool certain;   /* no slot is damaged */
        uint64_t limit; /* where lines end */
        JournalPlace place;
        bool adopting; /* the next line is believed by its own check: it follows damage */
        bool end_told;
        JournalReport report;
        char *buffer; /* of the file from @buffer_at */
        size_t buffered;
        size_t allocated;
        uint64_t buffer_at;
};

/* Reads exactly @size bytes: 1, 0 if there are not so many, -errno. */
static int read_all(int fd, void *data, size_t size, uint64_t at) {
        for (size_t n = 0; n < size;) {
                ssize_t k = pread(fd, (char *) data + n, size - n, (off_t) (at + n));

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        return 0;
                n += (size_t) k;
        }
        return 1;
}

/* What a slot says of the head counts only where the head itself does not. */
static int read_slots(JournalReader *r, const char *block) {
        JournalHead heads[2] = {0};
        JournalSlot slots[2] = {0};
        bool good[2];

        r->certain = true;
        for (unsigned i = 0; i < 2; i++) {
                const char *sector = block + (size_t) JOURNAL_SECTOR * (1 + i);
                int k = journal_slot_read(sector, heads + i, slots + i);

                if (k < 0)
                        return k;
                good[i] =
                        k > 0 && slots[i].sequence % 2 == i &&
                        slots[i].end.offset >= JOURNAL_HEAD_BYTES &&
                        (!r->head_whole || (heads[i].base == r->head.base &&
                                            memcmp(heads[i].id, r->head.id, JOURNAL_ID_SIZE) == 0));
                r->certain = r->certain && (good[i] || sector_is_blank(sector));
        }
        if (good[0] && good[1] && slots[1].sequence > slots[0].sequence) {
                r->slots[r->n_slots++] = slots[1];
                r->slots[r->n_slots++] = slots[0];
        } else
                for (unsigned i = 0; i < 2; i++)
                        if (good[i])
                                r->slots[r->n_slots++] = slots[i];
        if (!r->head_whole && r->n_slots > 0)
                r->head = heads[r->slots[0].sequence % 2];
        return 0;
}

static int read_head(JournalReader *r) {
        char block[JOURNAL_HEAD_BYTES];
        int k;

        k = read_all(r->fd, block, sizeof(block), 0);
        if (k <= 0)
                return k < 0 ? k : -EBADMSG;
        k = journal_head_read(block, &r->head);
        if (k < 0)
                return k;
        r->head_whole = k > 0;
        k = read_slots(r, block);
        if (k < 0)
                return k;
        return r->head_whole || r->n_slots > 0 ? 0 : -EBADMSG;
}

int journal_reader_new(int directory_fd, const char *name, JournalReader **ret) {
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;
        struct stat st;
        int k;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (r->fd < 0)
                return errno == ELOOP ? -EBADMSG : -errno;
        if (fstat(r->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        k = read_head(r);
        if (k < 0)
                return k;
        k = journal_origin(&r->head, &r->place);
        if (k < 0)
                return k;
        r->limit = r->n_slots > 0 ? r->slots[0].end.offset : (uint64_t) st.st_size;
        *ret = TAKE_PTR(r);
        return 0;
}

JournalReader *journal_reader_free(JournalReader *r) {
        if (!r)
                return NULL;
        r->fd = close_fd(r->fd);
        free(r->buffer);
        free(r);
        return NULL;
}

bool journal_reader_head(const JournalReader *r, JournalHead *ret) {
        *ret = r->head;
        return r->head_whole;
}

bool journal_reader_slot(const JournalReader *r, bool older, JournalSlot *ret) {
        if (r->n_slots <= (unsigned) older)
                return false;
        *ret = r->slots[older];
        return true;
}

bool journal_reader_is_certain(const JournalReader *r) {
        return r->certain;
}

void journal_reader_place(const JournalReader *r, JournalPlace *ret) {
        *ret = r->place;
}

void journal_reader_seek(JournalReader *r, const JournalPlace *place) {
        r->place = *place;
        r->adopting = false;
        r->end_told = false;
}

int journal_reader_rewind(JournalReader *r, JournalPlace *ret) {
        JournalPlace origin;
        int k;

        k = journal_origin(&r->head, &origin);
        if (k < 0)
                return k;
        journal_reader_seek(r, &origin);
        *ret = origin;
        return 0;
}

void journal_reader_report(const JournalReader *r, JournalReport *ret) {
        *ret = r->report;
}

static int grow(JournalReader *r) {
        size_t n = r->allocated ? 2 * r->allocated : CHUNK_BYTES;
        char *grown = realloc(r->buffer, n);

        if (!grown)
                return -ENOMEM;
        r->buffer = grown;
        r->allocated = n;
        return 0;
}

/* Reads on behind what is buffered: 1, 0 if there is no more, -errno. */
static int read_on(JournalReader *r) {
        uint64_t at = r->buffer_at + r->buffered;
        size_t wanted;
        ssize_t n;
        int k;

        if (r->buffered == r->allocated) {
                k = grow(r);
                if (k < 0)
                        return k;
        }
        wanted = r->allocated - r->buffered;
        if (at >= r->limit)
                return 0;
        if (wanted > r->limit - at)
                wanted = (size_t) (r->limit - at);
        do
                n = pread(r->fd, r->buffer + r->buffered, wanted, (off_t) at);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        r->buffered += (size_t) n;
        return n > 0;
}

/* Makes the buffer begin at the place, keeping what it has of there. */
static void turn_to_place(JournalReader *r) {
        uint64_t skip = r->place.offset - r->buffer_at;

        if (r->place.offset >= r->buffer_at && skip <= r->buffered) {
                memmove(r->buffer, r->buffer + skip, r->buffered - (size_t) skip);
                r->buffered -= (size_t) skip;
        } else
                r->buffered = 0;
        r->buffer_at = r->place.offset;
}

/*
 * The line at the place, its newline included: 1 and its size, -EBADMSG if it has no end within
 * JOURNAL_LINE_BYTES_MAX (its size then is what may be skipped), -errno.
 */
static int find_line(JournalReader *r, const char **ret, size_t *ret_size) {
        uint64_t skip = r->place.offset - r->buffer_at;
        size_t seen = 0;

        if (!r->buffer || r->place.offset < r->buffer_at || skip > r->buffered) {
                turn_to_place(r);
                skip = 0;
        }
        for (;;) {
                const char *line = r->buffer ? r->buffer + skip : NULL;
                size_t there = r->buffered - (size_t) skip;
                const char *end = there > seen ? memchr(line + seen, '\n', there - seen) : NULL;
                int k;

                *ret = line;
                *ret_size = end ? (size_t) (end - line) + 1 : there;
                if (end)
                        return *ret_size <= JOURNAL_LINE_BYTES_MAX ? 1 : -EBADMSG;
                if (there > JOURNAL_LINE_BYTES_MAX)
                        return -EBADMSG;
                seen = there;
                if (skip > 0)
                        turn_to_place(r);
                skip = 0;
                k = read_on(r);
                if (k <= 0)
                        return k < 0 ? k : -EBADMSG;
        }
}

/* The checks of a line as they are written against what they must be. */
typedef struct LineChecks {
        bool own_holds;
        bool chain_holds;
        uint8_t chain[SHA256_SIZE]; /* as written */
} LineChecks;

static int check_line(const JournalReader *r, const char *line, size_t size, LineChecks *ret) {
        size_t body = size - JOURNAL_CHECK_SIZE;
        size_t own_size = 2 * (size_t) JOURNAL_OWN_SIZE;
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        int k;

        *ret = (LineChecks){0};
        if (size < JOURNAL_CHECK_SIZE + 2 || line[body - 1] != '\t' ||
            line[body + own_size] != '\t')
                return 0;
        k = journal_hash(r->head.id, JOURNAL_ID_SIZE, line, body, digest);
        if (k < 0)
                return k;
        hex_encode(digest, JOURNAL_OWN_SIZE, hex);
        ret->own_holds = memcmp(hex, line + body, own_size) == 0;

        k = journal_hash(r->place.digest, SHA256_SIZE, line, body + own_size + 1, digest);
        if (k < 0)
                return k;
        hex_encode(digest, SHA256_SIZE, hex);
        ret->chain_holds = memcmp(hex, line + body + own_size + 1, 2 * (size_t) SHA256_SIZE) == 0;

        memcpy(hex, line + body + own_size + 1, 2 * (size_t) SHA256_SIZE);
        hex[2 * SHA256_SIZE] = '\0';
        if (sha256_decode(hex, ret->chain) < 0)
                ret->own_holds = false;
        return 0;
}

static bool number_fits(const JournalReader *r, const JournalRecord *record) {
        bool change = journal_kind_is_change(record->kind);

        if (r->adopting)
                return record->number >= r->place.number + change;
        return record->number == r->place.number + change;
}

/* 1 and the record, -EBADMSG if the line says anything else than it must, -errno. */
static int read_line(JournalReader *r, const char *line, size_t size, LineChecks *checks,
                     JournalRecord *ret) {
        _cleanup_(journal_record_done) JournalRecord record = {0};
        _cleanup_free_ char *copy = NULL;
        size_t body;
        int k;

        k = check_line(r, line, size, checks);
        if (k < 0)
                return k;
        if (!checks->own_holds || (!r->adopting && !checks->chain_holds))
                return -EBADMSG;

        body = size - JOURNAL_CHECK_SIZE;
        copy = malloc(body + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, line, body);
        copy[body] = '\0';
        k = journal_line_read(copy, body, &record);
        if (k < 0)
                return k;
        if (!number_fits(r, &record))
                return -EBADMSG;
        *ret = record;
        record = (JournalRecord){0};
        return 1;
}

static void miss(JournalReader *r, uint64_t from, uint64_t to) {
        if (from > to)
                return;
        r->report.n_missing += to - from + 1;
        r->report.last_missing = to;
        if (r->report.first_missing == 0)
                r->report.first_missing = from;
}

static void note_damage(JournalReader *r) {
        r->report.n_damages++;
        if (r->place.number == r->head.base &&
            (r->head.base_length == 0 || r->place.offset < r->head.base_length))
                r->report.base_damaged = true;
}

static int at_end(JournalReader *r) {
        const JournalPlace *end = r->n_slots > 0 ? &r->slots[0].end : NULL;

        if (r->end_told)
                return 0;
        r->end_told = true;
        if (end && r->place.offset == end->offset && r->place.number == end->number &&
            memcmp(r->place.digest, end->digest, SHA256_SIZE) == 0 && r->head_whole)
                return 0;
        note_damage(r);
        if (end)
                miss(r, r->place.number + 1, end->number);
        return -EBADMSG;
}

int journal_reader_next(JournalReader *r, JournalRecord *ret) {
        LineChecks checks;
        const char *line;
        size_t size;
        int k;

        if (r->end_told || r->place.offset >= r->limit)
                return at_end(r);
        k = find_line(r, &line, &size);
        if (k > 0)
                k = read_line(r, line, size, &checks, ret);
        if (k == -EBADMSG)
                note_damage(r);
        if (k < 0)
                return k;

        miss(r, r->place.number + 1, ret->number - journal_kind_is_change(ret->kind));
        r->adopting = false;
        r->place.number = ret->number;
        r->place.offset += size;
        memcpy(r->place.digest, checks.chain, SHA256_SIZE);
        r->report.n_lines++;
        return 1;
}

/* Past the line at the place, however long it is: 1, 0 if nothing is behind it, -errno. */
static int skip_line(JournalReader *r) {
        const char *line;
        size_t size;
        int k;

        do {
                k = find_line(r, &line, &size);
                if (k < 0 && k != -EBADMSG)
                        return k;
                r->place.offset += size;
        } while (k < 0 && size > 0 && r->place.offset < r->limit);
        return size > 0 && r->place.offset < r->limit;
}

int journal_reader_resync(JournalReader *r) {
        int k = 1;

        if (r->end_told)
                return 0;
        r->adopting = true;
        for (; k > 0 && r->place.offset < r->limit; k = skip_line(r)) {
                _cleanup_(journal_record_done) JournalRecord record = {0};
                LineChecks checks;
                const char *line;
                size_t size;
                int found;

                found = find_line(r, &line, &size);
                if (found > 0)
                        found = read_line(r, line, size, &checks, &record);
                if (found != -EBADMSG)
                        return found;
        }
        if (k < 0)
                return k;
        r->place.offset = r->limit;
        (void) at_end(r);
        return 0;
}

int journal_reader_check_end(JournalReader *r) {
        const JournalPlace *end = &r->slots[0].end;
        size_t own_size = 2 * (size_t) JOURNAL_OWN_SIZE;
        char tail[JOURNAL_CHECK_SIZE + 1];
        char hex[SHA256_HEX_SIZE];
        int k;

        if (r->n_slots == 0)
                return -EBADMSG;
        if (end->offset < JOURNAL_HEAD_BYTES + sizeof(tail))
                return end->offset == JOURNAL_HEAD_BYTES ? 0 : -EBADMSG;
        k = read_all(r->fd, tail, sizeof(tail), end->offset - sizeof(tail));
        if (k <= 0)
                return k < 0 ? k : -EBADMSG;
        hex_encode(end->digest, SHA256_SIZE, hex);
        return tail[0] == '\t' && tail[sizeof(tail) - 1] == '\n' &&
                               memcmp(tail + 1 + own_size + 1, hex, 2 * (size_t) SHA256_SIZE) == 0
                       ? 0
                       : -EBADMSG;
}

int journal_verify(int directory_fd, const char *name, JournalReport *ret_report) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        int damage = 0;
        int r;

        r = journal_reader_new(directory_fd, name, &reader);
        if (r < 0)
                return r;
        do {
                _cleanup_(journal_record_done) JournalRecord record = {0};

                r = journal_reader_next(reader, &record);
                if (r == -EBADMSG) {
                        damage = r;
                        r = journal_reader_resync(reader);
                }
        } while (r > 0);
        journal_reader_report(reader, ret_report);
        return r < 0 ? r : damage;
}
