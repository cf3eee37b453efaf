/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that certexc writes for people. */
#include "config.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/escape.h"
#include "client/output.h"

/* Lines longer than this are hard to read, however wide the terminal is. */
#define WIDTH_MAX 100U
#define WIDTH_MIN 40U
#define WIDTH_USUAL 80U

static unsigned terminal_width(int fd) {
        struct winsize size;

        if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return WIDTH_USUAL;
        if (size.ws_col < WIDTH_MIN)
                return WIDTH_MIN;
        return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

void output_init(Output *out, FILE *stream) {
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
        const bool terminal = isatty(fileno(stream));
        const bool moves = terminal && term && *term && strcmp(term, "dumb") != 0;

        *out = (Output){
                .stream = stream,
                .colour = moves && !(no_colour && *no_colour),
                .moves = moves,
                .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
                .width = terminal ? terminal_width(fileno(stream)) : WIDTH_USUAL,
        };
}

const char *output_style(const Output *out, Style style) {
        static const char *const sequences[_STYLE_MAX] = {
                [STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m",
                [STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m",
                [STYLE_BAD] = "\033[31m",  [STYLE_DIM] = "\033[2m",
        };

        return out->colour ? sequences[style] : "";
}

/* Formats and escapes; NULL when out of memory, which then shows as a missing text. */
static char *_printf_(2, 0) make(const Output *out, const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL;

        if (vasprintf(&text, format, ap) < 0) {
                text = NULL;
                return NULL;
        }
        return escape_text(text, out->utf8);
}

static const char *or_memory(const char *text) {
        return text ? text : "(out of memory)";
}

void output_line(const Output *out, Style style, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = make(out, format, ap);
        va_end(ap);
        if (style == STYLE_PLAIN)
                (void) fprintf(out->stream, "%s\n", or_memory(text));
        else
                (void) fprintf(out->stream, "%s%s%s\n", output_style(out, style), or_memory(text),
                               output_style(out, STYLE_PLAIN));
}

/* Characters, not bytes; close enough to columns for running text. */
static size_t columns(const char *text, size_t size) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                if (((unsigned char) text[i] & 0xc0) != 0x80)
                        n++;
        return n;
}

/* Fills up to @indent columns; a longer lead is told from the text by a space. */
static void write_lead(const Output *out, unsigned indent, const char *lead) {
        const size_t width = columns(lead, strlen(lead));
        const size_t gap = width < indent ? indent - width : *lead ? 1 : 0;

        (void) fprintf(out->stream, "%s%*s", lead, (int) gap, "");
}

static void write_wrapped(const Output *out, unsigned indent, const char *text) {
        size_t column = indent;

        for (const char *p = text; *p;) {
                const size_t size = strcspn(p, " "), width = columns(p, size);

                if (column > indent && column + 1 + width > out->width) {
                        (void) fprintf(out->stream, "\n%*s", (int) indent, "");
                        column = indent;
                } else if (p > text) {
                        (void) fputc(' ', out->stream);
                        column++;
                }
                (void) fwrite(p, 1, size, out->stream);
                column += width;
                p += size;
                if (*p == ' ')
                        p++;
        }
}

void output_paragraph(const Output *out, unsigned indent, const char *lead, Style style,
                      const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = make(out, format, ap);
        va_end(ap);

        write_lead(out, indent, lead ? lead : "");
        if (style != STYLE_PLAIN)
                (void) fputs(output_style(out, style), out->stream);
        write_wrapped(out, indent, or_memory(text));
        if (style != STYLE_PLAIN)
                (void) fputs(output_style(out, STYLE_PLAIN), out->stream);
        (void) fputc('\n', out->stream);
}

void output_gap(const Output *out) {
        (void) fputc('\n', out->stream);
}

/* The line is cut where the terminal would wrap it. */
void output_progress(const Output *out, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (!out->moves)
                return;
        va_start(ap, format);
        text = make(out, format, ap);
        va_end(ap);
        if (text && columns(text, strlen(text)) < out->width)
                (void) fprintf(out->stream, "\r%s\033[K", text);
        (void) fflush(out->stream);
}

void output_json(const Output *out, const char *json) {
        _cleanup_free_ char *text = escape_json(json);

        (void) fprintf(out->stream, "%s\n", or_memory(text));
}

int output_finish(const Output *out) {
        if (fflush(out->stream) == 0 && !ferror(out->stream))
                return 0;
        return errno > 0 ? -errno : -EIO;
}
