/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/encoding.h"
#include "tests/exports.h"

static void put_digest(FILE *f, const Pki *pki) {
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        Blob der = pki_der(pki);

        ck_assert_int_eq(sha256(der.data, der.size, digest), 0);
        hex_encode(digest, sizeof(digest), hex);
        (void) fputs(hex, f);
}

static void put_certificate(FILE *f, const Pki *pki) {
        Blob der = pki_der(pki);
        _cleanup_free_ char *text = malloc(BASE64_SIZE(der.size));

        ck_assert_ptr_nonnull(text);
        base64_encode(der.data, der.size, text);
        (void) fputs("{\"sha256\":\"", f);
        put_digest(f, pki);
        (void) fprintf(f, "\",\"der\":\"%s\"}", text);
}

static void put_decision(FILE *f, const ExportRow *row) {
        const char *more = row->more;

        if (!more)
                more = strcmp(row->action, "allow") == 0 ? "'problems':['self-signed','name-mismatch'],"
                                                         : "";
        (void) fprintf(f, "{\"host\":\"%s\",\"port\":%u,\"action\":\"%s\",",
                       row->host ? row->host : "mail.example.org", row->port ? row->port : 993U,
                       row->action);
        for (const char *p = more; *p; p++)
                (void) fputc(*p == '\'' ? '"' : *p, f);
        (void) fputs("\"certificate\":\"", f);
        put_digest(f, row->pki);
        (void) fputs("\"}", f);
}

static bool is_first(const ExportRow *rows, size_t i) {
        for (size_t j = 0; j < i; j++)
                if (rows[j].pki == rows[i].pki)
                        return false;
        return true;
}

char *export_text(const ExportRow *rows, size_t n) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(f);
        (void) fputs("{\"format\":\"certexc-export\",\"version\":1,\"decisions\":[\n", f);
        for (size_t i = 0; i < n; i++) {
                put_decision(f, &rows[i]);
                (void) fputs(i + 1 < n ? ",\n" : "\n", f);
        }
        (void) fputs("],\"certificates\":[\n", f);
        for (size_t i = 0; i < n; i++) {
                if (!is_first(rows, i))
                        continue;
                (void) fputs(i > 0 ? ",\n" : "", f);
                put_certificate(f, rows[i].pki);
        }
        (void) fputs("]}\n", f);
        ck_assert_int_eq(fclose(f), 0);
        return text;
}

void export_write_text(const char *path, const char *text) {
        char aside[512];
        FILE *f;

        (void) snprintf(aside, sizeof(aside), "%s.aside", path);
        f = fopen(aside, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(chmod(aside, 0644), 0);
        ck_assert_int_eq(rename(aside, path), 0);
}

void export_write(const char *path, const ExportRow *rows, size_t n) {
        _cleanup_free_ char *text = export_text(rows, n);

        export_write_text(path, text);
}
