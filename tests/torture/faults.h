/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults: what a test and the daemon under test share, one page of memory. The test says which call
 * on the files of a directory goes wrong and how; faults.c, preloaded into the daemon, does it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The page's file; in the daemon's environment. */
#define FAULTS_VARIABLE "CERTEXC_TEST_FAULTS"

typedef enum FaultCall {
        FAULT_WRITE = 1 << 0,
        FAULT_SYNC = 1 << 1,
        FAULT_TRUNCATE = 1 << 2,
        FAULT_CREATE = 1 << 3,
        FAULT_RENAME = 1 << 4,
        FAULT_UNLINK = 1 << 5,
        FAULT_ANY = (1 << 6) - 1,
        FAULT_GROW = 1 << 6, /* writes that make a file longer: what a full disk refuses */
} FaultCall;

typedef enum FaultAction {
        FAULT_KILL,       /* SIGKILL instead of the call */
        FAULT_KILL_HALF,  /* half of the bytes are written, then SIGKILL */
        FAULT_POWER_CUT,  /* SIGKILL, and nothing that was not synced is on the disk */
        FAULT_POWER_TORN, /* SIGKILL, and of what was not synced some is on the disk */
        FAULT_ERROR,      /* the call fails with @error */
        FAULT_SHORT,      /* half of the bytes are written, and the call says so */
        FAULT_MOVE,       /* before the call, which is made, the file @moved goes to the attic */
} FaultAction;

typedef struct Faults {
        _Atomic uint32_t n_calls; /* of those kinds so far */
        _Atomic uint32_t from;    /* the number of the first call that goes wrong; 0: none */
        _Atomic uint32_t until;   /* and of the last */
        _Atomic uint32_t n_hit;   /* how many went wrong */
        _Atomic uint32_t calls;   /* FaultCall, those that are counted */
        _Atomic uint32_t action;
        _Atomic int32_t error;
        _Atomic uint32_t seed;  /* of what a torn power cut leaves */
        _Atomic bool syncs_lie; /* every sync says that it was done, and was not */
        char directory[256];    /* only its files are meant */
        char attic[256];        /* on the same file system: where files go that may come back */
        char moved[32];
        char hit[64]; /* the call that went wrong last */
} Faults;
