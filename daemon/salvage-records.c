/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cells and values of b-tree pages; the letters U, X, M, K and P of the format's description are
 * spelled out. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/salvage-records.h"

static bool is_inner(PageKind kind) {
        return kind == PAGE_INDEX_INNER || kind == PAGE_TABLE_INNER;
}

static PageKind kind_of(uint8_t byte) {
        switch (byte) {
        case PAGE_INDEX_INNER:
        case PAGE_TABLE_INNER:
        case PAGE_INDEX_LEAF:
        case PAGE_TABLE_LEAF:
                return (PageKind) byte;
        }
        return PAGE_NONE;
}

static uint32_t pointers_at(const Page *page) {
        return page->head + (is_inner(page->kind) ? 12 : 8);
}

void page_parse(const Pages *pages, uint32_t number, const uint8_t *bytes, Page *ret) {
        Page page = { .bytes = bytes, .head = number == 1 ? PAGES_HEADER_SIZE : 0 };

        page.kind = kind_of(bytes[page.head]);
        page.n_cells = page_short(bytes + page.head + 3);
        if (page.kind != PAGE_NONE &&
            pointers_at(&page) + 2 * (size_t) page.n_cells > pages_usable(pages))
                page.kind = PAGE_NONE;
        if (is_inner(page.kind))
                page.last = page_number(bytes + page.head + 8);
        *ret = page;
}

/* -- cells ----------------------------------------------------------------------------------- */

/* What is left of a page, or of a row's payload. */
typedef struct Rest {
        const uint8_t *at;
        size_t size;
} Rest;

static bool take_bytes(Rest *rest, size_t size, const uint8_t **ret) {
        if (size > rest->size)
                return false;
        *ret = rest->at;
        rest->at += size;
        rest->size -= size;
        return true;
}

/* Seven bits in each of eight bytes, eight in the ninth. */
static bool take_varint(Rest *rest, uint64_t *ret) {
        uint64_t value = 0;

        for (unsigned i = 0; i < 9; i++) {
                const uint8_t *byte;

                if (!take_bytes(rest, 1, &byte))
                        return false;
                if (i == 8) {
                        *ret = value << 8 | *byte;
                        return true;
                }
                value = value << 7 | (*byte & 0x7f);
                if (*byte < 0x80)
                        break;
        }
        *ret = value;
        return true;
}

/* From the beginning of cell @index to the end of what b-trees use; cells lie behind the pointers. */
static bool find_cell(const Pages *pages, const Page *page, uint32_t index, Rest *ret) {
        uint32_t pointers = pointers_at(page);
        uint32_t at = page_short(page->bytes + pointers + 2 * (size_t) index);

        if (at < pointers + 2 * page->n_cells || at >= pages_usable(pages))
                return false;
        *ret = (Rest){ page->bytes + at, pages_usable(pages) - at };
        return true;
}

uint32_t page_child(const Pages *pages, const Page *page, uint32_t index) {
        const uint8_t *bytes;
        uint32_t child;
        Rest cell;

        if (index == page->n_cells)
                child = page->last;
        else if (find_cell(pages, page, index, &cell) && take_bytes(&cell, 4, &bytes))
                child = page_number(bytes);
        else
                return 0;
        return child <= pages_count(pages) ? child : 0;
}

/* How much of a payload of @size stands in the cell itself. */
static size_t local_size(size_t usable, PageKind kind, size_t size) {
        size_t most = kind == PAGE_TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23;
        size_t least = (usable - 12) * 32 / 255 - 23;
        size_t kept;

        if (size <= most)
                return size;
        kept = least + (size - least) % (usable - 4);
        return kept <= most ? kept : least;
}

/* The rest of the payload, from a chain of pages that are nothing else. */
static bool read_chain(const Pages *pages, uint32_t next, uint8_t *to, size_t size, Row *row) {
        size_t room = pages_usable(pages) - 4;

        while (size > 0) {
                size_t n = size < room ? size : room;

                if (pages_is_unused(pages, next) || pages_read(pages, next, row->page) == 0)
                        return false;
                memcpy(to, row->page + 4, n);
                next = page_number(row->page);
                to += n;
                size -= n;
        }
        return true;
}

