/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The person's agents (certexc agent and kin) are asked first: they know better how to ask. */
#pragma once

#include "daemon.h"

/* Ask, on a thread of its own, so that Claws Mail's windows stay alive meanwhile; returns when there
 * is an answer, at once if there is no agent. As certexc_ask(); @ret_error is a sentence, g_free(). */
int agents_ask(certexc_question *question, certexc_answer **ret, char **ret_error);
