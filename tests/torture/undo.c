/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a power cut takes back. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/torture/undo.h"

/* The C library's own calls are replaced in this process; these are the kernel's. */
#define do_pwrite(fd, data, size, at) (void) syscall(SYS_pwrite64, fd, data, size, at)
#define do_truncate(fd, size)         (void) syscall(SYS_ftruncate, fd, size)
#define do_unlink(fd, name)           (void) syscall(SYS_unlinkat, fd, name, 0)
#define do_rename(a_fd, a, b_fd, b)   (void) syscall(SYS_renameat2, a_fd, a, b_fd, b, 0)

typedef struct Note {
        struct Note *older;
        dev_t device; /* of the file whose bytes, or of the directory whose name it was */
        ino_t inode;
        int fd; /* our own; never closed, as that would release the locks of others on the file */
        /* bytes */
        off_t size;
        off_t offset;
        size_t n_bytes;
        uint8_t *bytes;
        /* a name: what it was is in the attic, unless it was nothing */
        char name[NAME_MAX + 1];
        char saved[PATH_MAX];
} Note;

static Note *newest;

static bool is_of(const Note *note, const struct stat *st) {
        return note->device == st->st_dev && note->inode == st->st_ino;
}

/* A descriptor for reading and writing of the same file, however the other one was opened. */
static int own_fd(int fd, const struct stat *st) {
        char path[64];

        for (const Note *note = newest; note; note = note->older)
                if (is_of(note, st))
                        return note->fd;
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return (int) syscall(SYS_openat, AT_FDCWD, path,
                             (S_ISDIR(st->st_mode) ? O_RDONLY | O_DIRECTORY : O_RDWR) | O_CLOEXEC,
                             0);
}

static Note *note_new(int fd) {
        struct stat st;
        Note *note;

        if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
                return NULL;
        note = calloc(1, sizeof(*note));
        if (!note)
                abort();
        note->device = st.st_dev;
        note->inode = st.st_ino;
        note->size = st.st_size;
        note->fd = own_fd(fd, &st);
        if (note->fd < 0)
                abort();
        note->older = newest;
        newest = note;
        return note;
}

void undo_note_bytes(int fd, off_t offset, size_t size) {
        Note *note = note_new(fd);
        ssize_t n;

        if (!note || offset >= note->size)
                return;
        note->offset = offset;
        note->n_bytes =
                (size_t) (note->size - offset) < size ? (size_t) (note->size - offset) : size;
        note->bytes = malloc(note->n_bytes);
        n = note->bytes ? pread(note->fd, note->bytes, note->n_bytes, offset) : -1;
        if (n != (ssize_t) note->n_bytes)
                abort();
}

void undo_note_name(int directory_fd, const char *name, const char *attic) {
        static unsigned number;
        Note *note = note_new(directory_fd);

        if (!note)
                return;
        (void) snprintf(note->name, sizeof(note->name), "%s", name);
        (void) snprintf(note->saved, sizeof(note->saved), "%s/%u", attic, number++);
        if (linkat(directory_fd, name, AT_FDCWD, note->saved, 0) < 0)
                note->saved[0] = '\0';
}

static void note_free(Note *note) {
        free(note->bytes);
        free(note);
}

void undo_forget(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return;
        for (Note **at = &newest; *at;) {
                Note *note = *at;

                if (!is_of(note, &st)) {
                        at = &note->older;
                        continue;
                }
                *at = note->older;
                note_free(note);
        }
}

static void put_back(const Note *note) {
        if (note->name[0] == '\0') {
                do_truncate(note->fd, note->size);
                if (note->n_bytes > 0)
                        do_pwrite(note->fd, note->bytes, note->n_bytes, note->offset);
                return;
        }
        do_unlink(note->fd, note->name);
        if (note->saved[0])
                do_rename(AT_FDCWD, note->saved, note->fd, note->name);
}

void undo_all(uint32_t seed) {
        uint32_t chance = seed;

        for (const Note *note = newest; note; note = note->older) {
                chance = chance * 1664525U + 1013904223U;
                if (seed == 0 || (chance & 0x10000) != 0)
                        put_back(note);
        }
}
