/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "client/cleanup.h"
#include "client/i18n.h"
#include "client/problem.h"

#define EXCEPTABLE true
#define NEVER false

const ProblemInfo problem_infos[] = {
#define PROBLEM(number, IDENTIFIER, name, exceptable, who, meaning, advice)                        \
        { PROBLEM_##IDENTIFIER, name, exceptable, MENDER_##who, meaning, advice },
#include "schema/problems.def"
#undef PROBLEM
};

const unsigned n_problem_infos = N_ELEMENTS(problem_infos);

const ProblemSet problem_set_all = 0
#define PROBLEM(number, IDENTIFIER, name, exceptable, who, meaning, advice) | PROBLEM_##IDENTIFIER
#include "schema/problems.def"
#undef PROBLEM
        ;

const ProblemSet problem_set_never = 0
#define PROBLEM(number, IDENTIFIER, name, exceptable, who, meaning, advice)                        \
        | (exceptable ? 0 : PROBLEM_##IDENTIFIER)
#include "schema/problems.def"
#undef PROBLEM
        ;

const ProblemInfo *problem_info(ProblemSet problem) {
        for (unsigned i = 0; i < n_problem_infos; i++)
                if ((ProblemSet) problem_infos[i].problem == problem)
                        return &problem_infos[i];
        return NULL;
}

const ProblemInfo *problem_by_name(const char *name) {
        for (unsigned i = 0; i < n_problem_infos; i++)
                if (strcmp(problem_infos[i].name, name) == 0)
                        return &problem_infos[i];
        return NULL;
}
