/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text of strangers made harmless for a terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the next character of the @size bytes at @text (one at least): its bytes in *@ret_size.
 * Returns the code point, or -EBADMSG for one byte that is no UTF-8 (too long, a surrogate, …).
 */
int32_t utf8_next(const char *text, size_t size, size_t *ret_size);

/* true for characters that move, hide, or reorder: controls, bidi marks, invisible ones, tags. */
bool codepoint_is_dangerous(uint32_t codepoint);

/*
 * A copy of @text (NULL is "") in which those are written as \u{202e}, bytes that are no UTF-8 as
 * \x{ff}, and everything beyond ASCII as well unless @utf8. A backslash before u{ or x{ is doubled,
 * so that no text can pretend to have been escaped. NULL when out of memory. free()
 */
char *escape_text(const char *text, bool utf8);

/* The same for JSON: \uXXXX, surrogate pairs beyond the BMP. The text stays the same JSON. */
char *escape_json(const char *json);
