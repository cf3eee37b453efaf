/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes over the socket, at both ends: bytes into messages, messages into calls and replies,
 * what is written can be read again and means the same.
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/encoding.h"
#include "client/varlink.h"
#include "tests/fuzz.h"

#define MESSAGE_MAX 4096U

static void write_and_read(struct json_object *message) {
        _cleanup_free_ char *text = NULL;
        struct json_object *again = NULL, *inner = NULL;
        VarlinkFault fault;
        size_t size;

        if (varlink_write_reply(message, true, &text, &size) < 0)
                abort();
        /* One level deeper than it was: only for that may it be refused. */
        if (varlink_parse((Blob){(const uint8_t *) text, size - 1}, &again, &fault) < 0) {
                if (strcmp(fault.reason, "it is nested too deep") != 0)
                        abort();
                return;
        }
        if (!json_object_object_get_ex(again, "parameters", &inner) ||
            !json_object_equal(inner, message))
                abort();
        (void) json_object_put(again);
}

static void try_message(Blob text) {
        struct json_object *message = NULL;
        VarlinkFault fault = {0};
        VarlinkCall call;
        VarlinkReply reply;

        if (varlink_parse(text, &message, &fault) < 0) {
                if (!fault.reason || fault.offset > text.size)
                        abort();
                return;
        }
        if (varlink_call_read(message, &call, &fault) == 0 && !call.method)
                abort();
        (void) varlink_reply_read(message, &reply, &fault);
        write_and_read(message);
        (void) json_object_put(message);
}

/* The bytes as base64 text, and what is decoded as bytes. */
static void try_base64(Blob text) {
        _cleanup_free_ uint8_t *bytes = NULL;
        _cleanup_free_ char *again = NULL;
        size_t size;

        if (base64_decode((const char *) text.data, text.size, &bytes, &size) < 0)
                return;
        again = malloc(BASE64_SIZE(size));
        if (!again)
                abort();
        base64_encode(bytes, size, again);
        if (strlen(again) != text.size || memcmp(again, text.data, text.size) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        VarlinkBuffer buffer = {0};
        Blob text;

        /* The first byte is the size of the pieces that it comes in. */
        for (size_t at = 1; at < size; at += 1U + data[0]) {
                size_t n = size - at < 1U + data[0] ? size - at : 1U + data[0];

                if (varlink_buffer_append(&buffer, data + at, n, MESSAGE_MAX) < 0)
                        break;
                while (varlink_buffer_take(&buffer, &text) > 0) {
                        try_message(text);
                        try_base64(text);
                }
        }
        varlink_buffer_done(&buffer);
        return 0;
}

/* Each with the size of its pieces before it and its NUL after it. */
void fuzz_seeds(void (*put)(const uint8_t *data, size_t size)) {
        static const char *const seeds[] = {
                "\x07{\"method\":\"org.varlink.service.GetInfo\"}",
                "\xff{\"method\":\"org.certexc1.Verify\",\"parameters\":{\"host\":\"imap.example.org\","
                "\"port\":993,\"chain\":[\"MIIB\"]},\"more\":false}",
                "\xff{\"parameters\":{\"event\":\"ready\",\"time\":-1},\"continues\":true}",
                "\xff{\"error\":\"org.certexc1.NotFound\",\"parameters\":null}",
                "\x01{\"\\u0061\\ud83d\\ude00\":[1,-2.5e-3,true,null,{\"a\":[[[[[[[[[]]]]]]]]]}],"
                "\"\xc3\xa9\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\xf0\x9f\x98\x80\"}",
                "\x10Zm9vYmE=",
        };

        for (size_t i = 0; i < N_ELEMENTS(seeds); i++)
                put((const uint8_t *) seeds[i], strlen(seeds[i]) + 1);
}
