/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files in the form of schema/export.md for the tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/pki.h"

typedef struct ExportRow {
        const char *action;
        const char *host; /* NULL: mail.example.org */
        uint16_t port;    /* 0: 993 */
        const char *more; /* other members, with ' for "; NULL: what bad is excepted for, if it is to be allowed */
        const Pki *pki;
} ExportRow;

/* A whole file (free()), each certificate once. */
char *export_text(const ExportRow *rows, size_t n);

/* Writes it to @path, aside and renamed; the file is its owner's alone to write. */
void export_write(const char *path, const ExportRow *rows, size_t n);

/* The same with any text. */
void export_write_text(const char *path, const char *text);
