/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undo: what a power cut takes back. Before each change of a file or of a name the old state is
 * noted; a sync forgets the notes of its file or directory; undo_all() puts back what is still
 * noted. For faults.c, inside the daemon; the caller holds a lock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Before @size bytes at @offset of the file @fd are written, or, with SIZE_MAX, before it is cut
 * there. */
void undo_note_bytes(int fd, off_t offset, size_t size);

/* Before the name goes to another file, or away; @attic is a directory of the same file system. */
void undo_note_name(int directory_fd, const char *name, const char *attic);

/* @fd was synced. */
void undo_forget(int fd);

/* Puts back, the newest first; each with @seed 0, else every other by chance. */
void undo_all(uint32_t seed);
