/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Import: decisions from elsewhere, whose certificates are judged before they are stored. */
#pragma once

typedef struct Importing Importing;

/* The request that waits for it is gone. NULL ok; returns NULL. */
Importing *importing_free(Importing *importing);
