/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A strict parser of one JSON object into json-c's values. json-c's own is lenient: it passes over
 * keys that come twice, changes numbers that do not fit and lets broken UTF-8 through; and it goes
 * byte by byte where most of a message is one long base64 text.
 */
#pragma once

#include "client/varlink.h"

/* As varlink_parse() promises it. */
int json_parse_object(Blob text, struct json_object **ret, VarlinkFault *ret_fault);

/* The same for what is no message but a file of one's own: up to @max_values. */
int json_parse_large(Blob text, unsigned max_values, struct json_object **ret,
                     VarlinkFault *ret_fault);
