/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pages: the file, what its log has of newer ones, and which are free. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/salvage-pages.h"

/* What SQLite gives a new database. */
#define PAGE_SIZE_USUAL 4096U

/* The log: its header, and the one before each page. */
#define LOG_HEADER_SIZE   32U
#define FRAME_HEADER_SIZE 24U
#define LOG_MAGIC         UINT32_C(0x377f0682) /* the last bit: sums are over big-endian words */

static const char magic[16] = "SQLite format 3";

struct Pages {
        int fd;
        int log_fd;
        size_t size;
        size_t reserved;  /* at the end of each page, not the b-trees' */
        uint32_t in_file; /* pages of the file */
        uint32_t count;
        uint32_t *frames; /* by page number: 1 + index of its newest frame in the log, 0: none */
        uint8_t *unused;  /* by page number */
};

size_t pages_size(const Pages *pages) {
        return pages->size;
}

size_t pages_usable(const Pages *pages) {
        return pages->size - pages->reserved;
}

uint32_t pages_count(const Pages *pages) {
        return pages->count;
}

/* All of it, or false. */
static bool read_at(int fd, uint64_t at, void *ret, size_t size) {
        uint8_t *to = ret;

        while (fd >= 0 && size > 0) {
                ssize_t n = pread(fd, to, size, (off_t) at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                to += n;
                at += (uint64_t) n;
                size -= (size_t) n;
        }
        return fd >= 0;
}

static bool is_page_size(uint32_t size) {
        return size >= 512 && size <= PAGE_BYTES_MAX && (size & (size - 1)) == 0;
}

/* What the file says of itself where it is whole enough to say it, else what it was made with. */
static void read_header(Pages *pages) {
        uint8_t header[PAGES_HEADER_SIZE];
        uint32_t size;

        pages->size = PAGE_SIZE_USUAL;
        if (!read_at(pages->fd, 0, header, sizeof(header)) ||
            memcmp(header, magic, sizeof(magic)) != 0)
                return;
        size = page_short(header + 16);
        size = size == 1 ? PAGE_BYTES_MAX : size;
        if (!is_page_size(size) || header[20] > size - 480)
                return;
        pages->size = size;
        pages->reserved = header[20];
}

static uint64_t size_of(int fd) {
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t) st.st_size : 0;
}

/* -- the log --------------------------------------------------------------------------------- */

typedef struct Sums {
        uint32_t first;
        uint32_t second;
} Sums;

typedef struct Log {
        const Pages *pages;
        uint32_t n_frames;
        bool big_endian;
        uint8_t salts[8];
        Sums before; /* of what stands in front of the next frame */
        bool known;  /* @before can be relied on */
} Log;

static uint32_t word(const uint8_t *at, bool big_endian) {
        return big_endian ? page_number(at)
                          : (uint32_t) at[3] << 24 | (uint32_t) at[2] << 16 |
                                    (uint32_t) at[1] << 8 | at[0];
}

static void sums_add(Sums *s, const uint8_t *bytes, size_t size, bool big_endian) {
        for (size_t i = 0; i + 8 <= size; i += 8) {
                s->first += word(bytes + i, big_endian) + s->second;
                s->second += word(bytes + i + 4, big_endian) + s->first;
        }
}

static bool sums_equal(const Sums *s, const uint8_t *stored) {
        return s->first == page_number(stored) && s->second == page_number(stored + 4);
}

static uint64_t frame_at(const Pages *pages, uint32_t index) {
        return LOG_HEADER_SIZE + (uint64_t) index * (FRAME_HEADER_SIZE + pages->size);
}

/* A log whose header is damaged is read by what its first frame says; that frame itself is lost
 * then, since nothing proves it. */
static bool log_open(const Pages *pages, Log *ret) {
        uint8_t header[LOG_HEADER_SIZE], frame[FRAME_HEADER_SIZE];
        uint64_t n = size_of(pages->log_fd);
        Log log = { .pages = pages };
        Sums sums = { 0 };

        n = n <= LOG_HEADER_SIZE ? 0 : (n - LOG_HEADER_SIZE) / (FRAME_HEADER_SIZE + pages->size);
        log.n_frames = n > SALVAGE_PAGES_MAX ? SALVAGE_PAGES_MAX : (uint32_t) n;
        if (log.n_frames == 0 || !read_at(pages->log_fd, 0, header, sizeof(header)) ||
            !read_at(pages->log_fd, frame_at(pages, 0), frame, sizeof(frame)))
                return false;

        log.big_endian = page_number(header) == (LOG_MAGIC | 1);
        sums_add(&sums, header, 24, log.big_endian);
        log.known = sums_equal(&sums, header + 24) && page_number(header + 8) == pages->size;
        log.before = sums;
        memcpy(log.salts, log.known ? header + 16 : frame + 8, sizeof(log.salts));
        *ret = log;
        return true;
}

/*
 * Reads the head of frame @index into @head. true if the frame is whole: its sum goes on from what
 * the frame before says of itself, so that one that is damaged does not take those behind it along.
 */
