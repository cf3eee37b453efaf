/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificate policies (RFC 5280, section 6.1). Nobody asks us for a policy of their own; what
 * counts is whether an authority demanded that there be one, and there is none left.
 */
#pragma once

#include "daemon/path.h"

/* NULL if the policies of @path are as its certificates demand, else a static sentence. */
const char *policies_fault(const Path *path);
