/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names as text in one canonical form, and as name constraints. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/only.h"

#define ADDRESS_BYTES_MAX 16U

/* "fe80:…/128" */
#define NAME_TEXT_MAX (ENDPOINT_HOST_MAX + 4U)

/* One name, read. */
typedef struct Only {
        HostKind kind;
        char host[ENDPOINT_HOST_MAX + 1];
        uint8_t address[ADDRESS_BYTES_MAX];
        unsigned n_bytes; /* of the address */
        unsigned bits;    /* of it that count */
} Only;

/* -- one name ------------------------------------------------------------------------------ */

/* The decimal number in all of @text, or -1. */
static int read_bits(const char *text, size_t size, unsigned max) {
        unsigned value = 0;

        if (size == 0 || size > 3 || (size > 1 && text[0] == '0'))
                return -1;
        for (size_t i = 0; i < size; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                value = 10 * value + (unsigned) (text[i] - '0');
        }
        return value <= max ? (int) value : -1;
}

static bool bit_of(const uint8_t *address, unsigned i) {
        return address[i / 8] >> (7 - i % 8) & 1;
}

static int read_address(const char *rest, size_t size, Only *o, const char **ret_reason) {
        int bits;

        o->n_bytes = o->kind == HOST_IPV4 ? 4 : 16;
        (void) inet_pton(o->kind == HOST_IPV4 ? AF_INET : AF_INET6, o->host, o->address);
        o->bits = 8 * o->n_bytes;
        if (!rest)
                return 0;
        bits = read_bits(rest, size, o->bits);
        if (bits < 0) {
                *ret_reason = "behind the slash of a network stands how many bits of it count";
                return -EINVAL;
        }
        o->bits = (unsigned) bits;
        for (unsigned i = o->bits; i < 8 * o->n_bytes; i++)
                if (bit_of(o->address, i)) {
                        *ret_reason = "the bits of a network that do not count are to be zero";
                        return -EINVAL;
                }
        return 0;
}

static int read_name(const char *name, size_t size, Only *ret, const char **ret_reason) {
        const char *slash = memchr(name, '/', size);
        size_t head = slash ? (size_t) (slash - name) : size;
        Endpoint endpoint;
        Only o = { 0 };
        int r;

        if (head > 0 && (name[0] == '.' || memchr(name, '*', head))) {
                *ret_reason = "a name stands for all below it without a dot or a star";
                return -EINVAL;
        }
        r = endpoint_set(name, head, 0, &endpoint, ret_reason);
        if (r < 0)
                return r;
        o.kind = endpoint.kind;
        strcpy(o.host, endpoint.host);
        if (o.kind == HOST_NAME && slash) {
                *ret_reason = "only a network of addresses is written with a slash";
                return -EINVAL;
        }
        if (o.kind != HOST_NAME)
                r = read_address(slash ? slash + 1 : NULL, slash ? size - head - 1 : 0, &o,
                                 ret_reason);
        if (r < 0)
                return r;
        *ret = o;
        return 0;
}

static void name_text(const Only *o, char ret[static NAME_TEXT_MAX + 1]) {
        if (o->kind == HOST_NAME || o->bits == 8 * o->n_bytes)
                (void) snprintf(ret, NAME_TEXT_MAX + 1, "%s", o->host);
        else
                (void) snprintf(ret, NAME_TEXT_MAX + 1, "%s/%u", o->host, o->bits);
}

/* -- all of them --------------------------------------------------------------------------- */

/* The next name of @*text in @ret, which goes on behind it; false at the end. */
static bool next_name(const char **text, const char **ret, size_t *ret_size) {
        if (**text == '\0')
                return false;
        *ret = *text;
        *ret_size = strcspn(*text, ",");
        *text += *ret_size;
        if (**text == ',')
                (*text)++;
        return true;
}

static int compare(const char *a, size_t a_size, const char *b, size_t b_size) {
        int c = memcmp(a, b, a_size < b_size ? a_size : b_size);

        return c != 0 ? c : a_size < b_size ? -1 : a_size > b_size;
}

int only_add(char text[static ONLY_TEXT_MAX + 1], const char *name, size_t size,
             const char **ret_reason) {
        const char *rest = text, *held, *before = NULL;
        char canonical[NAME_TEXT_MAX + 1];
        size_t held_size, length, at;
        unsigned n = 0;
        Only o;
        int r;

        r = read_name(name, size, &o, ret_reason);
        if (r < 0)
                return r;
        name_text(&o, canonical);
        length = strlen(canonical);

        while (next_name(&rest, &held, &held_size)) {
                int c = compare(canonical, length, held, held_size);

                if (c == 0)
                        return 0;
                if (c < 0 && !before)
                        before = held;
                n++;
        }
        if (n >= ONLY_NAMES_MAX || strlen(text) + 1 + length > ONLY_TEXT_MAX)
                return -E2BIG;

        at = before ? (size_t) (before - text) : strlen(text);
        memmove(text + at + length + 1, text + at, strlen(text + at) + 1);
        memcpy(text + at, canonical, length);
        if (before)
                text[at + length] = ',';
        else {
                text[at + length] = '\0';
                if (at > 0) {
                        memmove(text + at + 1, text + at, length + 1);
                        text[at] = ',';
                }
        }
        return 0;
}

