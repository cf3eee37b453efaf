/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of explain.h share: headings, and fields behind their labels. */
#pragma once

#include <stdbool.h>

#include "client/explain.h"

/* Columns of a label in front of a value, and room for a label in any language. */
#define LABEL 14U
#define LABEL_BYTES_MAX 64U

/* Names of a certificate that are shown; there may be hundreds. */
#define NAMES_SHOWN_MAX 12U

const char *explain_or_question_mark(const char *text);
/* Whether both are there, and equal. */
bool explain_same(const char *a, const char *b);

void explain_heading(const Output *out, const char *text);
/* A moment and how far it is. */
void explain_field_time(const Output *out, const char *label, int64_t t, int64_t now);
/* On a line of its own and unbroken, so that it can be copied. */
void explain_field_fingerprint(const Output *out, const char *label, const char *sha256);
