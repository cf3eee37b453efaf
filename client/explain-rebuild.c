/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What became of a damaged store, in a sentence. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/cleanup.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/times.h"

char *explain_rebuild(const certexc_status *status) {
        const int64_t saved = certexc_status_number(status, "last_rebuild.saved");
        const int64_t missing = certexc_status_number(status, "last_rebuild.missing");
        const int64_t unconfirmed = certexc_status_number(status, "last_rebuild.unconfirmed");
        const char *reason = certexc_status_text(status, "last_rebuild.reason");
        _cleanup_free_ char *there = NULL, *lost = NULL, *waiting = NULL;
        char date[TIMES_TEXT_MAX], *sentence;

        if (!reason)
                return NULL;
        times_write(certexc_status_number(status, "last_rebuild.time"), date);
        if (asprintf(&there, P_("%" PRId64 " decision is there",
                                      "%" PRId64 " decisions are there", (unsigned long) saved),
                     saved) < 0 ||
            asprintf(&lost, P_("%" PRId64 " change is missing",
                                     "%" PRId64 " changes are missing", (unsigned long) missing),
                     missing) < 0 ||
            asprintf(&waiting, P_("%" PRId64 " exception waits to be confirmed",
                                        "%" PRId64 " exceptions wait to be confirmed",
                                        (unsigned long) unconfirmed),
                     unconfirmed) < 0 ||
            asprintf(&sentence, "%s (%s): %s, %s, %s", date, reason, there, lost, waiting) < 0)
                return NULL;
        return sentence;
}

char *explain_loss(const certexc_status *status, size_t i) {
        char reason[32], time[32], missing[32], date[TIMES_TEXT_MAX], *sentence;
        int64_t n;

        (void) snprintf(reason, sizeof(reason), "losses.%zu.reason", i);
        (void) snprintf(time, sizeof(time), "losses.%zu.time", i);
        (void) snprintf(missing, sizeof(missing), "losses.%zu.missing", i);
        if (!certexc_status_text(status, reason))
                return NULL;
        times_write(certexc_status_number(status, time), date);
        n = certexc_status_number(status, missing);
        if (asprintf(&sentence, P_("On %s the store was rebuilt (%s), and %" PRId64 " change was missing.",
                                   "On %s the store was rebuilt (%s), and %" PRId64 " changes were missing.",
                                   (unsigned long) n),
                     date, certexc_status_text(status, reason), n) < 0)
                return NULL;
        return sentence;
}
