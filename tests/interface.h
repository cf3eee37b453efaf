/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds answers against the text of schema/org.certexc1.varlink: a field that is missing, of
 * another type, or not in the text is a fault. */
#pragma once

struct json_object;

/* @what: "type Exception", "call Verify", "reply Verify" or "error InvalidHost". Returns NULL if @o is just that, else a
 * sentence (valid until the next call) that says where it departs. */
const char *interface_departs(const char *what, struct json_object *o);
