/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file as it was at one time, to be put back later. What cannot be read or written fails the
 * test.
 */
#pragma once

#include <stddef.h>

typedef struct File {
        char *data; /* with a 0 behind it; NULL: there was none */
        size_t size;
} File;

/* The caller frees it with file_done(). */
File file_load(const char *path);
/* Replaces what is there by a new file of mode 0600; @data NULL: there is none any more. */
void file_store(const char *path, const char *data, size_t size);
void file_done(File *file);
