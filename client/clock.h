/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The computer's clock: what it says, and what the kernel knows of who keeps it right. */
#pragma once

#include <stdbool.h>

#include "client/output.h"

void clock_explain(const Output *out);

/* true if something keeps it right over the network. */
bool clock_is_kept(void);
