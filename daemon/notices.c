/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/notices.h"

static const char *folder(const TrustFolders *folders, TrustFolder which) {
        return folders->paths[which] ? folders->paths[which] : "";
}

static const char *lists_folder(const TrustFolders *folders, bool is_vendor) {
        return folder(folders, is_vendor ? TRUST_VENDOR_LISTS : TRUST_LISTS);
}

char *notice_blocked(const TrustFolders *folders, const ImportReport *report) {
        char *text;

        if (report->n_broken == 0)
                return NULL;
        if (asprintf(&text,
                     "%u files of the block list are broken, one of them is %s/%.*s. What could be "
                     "read of it, now or before, is blocked, the rest is not; %sput certificates in "
                     "PEM form there.",
                     report->n_broken, folder(folders, TRUST_BLOCKED),
                     (int) sizeof(report->broken), report->broken,
                     report->n_lost > 0 ? "nothing is accepted by exception until it is mended: "
                                        : "") < 0)
                return NULL;
        return text;
}

char *notice_lists(const TrustFolders *folders, const ImportReport *report) {
        const BadList *bad = &report->bad_list;
        char *text;

        if (report->n_bad_lists == 0)
                return NULL;
        if (asprintf(&text,
                     "%u files of lists of revoked certificates are not right, one of them is "
                     "%s/%.*s: %.*s. %s",
                     report->n_bad_lists, lists_folder(folders, bad->is_vendor),
                     (int) sizeof(bad->name), bad->name, (int) sizeof(bad->reason), bad->reason,
                     bad->is_kept ? "What could be read of it, now or before, stays in force."
                                  : "Nothing of it is in force.") < 0)
                return NULL;
        return text;
}

char *notice_stale(const TrustFolders *folders, const Lists *lists, int64_t now) {
        ListInfo oldest = { .next_update = INT64_MAX };
        char date[32], *text;
        unsigned n = 0;
        struct tm tm;
        time_t since;

        for (size_t i = 0; i < lists_count(lists); i++) {
                ListInfo info = lists_get(lists, i);

                n += info.next_update < now;
                if (info.next_update < oldest.next_update)
                        oldest = info;
        }
        since = (time_t) oldest.next_update;
        if (n == 0 || !gmtime_r(&since, &tm) || strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0)
                return NULL;
        if (asprintf(&text,
                     "%u lists of revoked certificates are out of date, one of them since %s: "
                     "%s/%s. What they revoke stays revoked; of the other certificates of their "
                     "issuers nothing can be said. Put newer lists in their place.",
                     n, date, lists_folder(folders, oldest.is_vendor), oldest.file) < 0)
                return NULL;
        return text;
}
