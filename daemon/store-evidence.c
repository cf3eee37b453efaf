/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the database and its logs say of changes that a journal lacks, however whole that is: it may be an
 * older one that was put back. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/salvage.h"
#include "daemon/store-private.h"
#include "daemon/store-witness.h"

typedef struct Evidence {
        const uint8_t *id; /* of the journal */
        bool witnessed;    /* that this is the journal */
        uint64_t last;
} Evidence;

/* What goes with another journal is another store's, unless nothing tells which of the two is ours. */
static int found_mark(const SalvageMark *mark, void *userdata) {
        Evidence *e = userdata;
        const bool ours = mark->journaled && memcmp(mark->journal_id, e->id, JOURNAL_ID_SIZE) == 0;

        if ((ours || !e->witnessed) && mark->number > e->last)
                e->last = mark->number;
        return 0;
}

int store_evidence(int directory_fd, const uint8_t id[static JOURNAL_ID_SIZE], uint64_t *ret) {
        static const char *const logs[] = { STORE_LOG_FILE, STORE_LOG_ORPHAN };
        Evidence e = { .id = id };
        const SalvageFound found = { .mark = found_mark, .userdata = &e };
        SalvageRoots roots;
        Witness witness;
        int r;

        e.witnessed = witness_read(directory_fd, &witness) > 0;
        r = salvage_roots(&roots);
        /* The file by itself as well: an older log would hide what it has. */
        if (r == 0)
                r = salvage(directory_fd, STORE_FILE, NULL, &roots, &found);
        for (unsigned i = 0; (r == 0 || r == -ENOENT) && i < N_ELEMENTS(logs); i++)
                r = salvage(directory_fd, NULL, logs[i], &roots, &found);
        if (r < 0 && r != -ENOENT)
                return r;
        *ret = e.last;
        return 0;
}
