/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Login: which session an owner is in now, as the kernel (boot id) and logind say. */
#pragma once

#include <sys/types.h>

#include "daemon/decision.h"

/*
 * Fills *@ret with this boot and with when the sessions that @uid has now began. Where logind runs and
 * knows no session of @uid, or anything cannot be read, @known is false. For OWNER_SYSTEM only the
 * boot counts.
 */
void login_session(int64_t owner, Session *ret);

/* Room for a session's name ("c2") with its NUL; a longer one is taken as unknown. */
#define LOGIN_SESSION_MAX 64U

/* The session that the process @pid belongs to; "" if there is none, or it cannot be seen. */
void login_session_name(pid_t pid, char ret[static LOGIN_SESSION_MAX]);
