/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line of the journal as text. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/journal-private.h"

const char *const journal_kind_names[_JOURNAL_KIND_MAX] = {
        [JOURNAL_CHANGE] = "change",
        [JOURNAL_NAME] = "name",
        [JOURNAL_CERTIFICATE] = "certificate",
        [JOURNAL_DROP] = "drop",
        [JOURNAL_OWNER] = "owner",
        [JOURNAL_DECISION] = "decision",
        [JOURNAL_HISTORY] = "history",
        [JOURNAL_TRUST] = "trust",
        [JOURNAL_ENTRY] = "entry",
};

bool journal_kind_is_change(JournalKind kind) {
        return kind == JOURNAL_CHANGE || kind == JOURNAL_NAME || kind == JOURNAL_TRUST;
}

void journal_record_done(JournalRecord *record) {
        (void) certificate_facts_free(record->certificate);
        free(record->der);
        free(record->name);
        *record = (JournalRecord){0};
}

void text_done(Text *text) {
        free(text->data);
        *text = (Text){0};
}

void text_add(Text *text, const void *data, size_t size) {
        if (text->error < 0 || size == 0)
                return;
        if (size > text->allocated - text->size) {
                size_t n = 2 * text->allocated + size + 256;
                char *grown = realloc(text->data, n);

                if (!grown) {
                        text->error = -ENOMEM;
                        return;
                }
                text->data = grown;
                text->allocated = n;
        }
        memcpy(text->data + text->size, data, size);
        text->size += size;
}

static void put_tab(Text *text) {
        text_add(text, "\t", 1);
}

static void put_number(Text *text, int64_t value) {
        char digits[24];
        int n = snprintf(digits, sizeof(digits), "%lld", (long long) value);

        text_add(text, digits, (size_t) n);
        put_tab(text);
}

static void put_hex(Text *text, const uint8_t *data, size_t size) {
        char hex[SHA256_HEX_SIZE];

        hex_encode(data, size, hex);
        text_add(text, hex, 2 * size);
}

static void put_digest(Text *text, const uint8_t digest[static SHA256_SIZE]) {
        put_hex(text, digest, SHA256_SIZE);
        put_tab(text);
}

static bool is_plain(char c) {
        return (unsigned char) c >= 0x20 && c != 0x7f && c != '\\';
}

static void put_escaped(Text *text, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                uint8_t byte = (uint8_t) data[i];

                if (is_plain(data[i])) {
                        text_add(text, data + i, 1);
                        continue;
                }
                text_add(text, "\\x", 2);
                put_hex(text, &byte, 1);
        }
}

static void put_text(Text *text, const char *value) {
        put_escaped(text, value ? value : "", value ? strlen(value) : 0);
        put_tab(text);
}

static void put_end(Text *text, const Decision *d) {
        char digits[48];

        switch (d->end) {
        case END_NEVER:
                text_add(text, "never", 5);
                break;
        case END_DATE:
                (void) snprintf(digits, sizeof(digits), "date:%lld", (long long) d->until);
                text_add(text, digits, strlen(digits));
                break;
        case END_SESSION:
                text_add(text, "session:", 8);
                put_hex(text, d->session.boot_id, BOOT_ID_SIZE);
                (void) snprintf(digits, sizeof(digits), ":%lld", (long long) d->session.login_usec);
                text_add(text, digits, strlen(digits));
                break;
        }
        put_tab(text);
}

static void put_decision(Text *text, const Decision *d) {
        put_number(text, d->owner);
        put_number(text, (int64_t) d->id);
        put_number(text, d->action);
        put_number(text, d->pin);
        put_number(text, d->state);
        put_text(text, d->host);
        put_number(text, d->port);
        put_digest(text, d->certificate_sha256);
        put_digest(text, d->key_sha256);
        put_number(text, d->problems);
        put_end(text, d);
        put_number(text, d->created);
        put_number(text, d->changed);
        put_number(text, (int64_t) d->change_number);
}

static void put_der(Text *text, const uint8_t *der, size_t size) {
        _cleanup_free_ char *encoded = NULL;

        if (der) {
                encoded = malloc(BASE64_SIZE(size));
                if (!encoded) {
                        text->error = -ENOMEM;
                        return;
                }
                base64_encode(der, size, encoded);
                text_add(text, encoded, strlen(encoded));
        }
        put_tab(text);
}

static void put_certificate(Text *text, const JournalRecord *record) {
        const CertificateFacts *c = record->certificate;

        put_digest(text, c->sha256);
        put_digest(text, c->key_sha256);
        put_text(text, c->subject);
        put_text(text, c->issuer);
        put_text(text, c->serial);
        for (size_t i = 0; i < c->n_names; i++)
                put_escaped(text, c->names[i], strlen(c->names[i]) + 1);
        put_tab(text);
        put_number(text, c->not_before);
        put_number(text, c->not_after);
        put_der(text, record->der, record->der_size);
}

static void put_history(Text *text, const JournalRecord *record) {
        const HistoryEntry *h = &record->history;

        put_number(text, record->owner);
        put_number(text, (int64_t) h->number);
        put_number(text, (int64_t) record->change_number);
        put_number(text, h->time);
        put_number(text, h->kind);
        put_number(text, (int64_t) h->id);
        put_number(text, h->by);
        put_text(text, h->host);
        put_number(text, h->port);
        put_digest(text, h->sha256);
}

static void put_entry(Text *text, const Entry *e) {
        put_number(text, e->owner);
        put_number(text, (int64_t) e->id);
        put_number(text, e->kind);
        put_number(text, e->pin);
        put_number(text, e->state);
        put_digest(text, e->certificate_sha256);
        put_digest(text, e->key_sha256);
        put_text(text, e->only);
        put_number(text, e->by);
        put_number(text, e->created);
        put_number(text, e->changed);
        put_number(text, (int64_t) e->change_number);
}

void journal_line_write(Text *text, const JournalRecord *record) {
        put_number(text, (int64_t) record->number);
        put_text(text, journal_kind_names[record->kind]);
        switch (record->kind) {
        case JOURNAL_CHANGE:
                put_number(text, record->history.kind);
                put_number(text, record->history.by);
                put_decision(text, &record->decision);
                return;
        case JOURNAL_NAME:
                put_number(text, record->owner);
                put_number(text, record->time);
                put_text(text, record->name);
                return;
        case JOURNAL_CERTIFICATE:
                put_certificate(text, record);
                return;
        case JOURNAL_DROP:
                put_number(text, record->owner);
                put_number(text, (int64_t) record->id);
                return;
        case JOURNAL_OWNER:
                put_number(text, record->owner);
                put_number(text, (int64_t) record->id);
                put_number(text, (int64_t) record->last_history);
                put_text(text, record->name);
                return;
        case JOURNAL_DECISION:
                put_decision(text, &record->decision);
                return;
        case JOURNAL_HISTORY:
                put_history(text, record);
                return;
        case JOURNAL_TRUST:
        case JOURNAL_ENTRY:
                put_entry(text, &record->entry);
                return;
        case _JOURNAL_KIND_MAX:
                return;
        }
}
