/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line of the journal taken apart; what is not exactly as it would be written is refused. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/journal-private.h"
#include "daemon/limits.h"

/* What is left of a line; the first bad field stays. */
typedef struct Line {
        char *at;
        char *end;
        int error;
} Line;

/* The next field, ended by a NUL in place of its tab; never NULL. */
static char *take(Line *line) {
        char *field = line->at;
        char *tab = memchr(line->at, '\t', (size_t) (line->end - line->at));

        if (!tab) {
                line->error = -EBADMSG;
                line->at = line->end;
                return line->end;
        }
        *tab = '\0';
        line->at = tab + 1;
        if (strlen(field) != (size_t) (tab - field))
                line->error = -EBADMSG;
        return field;
}

static int64_t parse_number(Line *line, const char *text, int64_t min, int64_t max) {
        char canonical[24];
        char *end = NULL;
        long long value;

        errno = 0;
        value = strtoll(text, &end, 10);
        (void) snprintf(canonical, sizeof(canonical), "%lld", value);
        if (errno != 0 || strcmp(canonical, text) != 0 || value < min || value > max) {
                line->error = -EBADMSG;
                return min;
        }
        return value;
}

static int64_t take_number(Line *line, int64_t min, int64_t max) {
        return parse_number(line, take(line), min, max);
}

static void take_digest(Line *line, uint8_t ret[static SHA256_SIZE]) {
        if (sha256_decode(take(line), ret) < 0)
                line->error = -EBADMSG;
}

static int hex_digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes put_escaped() where it stands; the size. */
static size_t unescape(Line *line, char *text) {
        char *to = text;

        for (const char *from = text; *from;) {
                int high, low;

                if (*from != '\\') {
                        *to++ = *from++;
                        continue;
                }
                high = from[1] == 'x' ? hex_digit(from[2]) : -1;
                low = high >= 0 ? hex_digit(from[3]) : -1;
                if (low < 0) {
                        line->error = -EBADMSG;
                        break;
                }
                *to++ = (char) (high * 16 + low);
                from += 4;
        }
        *to = '\0';
        return (size_t) (to - text);
}

/* A text without zero bytes, at most @max long, borrowed from the line. */
static const char *take_text(Line *line, size_t max) {
        char *text = take(line);
        size_t size = unescape(line, text);

        if (size != strlen(text) || size > max) {
                line->error = -EBADMSG;
                return "";
        }
        return text;
}

static char *take_copy(Line *line, size_t max) {
        char *copy = strdup(take_text(line, max));

        if (!copy)
                line->error = -ENOMEM;
        return copy;
}

static void take_boot_id(Line *line, const char *hex, uint8_t ret[static BOOT_ID_SIZE]) {
        for (size_t i = 0; i < BOOT_ID_SIZE; i++) {
                int high = hex_digit(hex[2 * i]);
                int low = high >= 0 ? hex_digit(hex[2 * i + 1]) : -1;

                if (low < 0) {
                        line->error = -EBADMSG;
                        return;
                }
                ret[i] = (uint8_t) (high * 16 + low);
        }
}

static void take_end(Line *line, Decision *d) {
        const char *text = take(line);

        if (strcmp(text, "never") == 0)
                d->end = END_NEVER;
        else if (strncmp(text, "date:", 5) == 0) {
                d->end = END_DATE;
                d->until = parse_number(line, text + 5, INT64_MIN, INT64_MAX);
        } else if (strncmp(text, "session:", 8) == 0 && strlen(text) > 8 + 2 * BOOT_ID_SIZE + 1 &&
                   text[8 + 2 * BOOT_ID_SIZE] == ':') {
                d->end = END_SESSION;
                d->session.known = true;
                take_boot_id(line, text + 8, d->session.boot_id);
                d->session.login_usec = (uint64_t) parse_number(
                        line, text + 8 + 2 * BOOT_ID_SIZE + 1, INT64_MIN, INT64_MAX);
        } else
                line->error = -EBADMSG;
}

