/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exported: one decision in the form of schema/export.md, as JSON, read. */
#pragma once

#include <stdbool.h>

#include "daemon/decision.h"

struct json_object;

/* Returns NULL and fills *@ret but for its owner; or what is wrong, a static sentence, and in *@ret_member with
 * which member. @strict: a member that is none is wrong, and @created is read; else neither matters. */
const char *exported_read(struct json_object *object, bool strict, Decision *ret,
                          const char **ret_member);
