/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scan: is this text one strict JSON object? One pass, no memory of its own. It finds what a
 * lenient parser would pass over in silence: keys that come twice, broken UTF-8, what follows the
 * object, nesting without end.
 */
#pragma once

#include <stdbool.h>

#include "client/varlink.h"

/* As varlink_parse() promises it. false: *@ret_fault says what and where. */
bool scan_object(Blob text, VarlinkFault *ret_fault);
