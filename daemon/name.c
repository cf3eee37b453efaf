/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <gnutls/x509.h>

#include "daemon/facts.h"
#include "daemon/limits.h"
#include "daemon/name.h"

static void put(Name *out, const void *data, size_t size) {
        memcpy(out->data + out->size, data, size);
        out->size += size;
}

static void put_length_at(Name *out, size_t at, size_t length) {
        for (size_t i = 0; i < 4; i++)
                out->data[at + i] = (uint8_t) (length >> (24 - 8 * i));
}

/* One character, folded: capital letters of ASCII are small ones, runs of spaces one. */
static void put_folded(Name *out, size_t begin, uint32_t c) {
        uint8_t utf8[4];
        size_t n = 0;

        if (c == ' ') {
                if (out->size > begin && out->data[out->size - 1] == ' ')
                        return;
                if (out->size == begin)
                        return;
        }
        if (c < 0x80)
                utf8[n++] = (uint8_t) (c >= 'A' && c <= 'Z' ? c + 32 : c);
        else if (c < 0x800) {
                utf8[n++] = (uint8_t) (0xc0 | c >> 6);
                utf8[n++] = (uint8_t) (0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
                utf8[n++] = (uint8_t) (0xe0 | c >> 12);
                utf8[n++] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
                utf8[n++] = (uint8_t) (0x80 | (c & 0x3f));
        } else {
                utf8[n++] = (uint8_t) (0xf0 | (c >> 18 & 7));
                utf8[n++] = (uint8_t) (0x80 | (c >> 12 & 0x3f));
                utf8[n++] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
                utf8[n++] = (uint8_t) (0x80 | (c & 0x3f));
        }
        put(out, utf8, n);
}

/* Bytes for one character of a string type; 0: it is no text and compared as it stands. */
static unsigned character_width(uint8_t tag) {
        switch (tag) {
        case DER_UTF8_STRING:
        case DER_PRINTABLE_STRING:
        case DER_IA5_STRING:
        case DER_T61_STRING:
                return 1;
        case DER_BMP_STRING:
                return 2;
        case DER_UNIVERSAL_STRING:
                return 4;
        default:
                return 0;
        }
}

static void put_text(Name *out, uint8_t tag, Blob value, unsigned width) {
        size_t begin = out->size;

        for (size_t i = 0; i + width <= value.size; i += width) {
                uint32_t c = 0;

                for (unsigned k = 0; k < width; k++)
                        c = c << 8 | value.data[i + k];
                /* Bytes above ASCII of a UTF8String stand as they are; T61 is read as Latin-1. */
                if (width == 1 && c >= 0x80 && tag != DER_T61_STRING)
                        put(out, &value.data[i], 1);
                else
                        put_folded(out, begin, c);
        }
        if (out->size > begin && out->data[out->size - 1] == ' ')
                out->size--;
}

/* type, then 'T' and the folded text or 'R' and the raw element, each with its length. */
static int put_attribute(Name *out, Blob der) {
        Der attribute = der_of(der), inner;
        uint8_t tag;
        Blob oid, value, whole;
        unsigned width;
        size_t at;

        inner = der_enter(&attribute, DER_SEQUENCE);
        oid = der_take(&inner, DER_OID);
        value = der_any(&inner, &tag, &whole);
        if (der_end(&inner) < 0 || der_end(&attribute) < 0)
                return -EBADMSG;

        at = out->size;
        out->size += 4;
        put(out, oid.data, oid.size);
        put_length_at(out, at, oid.size);

        width = character_width(tag);
        if (width > 1 && value.size % width != 0)
                return -EBADMSG;
        put(out, width ? "T" : "R", 1);
        at = out->size;
        out->size += 4;
        if (width)
                put_text(out, tag, value, width);
        else
                put(out, whole.data, whole.size);
        put_length_at(out, at, out->size - at - 4);
        return 0;
}

/* A set has no order: the canonical attributes are sorted. */
static int put_relative_name(Name *out, Blob set) {
        Name attributes[NAME_PARTS_MAX] = {0};
        _cleanup_free_ uint8_t *room = malloc(6 * set.size + 16);
        Der der = der_of(set);
        size_t n = 0, used = 0, at = out->size;

        if (!room)
                return -ENOMEM;
        while (der_more(&der)) {
                Name one = {room + used, 0};
                int r;

                if (n >= NAME_PARTS_MAX)
                        return -EBADMSG;
                r = put_attribute(&one, der_take_whole(&der, DER_SEQUENCE));
                if (r < 0)
                        return r;
                used += one.size;

                size_t i = n++;
                for (; i > 0; i--) {
                        const Name *before = &attributes[i - 1];
                        size_t common = before->size < one.size ? before->size : one.size;

                        if (memcmp(before->data, one.data, common) <= 0)
                                break;
                        attributes[i] = *before;
                }
                attributes[i] = one;
        }
        if (der.bad || n == 0)
                return -EBADMSG;

        out->size += 4;
        for (size_t i = 0; i < n; i++)
                put(out, attributes[i].data, attributes[i].size);
        put_length_at(out, at, out->size - at - 4);
        return 0;
}

int name_read(Blob der, Name *ret) {
        Name name = {0};
        _cleanup_free_ uint8_t *data = NULL;
        Der whole = der_of(der), names;
        int r;

        names = der_enter(&whole, DER_SEQUENCE);
        if (der_end(&whole) < 0)
                return -EBADMSG;

        /* A character grows at most from two bytes to three, an element by nine bytes of lengths
         * from at least four. */
        data = malloc(6 * der.size + 16);
        if (!data)
                return -ENOMEM;
        name.data = data;
        while (der_more(&names)) {
                r = put_relative_name(&name, der_take(&names, DER_SET));
                if (r < 0)
                        return r;
        }
        if (names.bad)
                return -EBADMSG;

        TAKE_PTR(data);
        *ret = name;
        return 0;
}

void name_done(Name *name) {
        free(name->data);
        *name = (Name){0};
}

bool name_is_within(const Name *name, const Name *base) {
        return name->size >= base->size &&
               (base->size == 0 || memcmp(name->data, base->data, base->size) == 0);
}

int name_text(Blob der, char **ret) {
        gnutls_datum_t in = {(unsigned char *) der.data, (unsigned) der.size}, out = {0};
        _cleanup_free_ char *hex = NULL;
        size_t shown = der.size < 64 ? der.size : 64;
        int r;

        if (gnutls_x509_rdn_get2(&in, &out, 0) >= 0) {
                r = facts_text(out.data, out.size, ret);
                gnutls_free(out.data);
                return r;
        }

        /* An empty name is lawful; GnuTLS calls it an error. */
        if (der.size <= 2) {
                *ret = strdup("");
                return *ret ? 0 : -ENOMEM;
        }
        hex = malloc(2 * shown + 2);
        if (!hex)
                return -ENOMEM;
        hex[0] = '#';
        hex_encode(der.data, shown, hex + 1);
        *ret = TAKE_PTR(hex);
        return 0;
}
