/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The closed list of problems, from schema/problems.def. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum Problem {
#define PROBLEM(number, IDENTIFIER, name, exceptable, who, meaning, advice)                        \
        PROBLEM_##IDENTIFIER = 1 << (number),
#include "schema/problems.def"
#undef PROBLEM
} Problem;

/* A set of problems: the bits of enum Problem. */
typedef uint32_t ProblemSet;

/* Who can mend a problem. */
typedef enum ProblemMender {
        MENDER_YOU,
        MENDER_ADMINISTRATOR,
        MENDER_PROVIDER,
        MENDER_ISSUER,
} ProblemMender;

typedef struct ProblemInfo {
        Problem problem;
        const char *name;
        bool exceptable;
        ProblemMender mender;
        const char *meaning; /* untranslated; gettext's key */
        const char *advice;  /* untranslated; gettext's key */
} ProblemInfo;

/* All problems, by number, and how many they are. */
extern const ProblemInfo problem_infos[];
extern const unsigned n_problem_infos;

/* Every known problem, and those that nobody may allow. */
extern const ProblemSet problem_set_all;
extern const ProblemSet problem_set_never;

/* NULL if @problem is not exactly one known bit. */
const ProblemInfo *problem_info(ProblemSet problem);

/* NULL if @name is no problem's name. */
const ProblemInfo *problem_by_name(const char *name);
