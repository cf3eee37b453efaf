/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store of many decisions, and what is done to its files. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/files.h"
#include "tests/ruin.h"

char *ruin_path(const char *name) {
        char *path = NULL;

        ck_assert_int_gt(asprintf(&path, "%s/%s", test_directory(), name), 0);
        return path;
}

void ruin_fill(Store *store) {
        for (unsigned i = 1; i <= MANY; i++)
                (void) test_add(store, &(Addition){ .owner = ME, .port = (uint16_t) i }, CHANGED);
        (void) test_add(store,
                        &(Addition){ .owner = ME, .action = DECISION_DENY, .port = DENIED }, CHANGED);
        (void) test_revoke(store, ME, REVOKED);
}

void ruin_make(void) {
        _cleanup_(store_freep) Store *store = test_store();

        ruin_fill(store);
}

void ruin_scratch(const char *name, off_t at, size_t size) {
        _cleanup_free_ char *path = ruin_path(name);
        _cleanup_free_ char *bytes = malloc(size);
        _cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
        struct stat st;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        memset(bytes, 'x', size);
        ck_assert_int_eq(pwrite(fd, bytes, size, at < 0 ? st.st_size + at : at), (ssize_t) size);
}

void ruin_remove(const char *name) {
        _cleanup_free_ char *path = ruin_path(name);

        ck_assert_int_eq(unlink(path), 0);
}

void ruin_cut(const char *name, off_t size) {
        _cleanup_free_ char *path = ruin_path(name);

        ck_assert_int_eq(truncate(path, size), 0);
}

off_t ruin_size(const char *name) {
        _cleanup_free_ char *path = ruin_path(name);
        struct stat st;

        ck_assert_int_eq(stat(path, &st), 0);
        return st.st_size;
}

Store *ruin_mend(Mending *ret) {
        Store *store = NULL;
        const char *reason;

        ck_assert_int_eq(store_hold(test_directory(), &store, &reason), 0);
        ck_assert_int_eq(store_mend(store, -EUCLEAN, DECIDED_AT + 1, ret), 0);
        store_resume(store);
        return store;
}

size_t ruin_live(Store *store, uint16_t port) {
        return test_count_found(store, ME, HOST, port, STATE_LIVE);
}

void ruin_expect_all(Store *store) {
        for (uint16_t i = 1; i <= MANY; i++)
                ck_assert_msg(ruin_live(store, i) == (i != REVOKED), "port %u", i);
        ck_assert_uint_eq(ruin_live(store, DENIED), 1);
}

size_t ruin_count(const char *prefix) {
        struct dirent *entry;
        DIR *dir = opendir(test_directory());
        size_t n = 0;

        ck_assert_ptr_nonnull(dir);
        while ((entry = readdir(dir)))
                n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
        (void) closedir(dir);
        return n;
}

/* A link would be emptied with it. */
void ruin_copy(const char *from, const char *to) {
        _cleanup_free_ char *source = ruin_path(from), *target = ruin_path(to);
        _cleanup_(file_done) File file = file_load(source);

        file_store(target, file.data, file.size);
}

void ruin_move(const char *from, const char *to) {
        _cleanup_free_ char *source = ruin_path(from), *target = ruin_path(to);

        ck_assert_int_eq(rename(source, target), 0);
}

void ruin_swap_blocks(off_t a, off_t b) {
        _cleanup_free_ char *path = ruin_path("journal");
        _cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
        char one[RUIN_BLOCK], other[RUIN_BLOCK];

        ck_assert_int_eq(pread(fd, one, RUIN_BLOCK, a * RUIN_BLOCK), RUIN_BLOCK);
        ck_assert_int_eq(pread(fd, other, RUIN_BLOCK, b * RUIN_BLOCK), RUIN_BLOCK);
        ck_assert_int_eq(pwrite(fd, one, RUIN_BLOCK, b * RUIN_BLOCK), RUIN_BLOCK);
        ck_assert_int_eq(pwrite(fd, other, RUIN_BLOCK, a * RUIN_BLOCK), RUIN_BLOCK);
}