/* Zeros are let through: a row that was damaged when it was revoked is journaled as it was read. */
static void take_decision(Line *line, Decision *d) {
        d->owner = take_number(line, OWNER_SYSTEM, UINT32_MAX);
        d->id = (uint64_t) take_number(line, 1, INT64_MAX);
        d->action = (DecisionAction) take_number(line, 0, DECISION_DENY);
        d->pin = (DecisionPin) take_number(line, 0, PIN_KEY);
        d->state = (DecisionState) take_number(line, STATE_LIVE, STATE_REVOKED);
        (void) snprintf(d->host, sizeof(d->host), "%s", take_text(line, ENDPOINT_HOST_MAX));
        d->port = (uint16_t) take_number(line, 0, UINT16_MAX);
        take_digest(line, d->certificate_sha256);
        take_digest(line, d->key_sha256);
        d->problems = (ProblemSet) take_number(line, 0, UINT32_MAX);
        take_end(line, d);
        d->created = take_number(line, INT64_MIN, INT64_MAX);
        d->changed = take_number(line, INT64_MIN, INT64_MAX);
        d->change_number = (uint64_t) take_number(line, 1, INT64_MAX);
}

static void take_names(Line *line, CertificateFacts *c) {
        char *text = take(line);
        size_t size = unescape(line, text), n = 0;

        if (size > 0 && text[size - 1] != '\0')
                line->error = -EBADMSG;
        for (size_t i = 0; i < size; i++)
                n += text[i] == '\0';
        c->names = calloc(n + 1, sizeof(*c->names));
        if (!c->names)
                line->error = -ENOMEM;
        for (size_t at = 0; line->error == 0 && at < size; at += strlen(text + at) + 1) {
                c->names[c->n_names] = strdup(text + at);
                if (!c->names[c->n_names])
                        line->error = -ENOMEM;
                else
                        c->n_names++;
        }
}

static void take_der(Line *line, JournalRecord *record) {
        const char *text = take(line);
        uint8_t digest[SHA256_SIZE];
        int r;

        if (*text == '\0' || line->error < 0)
                return;
        r = base64_decode(text, strlen(text), &record->der, &record->der_size);
        if (r == 0)
                r = sha256(record->der, record->der_size, digest);
        if (r == 0 && memcmp(digest, record->certificate->sha256, SHA256_SIZE) != 0)
                r = -EBADMSG;
        if (r < 0)
                line->error = r;
}

static void take_certificate(Line *line, JournalRecord *record) {
        CertificateFacts *c = calloc(1, sizeof(*c));

        if (!c) {
                line->error = -ENOMEM;
                return;
        }
        record->certificate = c;
        take_digest(line, c->sha256);
        take_digest(line, c->key_sha256);
        c->subject = take_copy(line, JOURNAL_LINE_BYTES_MAX);
        c->issuer = take_copy(line, JOURNAL_LINE_BYTES_MAX);
        c->serial = take_copy(line, JOURNAL_LINE_BYTES_MAX);
        take_names(line, c);
        c->not_before = take_number(line, INT64_MIN, INT64_MAX);
        c->not_after = take_number(line, INT64_MIN, INT64_MAX);
        take_der(line, record);
}

static void take_history(Line *line, JournalRecord *record) {
        HistoryEntry *h = &record->history;

        record->owner = take_number(line, OWNER_SYSTEM, UINT32_MAX);
        h->number = (uint64_t) take_number(line, 1, INT64_MAX);
        record->change_number = (uint64_t) take_number(line, 1, INT64_MAX);
        h->time = take_number(line, INT64_MIN, INT64_MAX);
        h->kind = (HistoryKind) take_number(line, HISTORY_ALLOWED, HISTORY_IMPORTED);
        h->id = (uint64_t) take_number(line, 1, INT64_MAX);
        h->by = take_number(line, OWNER_SYSTEM, UINT32_MAX);
        (void) snprintf(h->host, sizeof(h->host), "%s", take_text(line, ENDPOINT_HOST_MAX));
        h->port = (uint16_t) take_number(line, 0, UINT16_MAX);
        take_digest(line, h->sha256);
        record->time = h->time;
}

static void take_owner(Line *line, JournalRecord *record) {
        record->owner = take_number(line, OWNER_SYSTEM, UINT32_MAX);
        record->id = (uint64_t) take_number(line, 0, INT64_MAX);
        record->last_history = (uint64_t) take_number(line, 0, INT64_MAX);
        record->name = take_copy(line, JOURNAL_LINE_BYTES_MAX);
        if (record->name && *record->name == '\0') {
                free(record->name);
                record->name = NULL;
        }
}