static bool covers(const Only *o, const Only *host) {
        size_t n = strlen(o->host), m = strlen(host->host);

        if (o->kind != host->kind || o->bits > host->bits)
                return false;
        if (o->kind == HOST_NAME)
                return m >= n && strcmp(host->host + m - n, o->host) == 0 &&
                       (m == n || host->host[m - n - 1] == '.');
        for (unsigned i = 0; i < o->bits; i++)
                if (bit_of(o->address, i) != bit_of(host->address, i))
                        return false;
        return true;
}

/* Whether one of the names of @text covers the one of @size bytes. */
static bool covers_one(const char *text, const char *one, size_t size) {
        const char *name, *reason;
        size_t name_size;
        Only o, host;

        if (read_name(one, size, &host, &reason) < 0)
                return false;
        while (next_name(&text, &name, &name_size))
                if (read_name(name, name_size, &o, &reason) == 0 && covers(&o, &host))
                        return true;
        return false;
}

bool only_covers(const char *text, const Endpoint *endpoint) {
        return covers_one(text, endpoint->host, strlen(endpoint->host));
}

bool only_is_within(const char *narrow, const char *wide) {
        const char *name;
        size_t size;

        if (*wide == '\0')
                return true;
        if (*narrow == '\0')
                return false;
        while (next_name(&narrow, &name, &size))
                if (!covers_one(wide, name, size))
                        return false;
        return true;
}

/* -- as DER -------------------------------------------------------------------------------- */

static uint8_t *put_length(uint8_t *to, size_t size) {
        if (size >= 0x100)
                *to++ = 0x82;
        else if (size >= 0x80)
                *to++ = 0x81;
        if (size >= 0x100)
                *to++ = (uint8_t) (size >> 8);
        *to++ = (uint8_t) size;
        return to;
}

static size_t length_size(size_t size) {
        return size >= 0x100 ? 3 : size >= 0x80 ? 2 : 1;
}

/* GeneralSubtree: a sequence of one name with @tag. */
static uint8_t *put_subtree(uint8_t *to, uint8_t tag, const void *name, size_t size) {
        *to++ = 0x30;
        to = put_length(to, 1 + length_size(size) + size);
        *to++ = tag;
        to = put_length(to, size);
        if (size > 0)
                memcpy(to, name, size);
        return to + size;
}

#define TAG_DNS     0x82
#define TAG_ADDRESS 0x87

static uint8_t *put_name(uint8_t *to, const Only *o) {
        uint8_t network[2 * ADDRESS_BYTES_MAX] = { 0 };

        if (o->kind == HOST_NAME)
                return put_subtree(to, TAG_DNS, o->host, strlen(o->host));
        memcpy(network, o->address, o->n_bytes);
        for (unsigned i = 0; i < o->bits; i++)
                network[o->n_bytes + i / 8] |= (uint8_t) (0x80 >> i % 8);
        return put_subtree(to, TAG_ADDRESS, network, 2 * o->n_bytes);
}

int only_subtrees(const char *text, OnlySubtrees *ret) {
        static const uint8_t everything[2 * ADDRESS_BYTES_MAX];
        bool named = false, addressed = false;
        uint8_t *at = ret->bytes;
        const char *name, *reason;
        size_t size;

        if (*text == '\0' || strlen(text) > ONLY_TEXT_MAX)
                return -EINVAL;
        for (unsigned n = 0; next_name(&text, &name, &size); n++) {
                Only o;

                if (n >= ONLY_NAMES_MAX || read_name(name, size, &o, &reason) < 0)
                        return -EINVAL;
                named |= o.kind == HOST_NAME;
                addressed |= o.kind != HOST_NAME;
                at = put_name(at, &o);
        }
        ret->permitted = (Blob){ ret->bytes, (size_t) (at - ret->bytes) };

        ret->excluded = (Blob){ at, 0 };
        if (!named)
                at = put_subtree(at, TAG_DNS, NULL, 0);
        if (!addressed) {
                at = put_subtree(at, TAG_ADDRESS, everything, 8);
                at = put_subtree(at, TAG_ADDRESS, everything, 32);
        }
        ret->excluded.size = (size_t) (at - ret->excluded.data);
        return 0;
}
