/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The write-ahead log, frame by frame, as https://sqlite.org/fileformat2.html#walformat tells it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "daemon/store-log.h"

#define HEADER_SIZE       32U
#define FRAME_HEADER_SIZE 24U
#define MAGIC             0x377f0682U /* the last bit: sums are of big-endian words */
#define PAGE_SIZE_MIN     512U
#define PAGE_SIZE_MAX     65536U

/* Each reset of the log counts the first salt up; frames of so many resets ago are told from
 * damage. */
#define RESETS_MAX (1U << 24)

typedef struct Log {
        int fd;
        uint64_t size;
        bool big_endian;
        uint32_t page_size;
        uint32_t salt[2];
        uint32_t sum[2];
        uint8_t *frame;
} Log;

static void log_done(Log *log) {
        free(log->frame);
        log->fd = close_fd(log->fd);
}

static uint32_t get_u32(const uint8_t *p) {
        return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static uint32_t get_word(const Log *log, const uint8_t *p) {
        uint32_t word = get_u32(p);

        return log->big_endian ? word : __builtin_bswap32(word);
}

/* @size is a multiple of eight. */
static void add_sum(Log *log, const uint8_t *p, size_t size) {
        for (const uint8_t *end = p + size; p < end; p += 8) {
                log->sum[0] += get_word(log, p) + log->sum[1];
                log->sum[1] += get_word(log, p + 4) + log->sum[0];
        }
}

static bool sum_is(const Log *log, const uint8_t *p) {
        return get_u32(p) == log->sum[0] && get_u32(p + 4) == log->sum[1];
}

/* 1, 0 if it is no header, -errno. */
static int read_header(Log *log) {
        uint8_t header[HEADER_SIZE];
        uint32_t magic;

        if (pread(log->fd, header, sizeof(header), 0) != (ssize_t) sizeof(header))
                return 0;
        magic = get_u32(header);
        log->big_endian = magic & 1;
        log->page_size = get_u32(header + 8);
        log->salt[0] = get_u32(header + 16);
        log->salt[1] = get_u32(header + 20);
        add_sum(log, header, 24);
        if ((magic & ~1U) != MAGIC || !sum_is(log, header + 24) || log->page_size < PAGE_SIZE_MIN ||
            log->page_size > PAGE_SIZE_MAX)
                return 0;
        log->frame = malloc(FRAME_HEADER_SIZE + log->page_size);
        return log->frame ? 1 : -ENOMEM;
}

typedef enum FrameState {
        FRAME_GOOD,
        FRAME_COMMIT,
        FRAME_OLD, /* of an earlier use of the file */
        FRAME_BAD,
} FrameState;

static FrameState look_at_frame(Log *log) {
        uint32_t age = log->salt[0] - get_u32(log->frame + 8);

        if (age != 0 && age <= RESETS_MAX && get_u32(log->frame + 12) != log->salt[1])
                return FRAME_OLD;
        if (age != 0 || get_u32(log->frame + 12) != log->salt[1])
                return FRAME_BAD;
        add_sum(log, log->frame, 8);
        add_sum(log, log->frame + FRAME_HEADER_SIZE, log->page_size);
        if (!sum_is(log, log->frame + 16))
                return FRAME_BAD;
        return get_u32(log->frame + 4) != 0 ? FRAME_COMMIT : FRAME_GOOD;
}

/* Good frames to a commit, then old ones, then the end. */
static int read_frames(Log *log, LogState *ret) {
        FrameState before = FRAME_COMMIT;
        uint64_t frame_size = FRAME_HEADER_SIZE + log->page_size;

        *ret = LOG_UNFINISHED;
        for (uint64_t at = HEADER_SIZE; at < log->size; at += frame_size) {
                FrameState state;
                ssize_t n = pread(log->fd, log->frame, frame_size, (off_t) at);

                if (n < 0)
                        return -errno;
                if ((uint64_t) n != frame_size)
                        return 0;
                state = look_at_frame(log);
                if (state == FRAME_BAD || (before == FRAME_OLD && state != FRAME_OLD)) {
                        *ret = LOG_BROKEN;
                        return 0;
                }
                if (state == FRAME_OLD && before == FRAME_GOOD)
                        return 0;
                before = state;
        }
        if (before != FRAME_GOOD)
                *ret = LOG_WHOLE;
        return 0;
}

int store_log_look(int directory_fd, const char *name, LogState *ret) {
        _cleanup_(log_done) Log log = {.fd = -1};
        struct stat st;
        int r;

        *ret = LOG_BROKEN;
        log.fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (log.fd < 0) {
                if (errno == ENOENT)
                        *ret = LOG_NONE;
                return errno == ENOENT || errno == ELOOP ? 0 : -errno;
        }
        if (fstat(log.fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        if (st.st_size == 0) {
                *ret = LOG_NONE;
                return 0;
        }
        log.size = (uint64_t) st.st_size;
        r = read_header(&log);
        return r <= 0 ? r : read_frames(&log, ret);
}
