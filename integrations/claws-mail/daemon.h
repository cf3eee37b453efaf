/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon as the plugin sees it: one client for the main thread, and what its failures mean. */
#pragma once

#include <certexc.h>
#include <glib.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(certexc_answer, certexc_answer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(certexc_client, certexc_client_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(certexc_import, certexc_import_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(certexc_question, certexc_question_free)

/* The client of the main thread; made when it is first wanted. Not NULL: Claws Mail ends where GLib has
 * no memory. Each call returns within the library's time-out. */
certexc_client *daemon_client(void);

void daemon_forget(void);

/* true: nobody was asked, because nobody answers at the socket, or none that is to be believed. Else
 * the daemon itself said that it cannot or will not. */
bool daemon_is_away(int error);
