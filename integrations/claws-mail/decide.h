/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a connection whose certificate Claws Mail asks its plugins about. */
#pragma once

#include <glib.h>

/* A handler of the hook list "sslcert_ask": TRUE: it is decided, by certexc or by Claws Mail. */
gboolean decide_about_certificate(gpointer data, gpointer userdata);
