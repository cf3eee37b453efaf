/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "tests/files.h"

File file_load(const char *path) {
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        File file = {0};
        struct stat st;

        if (fd < 0)
                return file;
        ck_assert_int_eq(fstat(fd, &st), 0);
        file.size = (size_t) st.st_size;
        file.data = calloc(1, file.size + 1);
        ck_assert_ptr_nonnull(file.data);
        ck_assert_int_eq(read(fd, file.data, file.size), st.st_size);
        return file;
}

void file_store(const char *path, const char *data, size_t size) {
        _cleanup_fd_ int fd = -1;

        (void) unlink(path);
        if (!data)
                return;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, data, size), (ssize_t) size);
}

void file_done(File *file) {
        free(file->data);
        *file = (File){0};
}
