/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claws Mail's own dialog about a certificate, with what certexc knows written into it. */
#pragma once

#include <common/ssl_certificate.h>

#include "daemon.h"

/* true if the person accepted after having been shown all that @answer says. */
bool panel_ask(const SSLCertHookData *data, const certexc_answer *answer);

/* Has Claws Mail decide as it would without us. */
void panel_leave(SSLCertHookData *data);

/* true while Claws Mail's own handler is to be let through to with @data. */
bool panel_is_asking(const SSLCertHookData *data);
