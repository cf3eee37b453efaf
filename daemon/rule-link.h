/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RuleLink: where a link in a folder of rules leads. Whoever may put another file in the place of what is at its end,
 * or lead it elsewhere on the way, decides what the rules are.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* true if root or @owner owns it; they alone rule. */
bool rule_is_trusted(const struct stat *st, uid_t owner);

/* What is wrong with the way from @name in the folder to a file (static): NULL if nothing is, or if it is no link. */
const char *rule_link_check(int folder_fd, const char *name, uid_t owner);
