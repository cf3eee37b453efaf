/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output: all that certexc writes for people goes through here, where it is escaped, so that
 * nothing that a certificate, a server or the daemon says can move a cursor, colour a line, turn
 * the direction of reading or hide.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "client/cleanup.h"

typedef enum Style {
        STYLE_PLAIN,
        STYLE_BOLD,
        STYLE_GOOD,
        STYLE_WARN,
        STYLE_BAD,
        STYLE_DIM,
        _STYLE_MAX,
} Style;

typedef struct Output {
        FILE *stream;
        bool colour;
        bool moves;     /* a terminal whose cursor can be moved back */
        bool utf8;      /* false: everything beyond ASCII is escaped */
        unsigned width; /* columns to wrap at */
} Output;

/* Colour only on a terminal, and not when NO_COLOR is set or TERM is dumb. */
void output_init(Output *out, FILE *stream);

/* The escape sequence that begins (ends, for STYLE_PLAIN) @style, "" without colour. */
const char *output_style(const Output *out, Style style);

/* One line, escaped as a whole, its end added. */
void output_line(const Output *out, Style style, const char *format, ...) _printf_(3, 4);

/* A paragraph, escaped as a whole, wrapped, every line indented by @indent columns; @lead, if
 * given, stands in the indentation of the first line. */
void output_paragraph(const Output *out, unsigned indent, const char *lead, Style style,
                      const char *format, ...) _printf_(5, 6);

/* An empty line. */
void output_gap(const Output *out);

/* On a terminal alone: one line that the next call writes over, or, if it is empty, takes away. */
void output_progress(const Output *out, const char *format, ...) _printf_(2, 3);

/* One JSON text as a line. What must not reach a terminal becomes \uXXXX, which reads the same. */
void output_json(const Output *out, const char *json);

/* 0, or -errno if something could not be written: the disk is full, the reader went away. */
int output_finish(const Output *out);
