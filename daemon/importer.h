/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the importer tells the daemon: one packet, with the block's descriptor if there is one. */
#pragma once

#include <stdint.h>

typedef struct ImportReport {
        uint32_t error;        /* errno; 0: a block comes along */
        uint32_t n_unreadable; /* certificates that are not in the block because they are damaged */
        uint32_t n_broken;     /* files of the block list that hold no certificate, or a damaged one */
        char broken[256];      /* the name of one of them */
} ImportReport;
