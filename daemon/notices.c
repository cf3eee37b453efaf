/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/notices.h"

static const char *folder(const TrustFolders *folders, TrustFolder which) {
        return folders->paths[which] ? folders->paths[which] : "";
}

static const char *lists_folder(const TrustFolders *folders, bool is_vendor) {
        return folder(folders, is_vendor ? TRUST_VENDOR_LISTS : TRUST_LISTS);
}

/* What a doubt costs, and what ends it. */
static const char doubtful[] = "Until that is mended nothing is accepted by exception. ";

const char *notice_reason(int error) {
        switch (error) {
        case E2BIG:
                return "there are more than the daemon holds";
        case EFBIG:
                return "the file is larger than any list of authorities";
        case EINVAL:
                return "it is no regular file";
        case EOPNOTSUPP:
                return "GnuTLS was built without one; name a file with --trust-file";
        default:
                return strerror(error);
        }
}

char *notice_blocked(const TrustFolders *folders, const ImportReport *report) {
        char *text;

        if (report->n_broken == 0)
                return NULL;
        if (asprintf(&text,
                     "The block list cannot be used as it is (broken: %u, one of them %s/%.*s). What could be read, "
                     "now or before, is blocked, the rest is not. %sPut certificates in PEM form "
                     "there that the daemon can read, or take the file away.",
                     report->n_broken, folder(folders, TRUST_BLOCKED),
                     (int) sizeof(report->broken), report->broken,
                     report->n_lost > 0 ? doubtful : "") < 0)
                return NULL;
        return text;
}

char *notice_distrusted(const ImportReport *report) {
        char *text;
        int n;

        if (report->distrusted_reason[0])
                n = asprintf(&text,
                             "What the system's store distrusts cannot be read, %.*s: it is not known "
                             "to the daemon. %sLook at it with \"trust list --filter=blocklist\", mend "
                             "it and reload the daemon; or put such certificates into the block list.",
                             (int) sizeof(report->distrusted_reason), report->distrusted_reason,
                             doubtful);
        else if (report->n_distrusted_unread > 0)
                n = asprintf(&text,
                             "Of what the system's store distrusts, %" PRIu32 " cannot be known to the "
                             "daemon: the store has no certificate there that could be read, but an "
                             "issuer and a serial number at most. \"trust list --filter=blocklist\" "
                             "shows them; whoever has the certificates can put them into the block list.",
                             report->n_distrusted_unread);
        else
                return NULL;
        return n < 0 ? NULL : text;
}

static void name_bad_list(FILE *out, const TrustFolders *folders, const BadList *bad) {
        (void) fprintf(out, "%s%s%.*s: %.*s; %s. ", lists_folder(folders, bad->is_vendor),
                       bad->name[0] ? "/" : "", (int) sizeof(bad->name), bad->name,
                       (int) sizeof(bad->reason), bad->reason,
                       bad->is_kept ? "what could be read of it, now or before, stays in force"
                                    : "of what it had, some or all is not in force");
}

char *notice_lists(const TrustFolders *folders, const ImportReport *report) {
        const unsigned n = report->n_bad_lists;
        char *text = NULL;
        size_t size;
        FILE *out;

        if (n == 0)
                return NULL;
        out = open_memstream(&text, &size);
        if (!out)
                return NULL;
        (void) fputs("Lists of revoked certificates cannot be used as they are. ", out);
        for (unsigned i = 0; i < n && i < BAD_LISTS_NAMED; i++)
                name_bad_list(out, folders, &report->bad_lists[i]);
        if (n > BAD_LISTS_NAMED)
                (void) fprintf(out, "And %u more. ", n - BAD_LISTS_NAMED);
        (void) fprintf(out, "%sPut whole lists in their place, or take away what is no list.",
                       report->n_lost_lists > 0 ? doubtful : "");
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
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
                     "Lists of revoked certificates are out of date: %u, one of them since %s: "
                     "%s/%s. What they revoke stays revoked; of the other certificates of their "
                     "issuers nothing can be said. Put newer lists in their place.",
                     n, date, lists_folder(folders, oldest.is_vendor), oldest.file) < 0)
                return NULL;
        return text;
}
