/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon is asked about: a server's certificate, as Claws Mail has it in hand or in a file. */
#pragma once

#include <gnutls/x509.h>

#include "daemon.h"

/* Where Claws Mail keeps the certificates that somebody accepted; g_free(). */
char *subject_folder(void);

/* A question about @certificate at @host and @port. Claws Mail hands its plugins the server's own
 * certificate alone; those of its issuers are taken from the file that Claws Mail wrote when it last
 * accepted this server, if there is one. */
int subject_question(gnutls_x509_crt_t certificate, const char *host, uint16_t port,
                     certexc_question **ret);
