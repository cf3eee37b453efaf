/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files and folders that authorities come from: who touches them is noticed, and what they are like
 * can be told by a stamp. */
#pragma once

#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"
#include "daemon/trust.h"

typedef struct Sources Sources;

/* Called from the loop when something may have changed. */
typedef void (*SourcesTouched)(void *userdata);

/* @trust_file (NULL: the system's store) and @folders outlive it. 0 or -errno. */
int sources_new(sd_event *event, const char *trust_file, const TrustFolders *folders,
                SourcesTouched touched, void *userdata, Sources **ret);
Sources *sources_free(Sources *sources);
DEFINE_CLEANUP(Sources *, sources_free)

/* As kept_stamp(), of all of them now. */
int sources_stamp(const Sources *sources, uint8_t ret[static SHA256_SIZE]);
