/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop: a real ext4 on a loop device, or the state directory itself, mounted there. Needs privileges. */
#pragma once

#include "tests/torture/world.h"

typedef struct Loop {
        char image[512];
        char mounted_at[512];
        char device[64];
} Loop;

/* These return NULL, or what there is none of, with errno. */

/* Mounts that nobody else sees. */
const char *loop_begin(void);

/* A new, empty one. */
const char *loop_make(World *w, Loop *ret);

/* With mount(2)'s @flags and @options (NULL: none). */
const char *loop_mount(Loop *l, unsigned long flags, const char *options);

/* The same for what is mounted. */
const char *loop_remount(const Loop *l, unsigned long flags);

/* The state directory as it is, as a mount of its own; and whether that can be written to. */
const char *loop_bind(World *w);
const char *loop_rebind(World *w, unsigned long flags);

/* Ends the program if it cannot. */
void loop_unmount(const Loop *l);
