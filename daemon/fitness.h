/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fitness: whether a certificate can be an authority, before somebody makes it one. */
#pragma once

#include "daemon/problems.h"

/*
 * Finds what speaks against the first certificate of @question as an authority: not about an
 * endpoint, and without its issuer. Returns as problems_find().
 */
int fitness_find(const Question *question, Facts **ret);
