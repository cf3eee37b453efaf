/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What there is to say of the folders that an importer read, in sentences (free()); NULL: nothing,
 * or no memory for it. */
#pragma once

#include "daemon/importer.h"
#include "daemon/lists.h"
#include "daemon/trust.h"

/* Why an importer came to nothing, by its errno; static. */
const char *notice_reason(int error);

char *notice_blocked(const TrustFolders *folders, const ImportReport *report);
char *notice_distrusted(const ImportReport *report);
char *notice_lists(const TrustFolders *folders, const ImportReport *report);

/* Of lists that are out of date at @now. */
char *notice_stale(const TrustFolders *folders, const Lists *lists, int64_t now);
