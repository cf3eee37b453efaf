/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ruled: folders of files with decisions, and what the daemon makes of them, for the tests. Everything is of
 * one test, which Check runs in a process of its own; the judge is the test's own program.
 */
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/rules.h"
#include "tests/pki.h"

extern Pki *one, *two;
extern char home[64], folders[_RULE_FOLDER_MAX][96];

typedef struct Seen {
        unsigned n_calls; /* of what hears of a reading */
        int error;
} Seen;

/* Runs what @add adds, each in folders of its own; the exit status. */
int run(const char *name, void (*add)(TCase *tcase));

void make_folder(const char *path);

/* The path of a file; a few are valid at once. */
const char *in(RuleFolder folder, const char *name);

/* A file that denies @pki at mail.example.org:993; one that is none. */
void put(RuleFolder folder, const char *name, const Pki *pki);
void put_broken(RuleFolder folder, const char *name);

Rules *start(Seen *seen);
void reload(Rules *rules, Seen *seen);

size_t count(Rules *rules);
bool denies(Rules *rules, const Pki *pki);
bool has_warning(const Rules *rules, const char *words);
