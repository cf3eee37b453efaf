/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the importer tells the daemon: one packet, with the block's descriptor if there is one. */
#pragma once

#include <stdint.h>

typedef struct ImportReport {
        uint32_t error;        /* errno; 0: a block comes along */
        uint32_t n_unreadable; /* certificates that are not in the block because they are damaged */
} ImportReport;
