/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering the lines of a damaged journal, each believed by its own check, wherever it stands. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/journal-private.h"
#include "daemon/limits.h"

/* Blocks that a disk or a file system loses or exchanges; a line may begin with one. */
#define BLOCK_BYTES 4096U

/* In place of what is not there: no sector that holds, and none that was never written. */
#define CUT_OFF 0xff

#define CHUNK_BYTES (256U * 1024U)

/* Of a line's end: its place in the chain. */
#define CHAIN_SIZE (2U * (size_t) SHA256_SIZE)

/* Damaged newlines in a row; each costs a digest over all that follows. */
#define SEAMS_MAX 16U

typedef struct Gatherer {
        int fd;
        JournalGathered *got;
        bool identified; /* @got->head.id is the journal's */
        int (*found)(JournalRecord *record, void *userdata);
        void *userdata;
        char *buffer; /* of the file from @at */
        size_t buffered;
        uint64_t at;
} Gatherer;

static void gatherer_done(Gatherer *g) {
        g->fd = close_fd(g->fd);
        free(g->buffer);
}

/* -- the head and the slots, which may stand in any block ---------------------------------- */

/* 1 and the slot of @block's sector 1 or 2, 0 if it is none of this journal's, -EIO. */
static int read_slot(const Gatherer *g, const char *block, unsigned parity, JournalHead *ret_head,
                     JournalSlot *ret) {
        int k = journal_slot_read(block + JOURNAL_SLOT_AT(parity), ret_head, ret);

        if (k <= 0)
                return k;
        return ret->sequence % 2 == parity && ret->end.offset >= JOURNAL_HEAD_BYTES &&
               (!g->identified ||
                memcmp(ret_head->id, g->got->head.id, JOURNAL_ID_SIZE) == 0);
}

/* What a slot says of the head counts only where the head itself does not. */
static void take_slot(Gatherer *g, const JournalHead *head, const JournalSlot *slot, bool certain) {
        if (g->got->have_slot && slot->sequence < g->got->slot.sequence)
                return;
        g->got->have_slot = true;
        g->got->slot = *slot;
        g->got->certain = certain;
        if (!g->got->head_whole)
                g->got->head = *head;
        g->identified = true;
}

static int look_at_block(Gatherer *g, const char *block) {
        JournalHead heads[2] = { 0 };
        JournalSlot slots[2] = { 0 };
        JournalHead head = { 0 };
        int good[2];
        int k;

        k = journal_head_read(block, &head);
        if (k > 0 && !g->got->head_whole) {
                g->got->head = head;
                g->got->head_whole = g->identified = true;
        }
        for (unsigned i = 0; k >= 0 && i < 2; i++)
                k = good[i] = read_slot(g, block, i, heads + i, slots + i);
        if (k < 0)
                return k;
        for (unsigned i = 0; i < 2; i++)
                if (good[i])
                        take_slot(g, heads + i, slots + i,
                                  good[!i] || sector_is_blank(block + JOURNAL_SLOT_AT(!i)));
        return 0;
}

/* The first block is looked at first: that is where they belong. */
static int find_slots(Gatherer *g) {
        char block[BLOCK_BYTES];
        ssize_t n;
        int r = 0;

        for (uint64_t at = 0; r == 0; at += BLOCK_BYTES) {
                memset(block, CUT_OFF, sizeof(block));
                n = pread(g->fd, block, sizeof(block), (off_t) at);
                if (n < 0)
                        return -errno;
                if (n < (ssize_t) JOURNAL_SECTOR || (at > 0 && g->got->have_slot))
                        break;
                if (memcmp(block, "certexc-journal\t", 16) == 0 ||
                    memcmp(block + JOURNAL_SECTOR, "slot\t", 5) == 0 ||
                    memcmp(block + 2 * (size_t) JOURNAL_SECTOR, "slot\t", 5) == 0)
                        r = look_at_block(g, block);
        }
        return r;
}

/* -- lines ---------------------------------------------------------------------------------- */

/* Its end may be that of the file, without a newline. */
static int read_line(const Gatherer *g, const char *line, size_t size, JournalRecord *ret) {
        size_t body, own_size = 2 * (size_t) JOURNAL_OWN_SIZE;
        _cleanup_free_ char *copy = NULL;
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        int k;

        if (size < JOURNAL_CHECK_SIZE + 2 || size > JOURNAL_LINE_BYTES_MAX)
                return -EBADMSG;
        body = size - JOURNAL_CHECK_SIZE;
        if (*line < '0' || *line > '9' || line[body - 1] != '\t' || line[body + own_size] != '\t')
                return -EBADMSG;
        k = journal_hash(g->got->head.id, JOURNAL_ID_SIZE, line, body, digest);
        if (k < 0)
                return k;
        hex_encode(digest, JOURNAL_OWN_SIZE, hex);
        if (memcmp(hex, line + body, own_size) != 0)
                return -EBADMSG;
        copy = malloc(body + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, line, body);
        copy[body] = '\0';
        return journal_line_read(copy, body, ret);
}

/* 0 if it does not hold, 1, or what the one who is told says. */
static int try_line(Gatherer *g, const char *line, size_t size) {
        _cleanup_(journal_record_done) JournalRecord record = { 0 };
        int k;

        k = read_line(g, line, size, &record);
        if (k < 0)
                return k == -EBADMSG ? 0 : k;
        g->got->n_lines++;
        k = g->found(&record, g->userdata);
        return k < 0 ? k : 1;
}

