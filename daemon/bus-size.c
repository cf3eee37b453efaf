/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long a message of the bus is, which sd-bus does not tell: it is read through without keeping it. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "daemon/bus-private.h"

/* What a value takes at most that is no text and no array. */
#define VALUE_BYTES 8U

/* Arrays of these lie in the message as they are. */
#define PLAIN "ynqiuxtd"

static int spend(size_t *left, size_t size) {
        if (size > *left)
                return -EMSGSIZE;
        *left -= size;
        return 1;
}

static int walk(sd_bus_message *m, size_t *left);

static int walk_array(sd_bus_message *m, char kind, size_t *left) {
        const void *data;
        size_t size;
        int r = sd_bus_message_read_array(m, kind, &data, &size);

        return r < 0 ? r : spend(left, size);
}

static int walk_container(sd_bus_message *m, char kind, const char *contents, size_t *left) {
        int r = sd_bus_message_enter_container(m, kind, contents);

        if (r > 0)
                r = walk(m, left);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int walk_basic(sd_bus_message *m, char kind, size_t *left) {
        union {
                const char *text;
                uint64_t number;
        } value = { .number = 0 };
        int r = sd_bus_message_read_basic(m, kind, &value);

        if (r < 0)
                return r;
        return spend(left, strchr("sog", kind) ? strlen(value.text) : 0);
}

/* What is left of the message, or of the container. */
static int walk(sd_bus_message *m, size_t *left) {
        const char *contents;
        char kind;
        int r;

        while ((r = sd_bus_message_peek_type(m, &kind, &contents)) > 0) {
                r = spend(left, VALUE_BYTES);
                if (r < 0)
                        return r;
                if (kind == 'a' && contents[1] == '\0' && strchr(PLAIN, contents[0]))
                        r = walk_array(m, contents[0], left);
                else if (contents)
                        r = walk_container(m, kind, contents, left);
                else
                        r = walk_basic(m, kind, left);
                if (r < 0)
                        return r;
        }
        return r;
}

int bus_message_size(sd_bus_message *m, size_t max, size_t *ret) {
        size_t left = max;
        int r;

        r = walk(m, &left);
        if (r < 0)
                return r;
        r = sd_bus_message_rewind(m, true);
        if (r < 0)
                return r;
        *ret = max - left;
        return 0;
}
