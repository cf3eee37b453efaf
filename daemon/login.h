/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Login: which session an owner is in now, as the kernel (boot id) and logind say. */
#pragma once

#include <sys/types.h>

#include "daemon/decision.h"

/*
 * Fills *@ret with this boot and the begin of @uid's present log-in period. Where logind runs and
 * knows no session of @uid, or anything cannot be read, @known is false. For OWNER_SYSTEM only the
 * boot counts.
 */
void login_session(int64_t owner, Session *ret);