static void take_entry(Line *line, JournalRecord *record) {
        Entry *e = &record->entry;

        e->owner = take_number(line, OWNER_SYSTEM, UINT32_MAX);
        e->id = (uint64_t) take_number(line, 1, INT64_MAX);
        e->kind = (EntryKind) take_number(line, ENTRY_AUTHORITY, ENTRY_DISTRUST);
        e->pin = (DecisionPin) take_number(line, PIN_CERTIFICATE, PIN_KEY);
        e->state = (DecisionState) take_number(line, STATE_LIVE, STATE_REVOKED);
        take_digest(line, e->certificate_sha256);
        take_digest(line, e->key_sha256);
        (void) snprintf(e->only, sizeof(e->only), "%s", take_text(line, ONLY_TEXT_MAX));
        e->by = take_number(line, OWNER_SYSTEM, UINT32_MAX);
        e->created = take_number(line, INT64_MIN, INT64_MAX);
        e->changed = take_number(line, INT64_MIN, INT64_MAX);
        e->change_number = (uint64_t) take_number(line, 1, INT64_MAX);
        record->owner = e->owner;
        record->time = e->changed;
        if (line->error == 0 && !entry_is_lawful(e))
                line->error = -EBADMSG;
}

static void take_fields(Line *line, JournalRecord *record) {
        switch (record->kind) {
        case JOURNAL_CHANGE:
                record->history.kind =
                        (HistoryKind) take_number(line, HISTORY_ALLOWED, HISTORY_IMPORTED);
                record->history.by = take_number(line, OWNER_SYSTEM, UINT32_MAX);
                take_decision(line, &record->decision);
                record->owner = record->decision.owner;
                record->time = record->decision.changed;
                return;
        case JOURNAL_NAME:
                record->owner = take_number(line, OWNER_SYSTEM, UINT32_MAX);
                record->time = take_number(line, INT64_MIN, INT64_MAX);
                record->name = take_copy(line, JOURNAL_LINE_BYTES_MAX);
                return;
        case JOURNAL_CERTIFICATE:
                take_certificate(line, record);
                return;
        case JOURNAL_DROP:
                record->owner = take_number(line, OWNER_SYSTEM, UINT32_MAX);
                record->id = (uint64_t) take_number(line, 1, INT64_MAX);
                return;
        case JOURNAL_OWNER:
                take_owner(line, record);
                return;
        case JOURNAL_DECISION:
                take_decision(line, &record->decision);
                record->owner = record->decision.owner;
                return;
        case JOURNAL_HISTORY:
                take_history(line, record);
                return;
        case JOURNAL_TRUST:
        case JOURNAL_ENTRY:
                take_entry(line, record);
                return;
        case _JOURNAL_KIND_MAX:
                return;
        }
}

static void take_kind(Line *line, JournalRecord *record) {
        const char *name = take(line);

        for (size_t i = 0; i < N_ELEMENTS(journal_kind_names); i++)
                if (strcmp(journal_kind_names[i], name) == 0) {
                        record->kind = (JournalKind) i;
                        return;
                }
        line->error = -EBADMSG;
}

int journal_line_read(char *text, size_t size, JournalRecord *ret) {
        _cleanup_(journal_record_done) JournalRecord record = {0};
        Line line = {.at = text, .end = text + size};

        record.number = (uint64_t) take_number(&line, 0, INT64_MAX);
        take_kind(&line, &record);
        if (line.error == 0)
                take_fields(&line, &record);
        if (line.error == 0 && line.at != line.end)
                line.error = -EBADMSG;
        if (line.error == 0 && record.kind == JOURNAL_CHANGE &&
            record.decision.change_number != record.number)
                line.error = -EBADMSG;
        if (line.error == 0 && record.kind == JOURNAL_TRUST &&
            record.entry.change_number != record.number)
                line.error = -EBADMSG;
        if (line.error < 0)
                return line.error;
        *ret = record;
        record = (JournalRecord){0};
        return 0;
}
