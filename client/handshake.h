/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a TLS handshake that failed says about the server: software that is too old is told apart
 * from anything that a certificate could be blamed for. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/fault.h"

/* The alert that the server sent; -1 where it sent none. */
#define HANDSHAKE_NO_ALERT (-1)

/* Fills @fault for GnuTLS's @error. @first are the first bytes of the server. Returns as
 * fault_set(). */
int handshake_fault(Fault *fault, int error, int alert, const uint8_t *first, size_t n_first);

/* "@what: GnuTLS's sentence." */
int handshake_error(Fault *fault, FaultKind kind, const char *what, int error);
