/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Varlink codec that library and daemon share: bytes to messages and back. A message is one
 * JSON object followed by a NUL byte (https://varlink.org/Method-Call). No I/O happens here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"

struct json_object;

/* Objects and arrays may nest this deep: a message of ours needs six; parsers die of thousands. */
#define VARLINK_DEPTH_MAX 16U

/* Keys in one object: our widest has seventeen; the duplicate check compares each with each, and
 * Fields keeps a bit for each. */
#define VARLINK_KEYS_MAX 64U

/* Values in one message; a full page of a list counts about half as many. Parsed, each takes some 64
 * bytes, and an object or array as much as sixteen more, for which it counts: a message of nothing
 * but "{}" would grow 250 times. */
#define VARLINK_VALUES_MAX       32768U
#define VARLINK_VALUES_CONTAINER 16U
#define VARLINK_VALUE_BYTES      64U

/* What went wrong with a message: a sentence for people, and the byte where it was seen. */
typedef struct VarlinkFault {
        const char *reason; /* static, English, no full stop */
        size_t offset;
} VarlinkFault;

/*
 * A buffer that bytes are appended to and whole messages taken from. VARLINK_BUFFER_INIT or
 * zeroed memory is an empty one. Holds at most the @max that append is given.
 */
typedef struct VarlinkBuffer {
        char *data;
        size_t begin;     /* what was taken before it may be overwritten by the next append */
        size_t size;      /* bytes in use, those before @begin included */
        size_t allocated;
        size_t scanned;   /* no NUL from @begin to before this one */
} VarlinkBuffer;

/* Returns 0, -ENOMEM, or -EMSGSIZE if the first message in the buffer, whole or not yet, has more
 * than @max bytes before its NUL. */
int varlink_buffer_append(VarlinkBuffer *buffer, const void *data, size_t size, size_t max);

/*
 * Takes the next whole message off the buffer. 1 and its text (without NUL; valid until the next
 * call on @buffer) in *@ret, 0 if there is none yet.
 */
int varlink_buffer_take(VarlinkBuffer *buffer, Blob *ret);

/* How many bytes of messages that were not taken yet are held. */
size_t varlink_buffer_held(const VarlinkBuffer *buffer);

/* Forgets everything and frees the memory. */
void varlink_buffer_done(VarlinkBuffer *buffer);

/*
 * Parses one message: a single JSON object (RFC 8259), valid UTF-8, at most VARLINK_DEPTH_MAX
 * deep, of VARLINK_VALUES_MAX, no key twice in one object (an escaped key counts as what it stands
 * for), nothing after it.
 * Returns 0 and a new reference in *@ret, -EBADMSG and *@ret_fault, or -ENOMEM.
 */
int varlink_parse(Blob text, struct json_object **ret, VarlinkFault *ret_fault);

/* About how many bytes a parsed value takes, by the figures above, its texts not counted. */
size_t varlink_weight(struct json_object *value);

/* A call as it came in. The strings and @parameters belong to the message and live as long as it. */
typedef struct VarlinkCall {
        const char *method; /* "org.certexc1.Verify" */
        struct json_object *parameters; /* an object, or NULL if there were none */
        bool more;
        bool oneway;
        bool upgrade;
} VarlinkCall;

/* Reads a parsed message as a call. Returns 0, or -EBADMSG and *@ret_fault. */
int varlink_call_read(struct json_object *message, VarlinkCall *ret, VarlinkFault *ret_fault);

/*
 * Writes a call, a reply or an error as text ending in NUL. Steals nothing; @parameters may be
 * NULL. Returns 0, the new text (free()) in *@ret and its size with the NUL in *@ret_size; -ENOMEM.
 */
int varlink_write_call(const char *method, struct json_object *parameters, bool more, bool oneway,
                       char **ret, size_t *ret_size);
int varlink_write_reply(struct json_object *parameters, bool continues, char **ret,
                        size_t *ret_size);
int varlink_write_error(const char *error, struct json_object *parameters, char **ret,
                        size_t *ret_size);

/* A reply as the client reads it. Everything belongs to the message. @error is NULL on success. */
typedef struct VarlinkReply {
        const char *error;
        struct json_object *parameters; /* NULL if there were none */
        bool continues;
} VarlinkReply;

int varlink_reply_read(struct json_object *message, VarlinkReply *ret, VarlinkFault *ret_fault);
