/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stream: a socket with a deadline, read by lines before TLS begins. Nothing waits past the
 * deadline, however slowly the other end drips, and no line or answer grows past its bound.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/greeting.h"

/* RFC 5321 allows 512 bytes, RFC 9051 suggests 8192; a greeting longer than this is an attack. */
#define STREAM_LINE_MAX 8192U

typedef struct Stream {
        int fd;              /* not blocking; owned by the caller */
        uint64_t deadline;   /* CLOCK_MONOTONIC, microseconds */
        bool heard;          /* the other end has said something */
        bool spoke;          /* so have we */
        Greeting *greeting;  /* kept here, if not NULL; owned by the caller */
        size_t start, end;   /* what of @buffer is still unread */
        uint8_t buffer[STREAM_LINE_MAX];
} Stream;

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t stream_now(void);

/* Waits for poll @events on @fd. 0, -ETIMEDOUT at the deadline, or another -errno. */
int stream_wait(int fd, short events, uint64_t deadline);

/*
 * Reads one line without its line end (CRLF, or a bare LF) into @ret, a string.
 * 0; -ETIMEDOUT; -ECONNRESET: the other end hung up; -EMSGSIZE: longer than @size; -EBADMSG: it
 * holds a NUL.
 */
int stream_line(Stream *stream, char *ret, size_t size);

/* Reads exactly @size bytes. The same returns. */
int stream_bytes(Stream *stream, uint8_t *ret, size_t size);

/*
 * Reads up to and with the text @end into @ret, a string. The same returns.
 */
int stream_until(Stream *stream, const char *end, char *ret, size_t size);

int stream_write(Stream *stream, const void *data, size_t size);

/* The next unread bytes without taking them, waiting for the first. @ret_size is 1 at least. */
int stream_peek(Stream *stream, const uint8_t **ret, size_t *ret_size);

/* true if there is something to read now, in the buffer or on the socket. */
bool stream_has_more(Stream *stream);