static bool is_hex(const char *text, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (!memchr("0123456789abcdef", text[i], 16))
                        return false;
        return true;
}

/* A newline that is damaged stands between the checks of a line and the number of the next one. */
static bool is_seam(const char *at) {
        const char *own = at + 1 - JOURNAL_CHECK_SIZE, *chain = at - CHAIN_SIZE;

        return own[-1] == '\t' && chain[-1] == '\t' && at[1] >= '0' && at[1] <= '9' &&
               is_hex(own, (size_t) (chain - 1 - own)) && is_hex(chain, CHAIN_SIZE);
}

/* Two lines or more that damaged newlines have made one. */
static int try_seams(Gatherer *g, const char *lines, size_t size) {
        unsigned n_seams = 0;
        size_t from = 0;
        int k = 0;

        for (size_t at = JOURNAL_CHECK_SIZE; k >= 0 && at + 1 < size && n_seams < SEAMS_MAX; at++) {
                if (!is_seam(lines + at))
                        continue;
                k = try_line(g, lines + from, at + 1 - from);
                from = at + 1;
                n_seams++;
        }
        return k >= 0 && n_seams > 0 ? try_line(g, lines + from, size - from) : k;
}

/* What stands between two newlines; a block that took the place of another may begin with a line. */
static int try_segment(Gatherer *g, size_t from, size_t size) {
        uint64_t begins = g->at + from;
        int k;

        k = try_line(g, g->buffer + from, size);
        if (k == 0)
                k = try_seams(g, g->buffer + from, size);
        for (uint64_t at = begins + BLOCK_BYTES - begins % BLOCK_BYTES;
             k == 0 && at < begins + size; at += BLOCK_BYTES)
                k = try_line(g, g->buffer + from + (at - begins), (size_t) (begins + size - at));
        return k < 0 ? k : 0;
}

/* All lines that end in the buffer. *@ret is where the one begins that does not. */
static int try_buffer(Gatherer *g, size_t *ret) {
        size_t from = 0;

        while (from < g->buffered) {
                const char *end = memchr(g->buffer + from, '\n', g->buffered - from);
                size_t size = end ? (size_t) (end - (g->buffer + from)) + 1 : 0;
                int k;

                if (!end)
                        break;
                k = try_segment(g, from, size);
                if (k < 0)
                        return k;
                from += size;
        }
        *ret = from;
        return 0;
}

/* What is longer than any line is passed over but for its end. */
static void keep_from(Gatherer *g, size_t from) {
        if (g->buffered - from > JOURNAL_LINE_BYTES_MAX)
                from = g->buffered - JOURNAL_LINE_BYTES_MAX;
        memmove(g->buffer, g->buffer + from, g->buffered - from);
        g->buffered -= from;
        g->at += from;
}

static int read_lines(Gatherer *g) {
        ssize_t n;
        int r;

        g->buffer = malloc((size_t) JOURNAL_LINE_BYTES_MAX + CHUNK_BYTES + 1);
        if (!g->buffer)
                return -ENOMEM;
        do {
                size_t from = 0;

                n = pread(g->fd, g->buffer + g->buffered, CHUNK_BYTES,
                          (off_t) (g->at + g->buffered));
                if (n < 0)
                        return -errno;
                /* A last line that lacks but its newline is whole. */
                if (n == 0 && g->buffered > 0)
                        g->buffer[g->buffered++] = '\n';
                g->buffered += (size_t) n;
                r = try_buffer(g, &from);
                keep_from(g, from);
        } while (r == 0 && n > 0);
        return r;
}

/* -- all of it ------------------------------------------------------------------------------ */

/* What the journal began with has no numbers that tell whether it is all there; its chain does. */
static bool base_is_whole(int directory_fd, const char *name, const JournalHead *head) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        JournalPlace place;
        int r;

        if (head->base == 0)
                return true;
        if (journal_reader_new(directory_fd, name, &reader) < 0 ||
            journal_reader_rewind(reader, &place) < 0 || head->base_length == 0)
                return false;
        while (place.offset < head->base_length) {
                _cleanup_(journal_record_done) JournalRecord record = { 0 };

                r = journal_reader_next(reader, &record);
                if (r <= 0)
                        return false;
                journal_reader_place(reader, &place);
        }
        return true;
}

int journal_gather(int directory_fd, const char *name, const uint8_t *id,
                   int (*found)(JournalRecord *record, void *userdata), void *userdata,
                   JournalGathered *ret) {
        _cleanup_(gatherer_done) Gatherer g = {
                .fd = -1, .got = ret, .found = found, .userdata = userdata
        };
        struct stat st;
        int r;

        *ret = (JournalGathered){ 0 };
        g.fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (g.fd < 0)
                return errno == ELOOP ? -EBADMSG : -errno;
        if (fstat(g.fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        r = find_slots(&g);
        if (r < 0)
                return r;
        if (!g.identified && id) {
                memcpy(ret->head.id, id, JOURNAL_ID_SIZE);
                g.identified = true;
        }
        r = g.identified ? read_lines(&g) : -EBADMSG;
        if (r < 0)
                return r;
        ret->base_whole = (ret->head_whole || ret->have_slot) &&
                          base_is_whole(directory_fd, name, &ret->head);
        return 0;
}
