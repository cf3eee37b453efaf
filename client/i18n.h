/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words for people in their language: _() looks a text up, N_() marks one that is looked up where it
 * is used, P_() knows plurals. Library and program share one catalogue, "certexc".
 */
#pragma once

#define _format_arg_(n) __attribute__((format_arg(n)))

#define N_(text) text
#define _(text) i18n_text(text)
#define P_(one, many, n) i18n_plural(one, many, n)

/* @text in the language of LC_MESSAGES, in UTF-8 whatever the locale's encoding; itself where there
 * is no translation. Static. */
const char *i18n_text(const char *text) _format_arg_(1);

/* The form for @n of them. */
const char *i18n_plural(const char *one, const char *many, unsigned long n) _format_arg_(1)
        _format_arg_(2);
