/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DER from the inside out, for what no library makes: answers, lists and names that are wrong on
 * purpose. */
#pragma once

#include "tests/status.h"

/* Appends bytes as they are. */
void assemble(Status *to, const void *data, size_t size);

/* Appends an element: @tag, its length, @data. */
void assemble_element(Status *to, uint8_t tag, const void *data, size_t size);

/* Puts @inner into an element of @tag at the end of @to, and forgets it. */
void assemble_built(Status *to, uint8_t tag, Status *inner);

void assemble_time(Status *to, int64_t when);
