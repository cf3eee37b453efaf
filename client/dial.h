/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dial: from a name and a port to a connected socket, within a time. */
#pragma once

#include <stdint.h>

#include "client/endpoint.h"
#include "client/fault.h"

/*
 * Looks up @endpoint's host and tries its addresses in turn until @deadline (CLOCK_MONOTONIC,
 * microseconds). Returns the socket, not blocking, or a negative errno and @fault.
 */
int dial(const Endpoint *endpoint, uint64_t deadline, Fault *fault);
