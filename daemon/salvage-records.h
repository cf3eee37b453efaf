/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * B-tree pages that are not to be trusted, as cells, and cells as the values of a row. What is not
 * as it must be yields nothing; bytes that no cell claims are not looked at.
 */
#pragma once

#include "daemon/salvage-pages.h"

/* The kinds of b-tree pages; the bytes are SQLite's. A table without rowids is an index. */
typedef enum PageKind {
        PAGE_NONE = 0,
        PAGE_INDEX_INNER = 0x02,
        PAGE_TABLE_INNER = 0x05,
        PAGE_INDEX_LEAF = 0x0a,
        PAGE_TABLE_LEAF = 0x0d,
} PageKind;

/* A page with its content, which belongs to whoever made it. */
typedef struct Page {
        const uint8_t *bytes;
        PageKind kind;
        uint32_t head;    /* where the b-tree page begins: 0, or behind the header of the file */
        uint32_t n_cells;
        uint32_t last; /* inner pages: the child behind all cells */
} Page;

/* What @bytes, page @number, are: PAGE_NONE if no b-tree page. */
void page_parse(const Pages *pages, uint32_t number, const uint8_t *bytes, Page *ret);

typedef enum ValueKind {
        VALUE_NULL,
        VALUE_INT,
        VALUE_TEXT,
        VALUE_BLOB,
        VALUE_OTHER, /* none that we write */
} ValueKind;

typedef struct Value {
        ValueKind kind;
        int64_t number;
        const uint8_t *bytes;
        size_t size;
} Value;

/* The table with the most columns has fewer. */
#define ROW_COLUMNS_MAX 24U

typedef struct Row {
        int64_t rowid; /* tables with rowids */
        Value values[ROW_COLUMNS_MAX];
        unsigned n_values;
        /* the bytes of the values, and room for a page of the chain they come from */
        uint8_t *payload;
        uint8_t *page;
} Row;

/* Room for rows of @pages. Returns 0 or -ENOMEM. */
int row_new(const Pages *pages, Row *ret);
void row_done(Row *row);

/* Child @index of an inner page, 0 to n_cells. 0 if it has none that could be. */
uint32_t page_child(const Pages *pages, const Page *page, uint32_t index);

/* Cell @index as a row; true if it is one, whole. The values last until the next call. */
bool page_row(const Pages *pages, const Page *page, uint32_t index, Row *row);
