/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scope-bound ownership idiom of the whole project. */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _unused_ __attribute__((unused))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Hands over what a pointer owns and leaves NULL behind, for `*ret = TAKE_PTR(x);`. */
#define TAKE_PTR(ptr)                                                                              \
        __extension__({                                                                            \
                __typeof__(ptr) *_pptr = &(ptr);                                                   \
                __typeof__(ptr) _p = *_pptr;                                                       \
                *_pptr = NULL;                                                                     \
                _p;                                                                                \
        })

/* The same for a file descriptor, leaving -1. */
static inline int take_fd(int *fd) {
        int r = *fd;

        *fd = -1;
        return r;
}

/* Closes a descriptor if it is one, keeps errno, returns -1: `fd = close_fd(fd);`. */
static inline int close_fd(int fd) {
        int saved = errno;

        if (fd >= 0)
                (void) close(fd);
        errno = saved;
        return -1;
}

static inline void close_fdp(int *fd) {
        *fd = close_fd(*fd);
}

static inline void freep(void *p) {
        free(*(void **) p);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_fd_ _cleanup_(close_fdp)

/* Defines name##p(), the cleanup function of a destructor that takes NULL and returns NULL. */
#define DEFINE_CLEANUP(type, name)                                                                 \
        static inline void name##p(type *p) {                                                      \
                if (*p)                                                                            \
                        (void) name(*p);                                                           \
        }

/* Bytes that somebody else owns. */
typedef struct Blob {
        const uint8_t *data;
        size_t size;
} Blob;
