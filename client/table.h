/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Table: rows under headings, printed by libsmartcols as lsblk does; every cell is escaped. */
#pragma once

#include <stddef.h>

#include "client/output.h"

typedef struct Table Table;

typedef struct TableColumn {
        const char *heading;
        enum {
                COLUMN_LEFT,
                COLUMN_RIGHT,
                COLUMN_CUT,  /* left; gives way first when the terminal is narrow */
                COLUMN_WRAP, /* left; goes on below when it is, since no part of it may be missing */
        } kind;
} TableColumn;

int table_new(const Output *out, const TableColumn *columns, size_t n, Table **ret);
Table *table_free(Table *table);
DEFINE_CLEANUP(Table *, table_free)

/* Adds a row; its cells are then filled from the left by table_cell(). 0, -ENOMEM. */
int table_row(Table *table);
int table_cell(Table *table, Style style, const char *format, ...) _printf_(3, 4);

/* Prints nothing at all, no heading either, when there is no row. */
int table_print(Table *table);
