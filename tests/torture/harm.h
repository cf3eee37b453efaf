/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Harm: what is done to a file, by a number that alone decides it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum HarmKind {
        HARM_FLIP_BIT,
        HARM_FLIP_BITS, /* 64 of them */
        HARM_ZERO_PAGE,
        HARM_SWAP_PAGES,
        HARM_TRUNCATE,      /* anywhere */
        HARM_TRUNCATE_LINE, /* behind a newline, if there is one */
        HARM_STRETCH,       /* some hundred bytes become text */
        HARM_TEXT,          /* all of it is another file's text */
        HARM_EMPTY,
        HARM_DELETE,
        HARM_REPLACE, /* another file by the same name; the old one is still open */
        _HARM_MAX,
} HarmKind;

/* "a bit is turned" ... */
const char *harm_name(HarmKind kind);

/* Nothing happens to a file that is not there. */
void harm(const char *path, HarmKind kind, uint32_t *chance);

/* Whether nothing is left of it. */
bool harm_destroys(HarmKind kind);
