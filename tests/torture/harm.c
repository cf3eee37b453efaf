/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done to a file. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/harm.h"
#include "tests/torture/tally.h"
#include "tests/torture/world.h"

#define PAGE 4096U

static const char *const names[_HARM_MAX] = {
        [HARM_FLIP_BIT] = "a bit turned",
        [HARM_FLIP_BITS] = "64 bits turned",
        [HARM_ZERO_PAGE] = "a page zeroed",
        [HARM_SWAP_PAGES] = "two pages swapped",
        [HARM_TRUNCATE] = "truncated",
        [HARM_TRUNCATE_LINE] = "truncated behind a line",
        [HARM_STRETCH] = "text over a part",
        [HARM_TEXT] = "text instead",
        [HARM_EMPTY] = "emptied",
        [HARM_DELETE] = "deleted",
        [HARM_REPLACE] = "another file instead",
};

static const char text[] = "From: nobody\nSubject: this was a disk's mistake\n\n1\tchange\t1\t0\n";

const char *harm_name(HarmKind kind) {
        return names[kind];
}

bool harm_destroys(HarmKind kind) {
        return kind >= HARM_TEXT && kind < _HARM_MAX;
}

static void put(int fd, const void *data, size_t size, off_t offset) {
        if (pwrite(fd, data, size, offset) != (ssize_t) size)
                world_give_up("Cannot write into a file that is to be harmed: %m");
}

static void flip(int fd, off_t size, unsigned n, uint32_t *chance) {
        while (n-- > 0) {
                off_t at = tally_random(chance, (uint32_t) size);
                uint8_t byte = 0;

                if (pread(fd, &byte, 1, at) != 1)
                        return;
                byte ^= (uint8_t) (1U << tally_random(chance, 8));
                put(fd, &byte, 1, at);
        }
}

/* Reads a page, the last one with zeros behind its end. */
static off_t take_page(int fd, off_t size, uint32_t *chance, uint8_t page[static PAGE]) {
        off_t at = (off_t) tally_random(chance, (uint32_t) (size / PAGE) + 1) * PAGE;

        memset(page, 0, PAGE);
        (void) !pread(fd, page, PAGE, at);
        return at;
}

static size_t within(off_t size, off_t at) {
        return at + PAGE <= size ? PAGE : (size_t) (size - at);
}

static void zero_page(int fd, off_t size, uint32_t *chance) {
        uint8_t page[PAGE];
        off_t at = take_page(fd, size, chance, page);

        memset(page, 0, PAGE);
        put(fd, page, within(size, at), at);
}

static void swap_pages(int fd, off_t size, uint32_t *chance) {
        uint8_t a[PAGE], b[PAGE];
        off_t a_at = take_page(fd, size, chance, a), b_at = take_page(fd, size, chance, b);

        put(fd, a, within(size, b_at), b_at);
        put(fd, b, within(size, a_at), a_at);
}

static void cut(int fd, off_t size, bool at_line, uint32_t *chance) {
        off_t at = tally_random(chance, (uint32_t) size);
        char byte = 0;

        while (at_line && at > 0 && (pread(fd, &byte, 1, at - 1) != 1 || byte != '\n'))
                at--;
        if (ftruncate(fd, at) < 0)
                world_give_up("Cannot truncate a file that is to be harmed: %m");
}

static void write_text(int fd, off_t from, off_t to) {
        for (off_t at = from; at < to; at += (off_t) sizeof(text) - 1)
                put(fd, text, sizeof(text) - 1, at);
}

static void replace(const char *path, off_t size) {
        int fd;

        (void) unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                world_give_up("Cannot replace %s: %m", path);
        write_text(fd, 0, size);
        (void) close(fd);
}

void harm(const char *path, HarmKind kind, uint32_t *chance) {
        _cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
        struct stat st;
        off_t at;

        if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
                return;
        switch (kind) {
        case HARM_FLIP_BIT:
        case HARM_FLIP_BITS:
                flip(fd, st.st_size, kind == HARM_FLIP_BIT ? 1 : 64, chance);
                return;
        case HARM_ZERO_PAGE:
                zero_page(fd, st.st_size, chance);
                return;
        case HARM_SWAP_PAGES:
                swap_pages(fd, st.st_size, chance);
                return;
        case HARM_TRUNCATE:
        case HARM_TRUNCATE_LINE:
                cut(fd, st.st_size, kind == HARM_TRUNCATE_LINE, chance);
                return;
        case HARM_STRETCH:
                at = tally_random(chance, (uint32_t) st.st_size);
                write_text(fd, at, at + 300);
                return;
        case HARM_TEXT:
                write_text(fd, 0, st.st_size);
                return;
        case HARM_EMPTY:
                (void) !ftruncate(fd, 0);
                return;
        case HARM_DELETE:
                (void) unlink(path);
                return;
        case HARM_REPLACE:
                replace(path, st.st_size);
                return;
        case _HARM_MAX:
                break;
        }
        abort();
}
