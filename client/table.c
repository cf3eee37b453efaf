/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows under headings. */
#include "config.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <string.h>

#include "client/escape.h"
#include "client/i18n.h"
#include "client/table.h"

struct Table {
        const Output *out;
        struct libscols_table *table;
        struct libscols_line *line; /* the row that is being filled; the table's */
        size_t next;                /* its next empty cell */
};

int table_new(const Output *out, const TableColumn *columns, size_t n, Table **ret) {
        static const int flags[] = {
                [COLUMN_LEFT] = 0,
                [COLUMN_RIGHT] = SCOLS_FL_RIGHT,
                [COLUMN_CUT] = SCOLS_FL_TRUNC,
                [COLUMN_WRAP] = SCOLS_FL_WRAP,
        };
        _cleanup_(table_freep) Table *t = NULL;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->out = out;
        t->table = scols_new_table();
        if (!t->table)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++)
                if (!scols_table_new_column(t->table, _(columns[i].heading), 0,
                                            flags[columns[i].kind]))
                        return -ENOMEM;
        (void) scols_table_set_stream(t->table, out->stream);
        (void) scols_table_enable_colors(t->table, out->colour);
        *ret = TAKE_PTR(t);
        return 0;
}

Table *table_free(Table *table) {
        if (!table)
                return NULL;
        if (table->table)
                scols_unref_table(table->table);
        free(table);
        return NULL;
}

int table_row(Table *table) {
        table->line = scols_table_new_line(table->table, NULL);
        table->next = 0;
        return table->line ? 0 : -ENOMEM;
}

int table_cell(Table *table, Style style, const char *format, ...) {
        _cleanup_free_ char *text = NULL, *escaped = NULL;
        const size_t i = table->next++;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }
        escaped = escape_text(text, table->out->utf8);
        if (!escaped)
                return -ENOMEM;

        r = scols_line_refer_data(table->line, i, escaped);
        if (r < 0)
                return r;
        (void) TAKE_PTR(escaped);
        if (style == STYLE_PLAIN || !table->out->colour)
                return 0;
        return scols_cell_set_color(scols_line_get_cell(table->line, i),
                                    output_style(table->out, style));
}

int table_print(Table *table) {
        if (scols_table_is_empty(table->table))
                return 0;
        return scols_print_table(table->table);
}
