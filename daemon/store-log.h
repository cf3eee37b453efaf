/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The write-ahead log as a witness. SQLite reads it up to the first frame that does not check and
 * says nothing about the rest: what a damaged log loses is as if it had never been. That is
 * harmless as long as the journal tells what is missing. Where the journal cannot be asked, this
 * can.
 */
#pragma once

/* 1 if all that @log holds is read (it is not there, or empty, or ends in a commit with nothing but
 * frames of its earlier use behind it); 0 if something may have been lost; -errno. */
int store_log_is_whole(int directory_fd, const char *log);
