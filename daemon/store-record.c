/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what a transaction writes to lines of the journal. */
#include "config.h"

#include <errno.h>

#include "daemon/store-write.h"

/* Both copies count the same changes; if not, nothing of this may be committed. */
static int append(Transaction *t, JournalRecord *record) {
        int r;

        if (!t->journal)
                return 0;
        r = journal_append(t->journal, record);
        if (r < 0)
                return r;
        return record->number == t->mark.number ? 0 : -EUCLEAN;
}

int record_change(Transaction *t, const Decision *d, HistoryKind kind, int64_t by) {
        JournalRecord record = {.kind = JOURNAL_CHANGE, .decision = *d};

        record.history.kind = kind;
        record.history.by = by;
        return append(t, &record);
}

int record_name(Transaction *t, int64_t owner, int64_t time, const char *name) {
        JournalRecord record = {
                .kind = JOURNAL_NAME, .owner = owner, .time = time, .name = (char *) name};

        return append(t, &record);
}

int record_drop(Transaction *t, int64_t owner, uint64_t id) {
        JournalRecord record = {.kind = JOURNAL_DROP, .owner = owner, .id = id};

        return append(t, &record);
}

int record_entry(Transaction *t, const Entry *e) {
        JournalRecord record = {.kind = JOURNAL_TRUST, .entry = *e};

        return append(t, &record);
}

int record_certificate(Transaction *t, const CertificateFacts *c, Blob der) {
        JournalRecord record = {
                .kind = JOURNAL_CERTIFICATE,
                .certificate = (CertificateFacts *) c,
                .der = (uint8_t *) der.data,
                .der_size = der.size,
        };

        return append(t, &record);
}
