/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificates that a server showed, or that a file holds. Only framing is read here, never
 * what a certificate says: that is the daemon's worker's. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/encoding.h"
#include "client/i18n.h"
#include "client/presented.h"

/* A kind of PEM block that holds one certificate, as OpenSSL has written them over the years. */
static const struct {
        const char *begin, *end;
} pem_kinds[] = {
        { "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----" },
        { "-----BEGIN X509 CERTIFICATE-----", "-----END X509 CERTIFICATE-----" },
};

static int blob_copy(const void *data, size_t size, Blob *ret) {
        uint8_t *copy;

        copy = malloc(size > 0 ? size : 1);
        if (!copy)
                return -ENOMEM;
        if (size > 0)
                memcpy(copy, data, size);
        *ret = (Blob){ .data = copy, .size = size };
        return 0;
}

static void blob_free(Blob *blob) {
        free((void *) blob->data);
        *blob = (Blob){};
}

int presented_add(Presented *presented, const void *data, size_t size) {
        Blob *grown;
        int r;

        grown = reallocarray(presented->chain, presented->n_chain + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        presented->chain = grown;

        r = blob_copy(data, size, &presented->chain[presented->n_chain]);
        if (r < 0)
                return r;
        presented->n_chain++;
        return 0;
}

int presented_set_staple(Presented *presented, const void *data, size_t size) {
        Blob copy;
        int r;

        r = blob_copy(data, size, &copy);
        if (r < 0)
                return r;
        blob_free(&presented->staple);
        presented->staple = copy;
        return 0;
}

/* Base64 of a PEM body: the strict decoder is given the text without its line ends. */
static int pem_body(Presented *presented, const char *text, size_t size, const char **ret_reason) {
        _cleanup_free_ char *packed = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        size_t n = 0, der_size;
        int r;

        packed = malloc(size + 1);
        if (!packed)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++)
                if (!isspace((unsigned char) text[i]))
                        packed[n++] = text[i];

        r = base64_decode(packed, n, &der, &der_size);
        if (r == -EBADMSG)
                *ret_reason = N_("a certificate in it is damaged: its base64 cannot be read");
        if (r < 0)
                return r;
        return presented_add(presented, der, der_size);
}

/* The first certificate block at or after @text: 1 and its body, 0 if there is none, -EBADMSG. */
static int pem_next(const char *text, size_t size, const char **ret_body, size_t *ret_size,
                    const char **ret_after) {
        const char *body = NULL, *end;
        size_t kind = 0;

        for (size_t i = 0; i < N_ELEMENTS(pem_kinds); i++) {
                const char *p = memmem(text, size, pem_kinds[i].begin, strlen(pem_kinds[i].begin));

                if (p && (!body || p < body)) {
                        body = p;
                        kind = i;
                }
        }
        if (!body)
                return 0;

        body += strlen(pem_kinds[kind].begin);
        end = memmem(body, size - (size_t) (body - text), pem_kinds[kind].end,
                     strlen(pem_kinds[kind].end));
        if (!end)
                return -EBADMSG;
        *ret_body = body;
        *ret_size = (size_t) (end - body);
        *ret_after = end + strlen(pem_kinds[kind].end);
        return 1;
}

static int parse_pem(Presented *presented, const char *text, size_t size,
                     const char **ret_reason) {
        const char *const limit = text + size;

        for (;;) {
                const char *body, *after;
                size_t body_size;
                int r;

                r = pem_next(text, (size_t) (limit - text), &body, &body_size, &after);
                if (r == -EBADMSG)
                        *ret_reason = N_("a certificate in it has a beginning and no end");
                if (r <= 0)
                        return r;
                r = pem_body(presented, body, body_size, ret_reason);
                if (r < 0)
                        return r;
                text = after;
        }
}

/* The size of the DER element at @der by its own header, 0 if that makes no sense. */
static size_t der_size(const uint8_t *der, size_t size) {
        size_t length = 0, n;

        if (size < 2 || der[0] != 0x30)
                return 0;
        if (der[1] < 0x80)
                return 2U + der[1] <= size ? 2U + der[1] : 0;

        n = der[1] & 0x7fU;
        if (n == 0 || n > 4 || size < 2 + n)
                return 0;
        for (size_t i = 0; i < n; i++)
                length = length << 8 | der[2 + i];
        return length <= size - 2 - n ? 2 + n + length : 0;
}

bool presented_is_element(const void *data, size_t size) {
        return size > 0 && der_size(data, size) == size;
}

static int parse_der(Presented *presented, const uint8_t *der, size_t size,
                     const char **ret_reason) {
        while (size > 0) {
                size_t n = der_size(der, size);
                int r;

                if (n == 0) {
                        *ret_reason = N_("it is neither PEM nor DER");
                        return -EBADMSG;
                }
                r = presented_add(presented, der, n);
                if (r < 0)
                        return r;
                der += n;
                size -= n;
        }
        return 0;
}

int presented_parse(Presented *presented, const void *data, size_t size,
                    const char **ret_reason) {
        static const char pem[] = "-----BEGIN ";
        int r;

        if (size == 0) {
                *ret_reason = N_("it is empty");
                return -EBADMSG;
        }
        if (!memmem(data, size, pem, strlen(pem)))
                return parse_der(presented, data, size, ret_reason);

        r = parse_pem(presented, data, size, ret_reason);
        if (r < 0)
                return r;
        if (presented->n_chain == 0) {
                *ret_reason = N_("there is no certificate in it");
                return -EBADMSG;
        }
        return 0;
}

static void fclosep(FILE **file) {
        if (*file && *file != stdin)
                (void) fclose(*file);
}

int presented_read(Presented *presented, const char *path, const char **ret_reason) {
        _cleanup_(fclosep) FILE *file = NULL;
        _cleanup_free_ char *data = NULL;
        size_t size;

        file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        if (!file) {
                *ret_reason = N_("it cannot be opened");
                return -errno;
        }
        data = malloc(PRESENTED_FILE_MAX + 1);
        if (!data)
                return -ENOMEM;

        size = fread(data, 1, PRESENTED_FILE_MAX + 1, file);
        if (ferror(file)) {
                *ret_reason = N_("it cannot be read");
                return errno > 0 ? -errno : -EIO;
        }
        if (size > PRESENTED_FILE_MAX) {
                *ret_reason = N_("it is larger than 1 MiB");
                return -EFBIG;
        }
        return presented_parse(presented, data, size, ret_reason);
}

void presented_done(Presented *presented) {
        for (size_t i = 0; i < presented->n_chain; i++)
                blob_free(&presented->chain[i]);
        free(presented->chain);
        blob_free(&presented->staple);
        *presented = (Presented){};
}