static bool read_payload(const Pages *pages, const Page *page, Rest cell, Row *row,
                         size_t *ret_size) {
        const uint8_t *local, *next;
        size_t n;
        uint64_t size, rowid = 0;

        if (is_inner(page->kind) && !take_bytes(&cell, 4, &next))
                return false;
        if (!take_varint(&cell, &size) || size > SALVAGE_ROW_BYTES_MAX)
                return false;
        if (page->kind == PAGE_TABLE_LEAF && !take_varint(&cell, &rowid))
                return false;
        n = local_size(pages_usable(pages), page->kind, (size_t) size);
        if (!take_bytes(&cell, n, &local))
                return false;

        memcpy(row->payload, local, n);
        if (n < size && (!take_bytes(&cell, 4, &next) ||
                         !read_chain(pages, page_number(next), row->payload + n, (size_t) size - n,
                                     row)))
                return false;
        row->rowid = (int64_t) rowid;
        *ret_size = (size_t) size;
        return true;
}

/* -- values ---------------------------------------------------------------------------------- */

/* Bytes of integers by their serial type, 1 to 6. */
static const uint8_t integer_sizes[] = { 0, 1, 2, 3, 4, 6, 8 };

static int64_t integer(const uint8_t *bytes, size_t size) {
        uint64_t value = bytes[0] & 0x80 ? UINT64_MAX : 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | bytes[i];
        return (int64_t) value;
}

static bool take_value(Rest *body, uint64_t type, Value *ret) {
        *ret = (Value){ .kind = VALUE_OTHER };
        if (type == 0)
                ret->kind = VALUE_NULL;
        else if (type < N_ELEMENTS(integer_sizes)) {
                const uint8_t *bytes;

                if (!take_bytes(body, integer_sizes[type], &bytes))
                        return false;
                *ret = (Value){ VALUE_INT, integer(bytes, integer_sizes[type]), NULL, 0 };
        } else if (type == 8 || type == 9)
                *ret = (Value){ VALUE_INT, type == 9, NULL, 0 };
        else if (type >= 12) {
                ret->kind = type & 1 ? VALUE_TEXT : VALUE_BLOB;
                ret->size = (size_t) ((type - 12) / 2);
                return take_bytes(body, ret->size, &ret->bytes);
        } else
                return false; /* a fraction, or reserved: nothing of ours */
        return true;
}

/* A row: the size of its head, a type for each value, and then the values, to the last byte. */
static bool parse_row(Row *row, size_t size) {
        Rest head = { row->payload, size }, body;
        uint64_t head_size;

        if (!take_varint(&head, &head_size) || head_size > size ||
            head_size < (size_t) (head.at - row->payload))
                return false;
        body = (Rest){ row->payload + head_size, size - (size_t) head_size };
        head.size = (size_t) (body.at - head.at);

        for (row->n_values = 0; head.size > 0; row->n_values++) {
                uint64_t type;

                if (row->n_values == ROW_COLUMNS_MAX || !take_varint(&head, &type) ||
                    !take_value(&body, type, &row->values[row->n_values]))
                        return false;
        }
        return body.size == 0;
}

bool page_row(const Pages *pages, const Page *page, uint32_t index, Row *row) {
        size_t size;
        Rest cell;

        return page->kind != PAGE_NONE && page->kind != PAGE_TABLE_INNER &&
               find_cell(pages, page, index, &cell) &&
               read_payload(pages, page, cell, row, &size) && parse_row(row, size);
}

int row_new(const Pages *pages, Row *ret) {
        Row row = { .payload = malloc(SALVAGE_ROW_BYTES_MAX), .page = malloc(pages_size(pages)) };

        if (!row.payload || !row.page) {
                row_done(&row);
                return -ENOMEM;
        }
        *ret = row;
        return 0;
}

void row_done(Row *row) {
        free(row->payload);
        free(row->page);
        *row = (Row){ 0 };
}
