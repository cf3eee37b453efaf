/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon and its importer tell each other: one packet each way, with descriptors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What an importer gets besides its authorities; each may be missing. */
typedef enum ImportFd {
        IMPORT_BLOCKED,      /* the folder of the block list */
        IMPORT_LISTS,        /* the administrator's folder of lists of revoked certificates */
        IMPORT_VENDOR_LISTS, /* the distribution's, whose files the former's cover by name */
        IMPORT_LAST,         /* the last good block: what is broken now is taken from there */
        _IMPORT_FD_MAX,
} ImportFd;

/* In place of a folder's descriptor: it is there, and the daemon cannot open it. */
#define IMPORT_FD_CLOSED (-2)

/* 0 or -errno. @fds: -1 for what is missing, IMPORT_FD_CLOSED; borrowed. */
int import_order_send(int socket_fd, const int fds[static _IMPORT_FD_MAX]);

/* The other end: all -1 where no order came. */
int import_order_receive(int socket_fd, int ret_fds[static _IMPORT_FD_MAX]);

/* So many files of lists that are not right are named; of the others it is told how many. */
#define BAD_LISTS_NAMED 8U

/* A file of lists that is not right, and why. */
typedef struct BadList {
        char name[256]; /* "": the folder itself */
        char reason[96];
        bool is_vendor;
        bool is_kept; /* what was read of it before stays in force */
} BadList;

typedef struct ImportReport {
        uint32_t error;        /* errno; 0: a block comes along */
        uint32_t n_unreadable; /* certificates that are not in the block because they are damaged */
        uint32_t n_distrusted_unread; /* distrusted by the system's store, which has no certificate to read */
        char distrusted_reason[96];   /* why none of it could; "": some could */
        uint32_t n_broken;     /* files of the block list that hold no certificate, or a damaged one */
        uint32_t n_lost;       /* of these, those of which nothing is known from before either */
        char broken[256];      /* the name of one of them; "": the folder itself */
        uint32_t n_bad_lists;
        uint32_t n_lost_lists; /* of these, those of which nothing is in force */
        BadList bad_lists[BAD_LISTS_NAMED];
} ImportReport;

/* 1 and the report, with a descriptor or -1, 0 if it is not there yet, -EBADMSG. */
int import_report_receive(int socket_fd, ImportReport *ret, int *ret_fd);