static bool log_check(Log *log, uint32_t index, uint8_t head[static FRAME_HEADER_SIZE],
                      uint8_t *page) {
        uint64_t at = frame_at(log->pages, index);
        Sums sums = log->before;
        bool known = log->known;

        log->known = read_at(log->pages->log_fd, at, head, FRAME_HEADER_SIZE) &&
                     memcmp(head + 8, log->salts, sizeof(log->salts)) == 0;
        log->before = (Sums){ page_number(head + 16), page_number(head + 20) };
        if (!known || !log->known ||
            !read_at(log->pages->log_fd, at + FRAME_HEADER_SIZE, page, log->pages->size))
                return false;
        sums_add(&sums, head, 8, log->big_endian);
        sums_add(&sums, page, log->pages->size, log->big_endian);
        return sums_equal(&sums, head + 16);
}

/* The frames up to the last one that ends a transaction count: 0 if there is none. */
static uint32_t log_committed(Log log, uint8_t *page, uint32_t *ret_count) {
        uint8_t head[FRAME_HEADER_SIZE] = { 0 };
        uint32_t n = 0;

        for (uint32_t i = 0; i < log.n_frames; i++)
                if (log_check(&log, i, head, page) && page_number(head + 4) > 0) {
                        n = i + 1;
                        *ret_count = page_number(head + 4);
                }
        return n;
}

static int read_log(Pages *pages) {
        uint8_t head[FRAME_HEADER_SIZE] = { 0 };
        _cleanup_free_ uint8_t *page = NULL;
        uint32_t count = pages->in_file;
        uint32_t n;
        Log log;

        if (!log_open(pages, &log))
                return 0;
        page = malloc(pages->size);
        if (!page)
                return -ENOMEM;
        n = log_committed(log, page, &count);
        pages->count = count > SALVAGE_PAGES_MAX ? SALVAGE_PAGES_MAX : count;
        pages->frames = calloc((size_t) pages->count + 1, sizeof(*pages->frames));
        if (!pages->frames)
                return -ENOMEM;

        for (uint32_t i = 0; i < n; i++)
                if (log_check(&log, i, head, page) && page_number(head) <= pages->count)
                        pages->frames[page_number(head)] = i + 1;
        return 0;
}

/* -- pages ----------------------------------------------------------------------------------- */

int pages_read(const Pages *pages, uint32_t number, uint8_t *ret) {
        if (number == 0 || number > pages->count)
                return 0;
        if (pages->frames && pages->frames[number] > 0)
                return read_at(pages->log_fd,
                               frame_at(pages, pages->frames[number] - 1) + FRAME_HEADER_SIZE, ret,
                               pages->size);
        return read_at(pages->fd, (uint64_t) (number - 1) * pages->size, ret, pages->size);
}

bool pages_is_unused(const Pages *pages, uint32_t number) {
        return number <= pages->count && (pages->unused[number / 8] >> number % 8 & 1);
}

/* false if it was named before, or cannot be. */
static bool mark(Pages *pages, uint32_t number) {
        if (number < 2 || number > pages->count || pages_is_unused(pages, number))
                return false;
        pages->unused[number / 8] |= (uint8_t) (1U << number % 8);
        return true;
}

/* The list runs over trunk pages: the next one, how many leaves, and their numbers. */
static void read_unused(Pages *pages, uint8_t *page) {
        uint32_t trunk;

        if (pages_read(pages, 1, page) == 0 || memcmp(page, magic, sizeof(magic)) != 0)
                return;
        trunk = page_number(page + 32);
        while (trunk > 0 && mark(pages, trunk) && pages_read(pages, trunk, page) > 0) {
                uint32_t n = page_number(page + 4);

                for (uint32_t i = 0; i < n && i < pages_usable(pages) / 4 - 2; i++)
                        (void) mark(pages, page_number(page + 8 + 4 * (size_t) i));
                trunk = page_number(page);
        }
}

static int open_file(int directory_fd, const char *name) {
        int fd;

        if (!name)
                return -ENOENT;
        fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        return fd >= 0 ? fd : -errno;
}

int pages_open(int directory_fd, const char *database, const char *log, Pages **ret) {
        _cleanup_(pages_freep) Pages *pages = calloc(1, sizeof(*pages));
        _cleanup_free_ uint8_t *page = NULL;
        uint64_t n;
        int r;

        if (!pages)
                return -ENOMEM;
        pages->fd = open_file(directory_fd, database);
        pages->log_fd = open_file(directory_fd, log);
        if (pages->fd == -ENOENT && pages->log_fd == -ENOENT)
                return -ENOENT;

        read_header(pages);
        n = size_of(pages->fd) / pages->size;
        pages->in_file = n > SALVAGE_PAGES_MAX ? SALVAGE_PAGES_MAX : (uint32_t) n;
        pages->count = pages->in_file;
        r = read_log(pages);
        if (r < 0)
                return r;

        page = malloc(pages->size);
        pages->unused = calloc((size_t) pages->count / 8 + 1, 1);
        if (!page || !pages->unused)
                return -ENOMEM;
        read_unused(pages, page);
        *ret = TAKE_PTR(pages);
        return 0;
}

Pages *pages_free(Pages *pages) {
        if (!pages)
                return NULL;

        pages->fd = close_fd(pages->fd);
        pages->log_fd = close_fd(pages->log_fd);
        free(pages->frames);
        free(pages->unused);
        free(pages);
        return NULL;
}
