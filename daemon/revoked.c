/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <time.h>

#include "daemon/revoked.h"

static const char *const reasons[] = {
        [1] = "key compromise",
        [2] = "compromise of the authority",
        [3] = "the holder's affiliation changed",
        [4] = "superseded by another certificate",
        [5] = "the holder ceased to operate",
        [6] = "on hold for the time being",
        [9] = "a privilege was withdrawn",
        [10] = "compromise of the attribute authority",
};

unsigned revoked_reason(Blob value) {
        Der der = der_of(value);
        unsigned reason = der_number(&der, DER_ENUMERATED, 255);

        return der_end(&der) == 0 ? reason : REVOKED_NO_REASON;
}

void revoked_report(Report *r, const Certificate *c, const char *by, const Revoked *revoked) {
        const char *reason = revoked->reason < N_ELEMENTS(reasons) ? reasons[revoked->reason] : NULL;
        time_t since = (time_t) revoked->time;
        char date[32] = "an unknown day";
        struct tm tm;

        if (gmtime_r(&since, &tm))
                (void) strftime(date, sizeof(date), "%Y-%m-%d", &tm);
        report(r, PROBLEM_REVOKED, c, "%s, since %s%s%s", by, date, reason ? ": " : "",
               reason ? reason : "");
}
