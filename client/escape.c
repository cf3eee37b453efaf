/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text of strangers made harmless for a terminal. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/escape.h"

/* The longest thing that one byte of input becomes: "\u{10ffff}" takes ten, from four bytes;
 * "\x{ff}" takes six from one; "\ud83d\ude00" twelve from four. */
#define GROWTH_MAX 6U

typedef struct Range {
        uint32_t first, last;
} Range;

/* By number. What Unicode calls Cc, Cf, Zl, Zp, Cs and default ignorable, and noncharacters. */
static const Range dangerous[] = {
        { 0x0000, 0x001f },     /* C0: escape, bell, backspace, line ends */
        { 0x007f, 0x009f },     /* delete and C1: CSI in one character */
        { 0x00ad, 0x00ad },     /* soft hyphen */
        { 0x034f, 0x034f },     /* combining grapheme joiner */
        { 0x0600, 0x0605 },     /* Arabic number signs */
        { 0x061c, 0x061c },     /* Arabic letter mark */
        { 0x06dd, 0x06dd },     /* Arabic end of ayah */
        { 0x070f, 0x070f },     /* Syriac abbreviation mark */
        { 0x0890, 0x0891 },     /* Arabic pound marks */
        { 0x08e2, 0x08e2 },     /* Arabic disputed end of ayah */
        { 0x115f, 0x1160 },     /* Hangul fillers */
        { 0x17b4, 0x17b5 },     /* Khmer inherent vowels */
        { 0x180b, 0x180f },     /* Mongolian selectors and separators */
        { 0x200b, 0x200f },     /* zero width, left-to-right and right-to-left marks */
        { 0x2028, 0x202e },     /* line and paragraph separators, bidi embeddings and overrides */
        { 0x2060, 0x206f },     /* word joiner, invisible operators, bidi isolates */
        { 0x2800, 0x2800 },     /* Braille blank: looks like a space and is none */
        { 0x3164, 0x3164 },     /* Hangul filler */
        { 0xd800, 0xdfff },     /* surrogates */
        { 0xfdd0, 0xfdef },     /* noncharacters */
        { 0xfe00, 0xfe0f },     /* variation selectors */
        { 0xfeff, 0xfeff },     /* byte order mark */
        { 0xffa0, 0xffa0 },     /* half-width Hangul filler */
        { 0xfff0, 0xfffb },     /* interlinear annotation and its neighbours */
        { 0xfffe, 0xffff },     /* noncharacters */
        { 0x110bd, 0x110bd },   /* Kaithi number sign */
        { 0x110cd, 0x110cd },   /* Kaithi number sign above */
        { 0x13430, 0x1343f },   /* Egyptian hieroglyph format controls */
        { 0x1bca0, 0x1bca3 },   /* shorthand format controls */
        { 0x1d173, 0x1d17a },   /* musical format controls */
        { 0xe0000, 0xe0fff },   /* tags and more variation selectors */
        { 0xf0000, 0x10ffff },  /* private planes */
};

bool codepoint_is_dangerous(uint32_t codepoint) {
        for (size_t i = 0; i < N_ELEMENTS(dangerous); i++)
                if (codepoint >= dangerous[i].first && codepoint <= dangerous[i].last)
                        return true;
        return (codepoint & 0xfffeU) == 0xfffeU;
}

int32_t utf8_next(const char *text, size_t size, size_t *ret_size) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const uint8_t *p = (const uint8_t *) text;
        uint32_t codepoint;
        size_t n;

        *ret_size = 1;
        if (p[0] < 0x80)
                return p[0];
        if (p[0] >= 0xc2 && p[0] <= 0xdf)
                n = 2;
        else if (p[0] >= 0xe0 && p[0] <= 0xef)
                n = 3;
        else if (p[0] >= 0xf0 && p[0] <= 0xf4)
                n = 4;
        else
                return -EBADMSG;
        if (size < n)
                return -EBADMSG;

        codepoint = p[0] & (0xffU >> (n + 1));
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return -EBADMSG;
                codepoint = codepoint << 6 | (p[i] & 0x3fU);
        }
        if (codepoint < smallest[n] || codepoint > 0x10ffff ||
            (codepoint >= 0xd800 && codepoint <= 0xdfff))
                return -EBADMSG;
        *ret_size = n;
        return (int32_t) codepoint;
}

/* Text that grows to a known bound. */
typedef struct Writer {
        char *text;
        size_t size;
        size_t max;
} Writer;

static int writer_init(Writer *w, size_t input) {
        *w = (Writer){ .max = input * GROWTH_MAX + 1 };
        w->text = malloc(w->max);
        return w->text ? 0 : -ENOMEM;
}

static void write_bytes(Writer *w, const char *bytes, size_t size) {
        memcpy(w->text + w->size, bytes, size);
        w->size += size;
}

/* @number in hexadecimal between @before and @after. */
static void write_number(Writer *w, const char *before, int digits, unsigned number,
                         const char *after) {
        w->size += (size_t) snprintf(w->text + w->size, w->max - w->size, "%s%0*x%s", before,
                                     digits, number, after);
}

static void write_json(Writer *w, unsigned number) {
        write_number(w, "\\u", 4, number, "");
}

static bool looks_escaped(const char *p) {
        return p[0] == '\\' && (p[1] == 'u' || p[1] == 'x') && p[2] == '{';
}

char *escape_text(const char *text, bool utf8) {
        size_t left = text ? strlen(text) : 0, n;
        Writer w;

        if (writer_init(&w, left) < 0)
                return NULL;
        for (const char *p = text; left > 0; p += n, left -= n) {
                int32_t c = utf8_next(p, left, &n);

                if (c < 0)
                        write_number(&w, "\\x{", 2, (uint8_t) *p, "}");
                else if (codepoint_is_dangerous((uint32_t) c) || (c > 0x7e && !utf8))
                        write_number(&w, "\\u{", 2, (unsigned) c, "}");
                else if (looks_escaped(p))
                        write_bytes(&w, "\\\\", 2);
                else
                        write_bytes(&w, p, n);
        }
        w.text[w.size] = '\0';
        return w.text;
}

char *escape_json(const char *json) {
        size_t left = strlen(json), n;
        Writer w;

        if (writer_init(&w, left) < 0)
                return NULL;
        for (const char *p = json; left > 0; p += n, left -= n) {
                int32_t c = utf8_next(p, left, &n);

                if (c < 0)
                        write_json(&w, 0xfffd);
                else if (!codepoint_is_dangerous((uint32_t) c))
                        write_bytes(&w, p, n);
                else if (c < 0x20)
                        /* Inside a string it would be no JSON; outside it is white space. */
                        write_bytes(&w, " ", 1);
                else if (c < 0x10000)
                        write_json(&w, (unsigned) c);
                else {
                        write_json(&w, 0xd800U + (((unsigned) c - 0x10000U) >> 10));
                        write_json(&w, 0xdc00U + ((unsigned) c & 0x3ffU));
                }
        }
        w.text[w.size] = '\0';
        return w.text;
}
