/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fixture: the real daemon in a directory of its own, and raw clients of its socket. What cannot be
 * set up aborts with a sentence, so that nothing here has to be checked by callers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/cleanup.h"
#include "client/varlink.h"
#include "tests/launch.h"

struct json_object;

/* Long enough for valgrind; a test that waits for nothing waits much shorter. */
#define FIXTURE_WAIT_MSEC 60000

typedef struct Fixture {
        char *directory; /* others may look into it, as into /run */
        char *socket_path;
        bool bus; /* not with --no-bus */
        LaunchHow how; /* for the next fixture_start() */
        Launch launch;
} Fixture;

/* A new directory. The daemon is not started yet. */
Fixture *fixture_new(void);

/* Ends the daemon, removes the directory. */
Fixture *fixture_free(Fixture *f);
DEFINE_CLEANUP(Fixture *, fixture_free)

/*
 * Starts certexcd, in system mode unless the first of @arguments (NULL-terminated; NULL: none) is
 * --user, with its directories in the fixture's, and waits until it is ready. The authorities are
 * those of DIRECTORY/authorities.pem, if there is such a file, else none.
 */
void fixture_start(Fixture *f, const char *const *arguments);

/* The same without waiting: for a daemon that is to refuse. */
void fixture_launch(Fixture *f, const char *const *arguments);

/* SIGTERM; the exit status, or the signal's number + 128. */
int fixture_stop(Fixture *f);

/* DIRECTORY/NAME; valid until the next call. */
const char *fixture_path(Fixture *f, const char *name);

/* Calls @run in a process of another uid; its exit status. Needs root. */
int fixture_as(uid_t uid, int (*run)(void *userdata), void *userdata);

/* -- raw clients ------------------------------------------------------------------------- */

typedef struct Peer {
        int fd;
        VarlinkBuffer buffer;
} Peer;

Peer *peer_new(const Fixture *f);
Peer *peer_free(Peer *peer);
DEFINE_CLEANUP(Peer *, peer_free)

/* 0 or -errno where it may be refused. */
int peer_try_new(const Fixture *f, Peer **ret);

/* Sends bytes as they are; false if the daemon has hung up. */
bool peer_send_bytes(Peer *peer, const void *data, size_t size);

/* Sends a text and its NUL. */
bool peer_send(Peer *peer, const char *text);

/* The next reply as text without its NUL (free()), or NULL: hung up, or nothing for @timeout_msec. */
char *peer_read(Peer *peer, int timeout_msec);

/* The next reply, parsed (json_object_put()), or NULL. */
struct json_object *peer_reply(Peer *peer, int timeout_msec);

/* Sends a text and waits for the reply. */
struct json_object *peer_call(Peer *peer, const char *text);

/* true if the daemon hangs up within @timeout_msec; replies that come before are thrown away. */
bool peer_is_closed(Peer *peer, int timeout_msec);

/* The error of a reply, "" if it has none; "(nothing)" for NULL. */
const char *reply_error(struct json_object *reply);

/* A field of a reply's parameters, or NULL. Borrowed. */
struct json_object *reply_field(struct json_object *reply, const char *name);
