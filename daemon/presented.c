/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From base64 to DER, each fault by its name. */
#include "config.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/presented.h"

/* The sentences below name these. */
_Static_assert(CHAIN_CERTIFICATES_MAX == 64 && CHAIN_BYTES_MAX == 256U * 1024U &&
                       CERTIFICATE_BYTES_MAX == 64U * 1024U && STAPLE_BYTES_MAX == 32U * 1024U,
               "a bound was moved: say so in its sentence");

#define PEM_BEGIN "-----BEGIN"

/* What was decoded so far. */
typedef struct Decoded {
        Blob *blobs;
        size_t n;
} Decoded;

static void decoded_done(Decoded *d) {
        for (size_t i = 0; i < d->n; i++)
                free((void *) d->blobs[i].data);
        free(d->blobs);
}

static int fault(PresentedFault *ret_fault, int certificate, const char *reason) {
        *ret_fault = (PresentedFault){ certificate, reason };
        return -EBADMSG;
}

static bool is_pem(const void *data, size_t size) {
        return size >= strlen(PEM_BEGIN) && memcmp(data, PEM_BEGIN, strlen(PEM_BEGIN)) == 0;
}

/*
 * true if @data is one SEQUENCE with a definite length, and that length is all of it. So a chain's
 * joined bytes can be cut into certificates in one way only, and their digest names them.
 */
static bool is_one_sequence(const uint8_t *data, size_t size) {
        size_t length, n_octets;

        if (size < 2 || data[0] != 0x30)
                return false;
        if (data[1] < 0x80)
                return size == 2U + data[1];

        n_octets = data[1] & 0x7fU;
        if (n_octets == 0 || n_octets > 3 || size < 2 + n_octets)
                return false;
        length = 0;
        for (size_t i = 0; i < n_octets; i++)
                length = length << 8 | data[2 + i];

        /* The shortest way to write it is the only one in DER. */
        if (length < 0x80 || length >> (8 * (n_octets - 1)) == 0)
                return false;
        return size == 2 + n_octets + length;
}

/* One text to the bytes of one DER object of at most @max. Returns as presented_chain(). */
static int decode(const char *text, size_t length, size_t max, const char *too_large, Blob *ret,
                  const char **ret_reason) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        if (length == 0) {
                *ret_reason = "it is empty";
                return -EBADMSG;
        }
        if (length >= BASE64_SIZE(max)) {
                *ret_reason = too_large;
                return -EBADMSG;
        }

        r = base64_decode(text, length, &data, &size);
        if (r == -ENOMEM)
                return r;
        if (is_pem(text, length) || (r >= 0 && is_pem(data, size))) {
                *ret_reason = "it is PEM; send DER, which is what the lines between BEGIN and END "
                              "stand for";
                return -EBADMSG;
        }
        if (r < 0) {
                *ret_reason = "it is not base64 (standard alphabet, padded, without white space)";
                return -EBADMSG;
        }
        if (size > max) {
                *ret_reason = too_large;
                return -EBADMSG;
        }
        if (!is_one_sequence(data, size)) {
                *ret_reason = "it is not DER, or cut off, or something follows it: its outermost "
                              "length is not its size";
                return -EBADMSG;
        }

        *ret = (Blob){ TAKE_PTR(data), size };
        return 0;
}

int presented_chain(struct json_object *array, Chain **ret, PresentedFault *ret_fault) {
        _cleanup_(decoded_done) Decoded decoded = {};
        size_t n = json_object_array_length(array), size = 0;
        int r;

        if (n == 0)
                return fault(ret_fault, -1, "it has no certificate");
        if (n > CHAIN_CERTIFICATES_MAX)
                return fault(ret_fault, -1, "it has more than 64 certificates");

        decoded.blobs = calloc(n, sizeof(*decoded.blobs));
        if (!decoded.blobs)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                struct json_object *item = json_object_array_get_idx(array, i);
                const char *reason = NULL;

                if (!json_object_is_type(item, json_type_string))
                        return fault(ret_fault, (int) i, "it is not a string");

                r = decode(json_object_get_string(item), (size_t) json_object_get_string_len(item),
                           CERTIFICATE_BYTES_MAX, "it is larger than 64 KiB", &decoded.blobs[i],
                           &reason);
                if (r == -EBADMSG)
                        return fault(ret_fault, (int) i, reason);
                if (r < 0)
                        return r;

                decoded.n = i + 1;
                size += decoded.blobs[i].size;
                if (size > CHAIN_BYTES_MAX)
                        return fault(ret_fault, -1, "its certificates are larger than 256 KiB together");
        }
        return chain_bytes_new(decoded.blobs, n, ret);
}

int presented_staple(const char *text, uint8_t **ret, size_t *ret_size, const char **ret_reason) {
        Blob blob;
        int r;

        r = decode(text, strlen(text), STAPLE_BYTES_MAX, "it is larger than 32 KiB", &blob,
                   ret_reason);
        if (r < 0)
                return r;

        *ret = (uint8_t *) blob.data;
        *ret_size = blob.size;
        return 0;
}
