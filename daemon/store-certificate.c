/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of certificates: what they say of themselves and their DER, each proved by its digest. */
#include "config.h"

#include <string.h>

#include "daemon/store-private.h"

int row_join_names(const CertificateFacts *c, uint8_t **ret, size_t *ret_size) {
        size_t size = 0, at = 0;
        uint8_t *bytes;

        for (size_t i = 0; i < c->n_names; i++)
                size += strlen(c->names[i]) + 1;
        bytes = malloc(size + 1);
        if (!bytes)
                return -ENOMEM;

        for (size_t i = 0; i < c->n_names; i++) {
                size_t n = strlen(c->names[i]) + 1;

                memcpy(bytes + at, c->names[i], n);
                at += n;
        }
        *ret = bytes;
        *ret_size = size;
        return 0;
}

static int split_names(const uint8_t *bytes, size_t size, CertificateFacts *c) {
        size_t n = 0;

        if (size > 0 && bytes[size - 1] != '\0')
                return -EUCLEAN;
        for (size_t i = 0; i < size; i++)
                n += bytes[i] == '\0';
        c->names = calloc(n + 1, sizeof(*c->names));
        if (!c->names)
                return -ENOMEM;

        for (size_t at = 0; at < size; at += strlen((const char *) bytes + at) + 1) {
                c->names[c->n_names] = strdup((const char *) bytes + at);
                if (!c->names[c->n_names])
                        return -ENOMEM;
                c->n_names++;
        }
        return 0;
}

static uint8_t *put_number(uint8_t *to, uint64_t value) {
        for (unsigned i = 0; i < 8; i++)
                *to++ = (uint8_t) (value >> (8 * (7 - i)));
        return to;
}

/* Appends a length and the bytes. */
static uint8_t *put(uint8_t *to, const void *data, size_t size) {
        to = put_number(to, size);
        if (size > 0)
                memcpy(to, data, size);
        return to + size;
}

int row_certificate_digest(const CertificateFacts *c, uint8_t ret[static SHA256_SIZE]) {
        size_t subject = strlen(c->subject), issuer = strlen(c->issuer), serial = strlen(c->serial);
        _cleanup_free_ uint8_t *names = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t names_size;
        uint8_t *at;
        int r;

        r = row_join_names(c, &names, &names_size);
        if (r < 0)
                return r;
        /* Six fields behind their lengths, and two numbers. */
        bytes = malloc(8 * 8 + 2 * SHA256_SIZE + subject + issuer + serial + names_size);
        if (!bytes)
                return -ENOMEM;

        at = put(bytes, c->sha256, SHA256_SIZE);
        at = put(at, c->key_sha256, SHA256_SIZE);
        at = put(at, c->subject, subject);
        at = put(at, c->issuer, issuer);
        at = put(at, c->serial, serial);
        at = put(at, names, names_size);
        at = put_number(at, (uint64_t) c->not_before);
        at = put_number(at, (uint64_t) c->not_after);
        return sha256(bytes, (size_t) (at - bytes), ret);
}

static int copy_text(sqlite3_stmt *st, int column, char **ret) {
        const char *text = column_text(st, column);

        if (!text)
                return -EUCLEAN;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int read_fields(sqlite3_stmt *st, CertificateFacts *c) {
        int r;

        if (!column_bytes(st, 0, c->sha256, SHA256_SIZE) ||
            !column_bytes(st, 1, c->key_sha256, SHA256_SIZE) ||
            !column_int(st, 6, INT64_MIN, INT64_MAX, &c->not_before) ||
            !column_int(st, 7, INT64_MIN, INT64_MAX, &c->not_after) ||
            sqlite3_column_type(st, 5) != SQLITE_BLOB)
                return -EUCLEAN;

        r = copy_text(st, 2, &c->subject);
        if (r == 0)
                r = copy_text(st, 3, &c->issuer);
        if (r == 0)
                r = copy_text(st, 4, &c->serial);
        if (r == 0)
                r = split_names(sqlite3_column_blob(st, 5), (size_t) sqlite3_column_bytes(st, 5),
                                c);
        return r;
}

static int read_certificate(sqlite3_stmt *st, const uint8_t sha256_wanted[static SHA256_SIZE],
                            CertificateFacts **ret) {
        _cleanup_(certificate_facts_freep) CertificateFacts *c = NULL;
        uint8_t stored[SHA256_SIZE], digest[SHA256_SIZE];
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        r = read_fields(st, c);
        if (r < 0)
                return r;
        if (!column_bytes(st, 8, stored, sizeof(stored)))
                return -EUCLEAN;

        r = row_certificate_digest(c, digest);
        if (r < 0)
                return r;
        if (memcmp(stored, digest, sizeof(digest)) != 0 ||
            memcmp(c->sha256, sha256_wanted, SHA256_SIZE) != 0)
                return -EUCLEAN;
        *ret = TAKE_PTR(c);
        return 1;
}

/* Steps to the row of a certificate: 1, 0, -errno. */
static int find(Connection *c, Statement which, const uint8_t sha256_wanted[static SHA256_SIZE],
                sqlite3_stmt **ret) {
        Binder b = {0};
        int r;

        r = connection_statement(c, which, ret);
        if (r < 0)
                return r;
        b.st = *ret;
        bind_blob(&b, sha256_wanted, SHA256_SIZE);
        return b.error < 0 ? b.error : statement_step(*ret);
}

int row_get_certificate(Connection *c, const uint8_t sha256_wanted[static SHA256_SIZE],
                        CertificateFacts **ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        int r;

        r = find(c, STATEMENT_CERTIFICATE, sha256_wanted, &st);
        return r <= 0 ? r : read_certificate(st, sha256_wanted, ret);
}

int row_get_der(Connection *c, const uint8_t sha256_wanted[static SHA256_SIZE], uint8_t **ret,
                size_t *ret_size) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        _cleanup_free_ uint8_t *copy = NULL;
        uint8_t digest[SHA256_SIZE];
        const void *der;
        size_t size;
        int r;

        r = find(c, STATEMENT_CERTIFICATE_DER, sha256_wanted, &st);
        if (r <= 0)
                return r;
        if (sqlite3_column_type(st, 0) == SQLITE_NULL)
                return 0;
        der = sqlite3_column_blob(st, 0);
        size = (size_t) sqlite3_column_bytes(st, 0);
        if (!der || size == 0)
                return -EUCLEAN;

        r = sha256(der, size, digest);
        if (r < 0)
                return r;
        if (memcmp(digest, sha256_wanted, SHA256_SIZE) != 0)
                return -EUCLEAN;

        copy = malloc(size);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, der, size);
        *ret = TAKE_PTR(copy);
        *ret_size = size;
        return 1;
}
