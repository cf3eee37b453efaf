/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times as people type and read them. Seconds since 1970-01-01 00:00 UTC on the inside. */
#pragma once

#include <stdint.h>

/* Room for what the writers below write, with the NUL. */
#define TIMES_TEXT_MAX 64U

/*
 * Reads an end: "2027-03-01" (that whole day, local time), "2027-03-01 12:00" or
 * "2027-03-01T12:00:30" (local; with Z behind it, UTC), "12h", "30d", "2w", "1y" from @now on, or
 * "never", which is 0.
 *
 * 0 and the first second when it is over in *@ret; -EINVAL and why in *@ret_reason (static, no
 * full stop), also for what is over already.
 */
int times_parse(const char *text, int64_t now, int64_t *ret, const char **ret_reason);

/* "2027-03-01 12:00" in local time; years that no calendar has come out as a number. */
void times_write(int64_t t, char ret[static TIMES_TEXT_MAX]);

/* "in 3 days", "2 hours ago", "now": the largest unit that fits. */
void times_write_distance(int64_t t, int64_t now, char ret[static TIMES_TEXT_MAX]);
