/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notification: one at a time on the desktop (org.freedesktop.Notifications on the user's bus), that
 * tells of a question which is put elsewhere. It can be put off there and nothing else: what a click can
 * do, is done by mistake. Nothing here waits for anybody, but for notifications_free() a moment.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"

typedef struct Notifications Notifications;

/* Connects. 0 or -errno; that nobody shows notifications turns out with the first one. */
int notifications_new(Notifications **ret);

/* Takes back what is shown. NULL ok; returns NULL. */
Notifications *notifications_free(Notifications *n);
DEFINE_CLEANUP(Notifications *, notifications_free)

/* Shows texts as they are: what would be mark-up to the desktop is none. 0 or -errno. */
int notifications_show(Notifications *n, const char *summary, const char *body);

/* Takes back what is shown, if anything is. */
void notifications_close(Notifications *n);

/* For poll(): what to wait for, and how long at most in ms (-1: for ever). */
int notifications_fd(const Notifications *n);
short notifications_events(const Notifications *n);
int notifications_wait_msec(const Notifications *n);

/* What has come: 1 if the person put off what is shown, 0, or -errno: there are no notifications. */
int notifications_process(Notifications *n);
