/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directories: those that the daemon needs before it can open anything. */
#pragma once

#include <sys/types.h>

/* Makes @path, and what is missing above it, with @mode. One that is there stays as it is. */
int directory_make(const char *path, mode_t mode);

/* The same for the directory that @path lies in. */
int directory_make_above(const char *path, mode_t mode);

/*
 * Makes @path readable for us alone. Returns 0; 1 if others may read it, but not write to it, and that cannot be
 * changed because the file system is read-only; -EPERM if it belongs to somebody else, who could change the
 * decisions in it; -EACCES if others may write to it, and it is read-only; -errno.
 */
int directory_make_private(const char *path);
