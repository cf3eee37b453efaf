/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real limits, not injected ones: a file system that is full, no larger files, no more descriptors.
 * Each time verdicts go on, a change is refused with the reason, nothing of it is stored, and when
 * the cause has ended the next one is taken without a restart.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

#define TRIES_MAX 200U

static const WorldStep before[] = {
        {"allows a certificate", "AddException", AT("a.example.org", 993, 0) SHOWN},
        {"denies another", "AddDenial", AT("b.example.org", 465, 1)},
};

static const char *const probes[] = {
        AT("a.example.org", 993, 0),
        AT("b.example.org", 465, 1),
        AT("last.example.org", 993, 2),
        NULL,
};

static const WorldStep last = {"allows one more", "AddException",
                               AT("last.example.org", 993, 2) SHOWN};

/* -- the causes ---------------------------------------------------------------------------- */

static const char *filler(World *w) {
        return world_file(w, "filler");
}

/* Takes what is left of the file system, to the last byte. */
static bool fill(World *w) {
        _cleanup_fd_ int fd = open(filler(w), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        static const char bytes[65536];
        size_t size = sizeof(bytes);

        if (fd < 0)
                return false;
        while (size > 0)
                if (write(fd, bytes, size) < 0)
                        size /= 2;
        return true;
}

static void empty(World *w) {
        (void) unlink(filler(w));
}

static struct rlimit limit_before;

static bool limit(World *w, int what, rlim_t value) {
        struct rlimit now;

        if (prlimit(w->fixture->launch.pid, what, NULL, &limit_before) < 0)
                return false;
        now = (struct rlimit){value, limit_before.rlim_max};
        return prlimit(w->fixture->launch.pid, what, &now, NULL) == 0;
}

/* No file may grow beyond the database's present size. */
static bool limit_size(World *w) {
        struct stat st;

        return stat(world_file(w, "certexc.db"), &st) == 0 &&
               limit(w, RLIMIT_FSIZE, (rlim_t) st.st_size);
}

static void unlimit_size(World *w) {
        (void) prlimit(w->fixture->launch.pid, RLIMIT_FSIZE, &limit_before, NULL);
}

/* Not one descriptor more than there are. */
static bool limit_files(World *w) {
        char path[64];
        rlim_t highest = 0;
        DIR *directory;

        (void) snprintf(path, sizeof(path), "/proc/%d/fd", (int) w->fixture->launch.pid);
        directory = opendir(path);
        if (!directory)
                return false;
        for (struct dirent *e; (e = readdir(directory));)
                if ((rlim_t) atoi(e->d_name) >= highest)
                        highest = (rlim_t) atoi(e->d_name) + 1;
        (void) closedir(directory);
        return limit(w, RLIMIT_NOFILE, highest);
}

static void unlimit_files(World *w) {
        (void) prlimit(w->fixture->launch.pid, RLIMIT_NOFILE, &limit_before, NULL);
}

typedef struct Cause {
        const char *name;
        bool mounted; /* needs a file system of its own; the rows after it are on that, too */
        bool refuses; /* sooner or later a change is refused */
        bool (*begin)(World *w);
        void (*end)(World *w);
} Cause;

static const Cause causes[] = {
        {"no larger files", false, true, limit_size, unlimit_size},
        {"no more descriptors", false, false, limit_files, unlimit_files},
        {"a file system that is full", true, true, fill, empty},
};

/* -- each of them -------------------------------------------------------------------------- */

/* Where mounts are nobody else's. */
static bool mount_small(World *w) {
        const char *state = world_file(w, ".");

        (void) mkdir(world_file(w, ""), 0700);
        return unshare(CLONE_NEWNS) == 0 &&
               mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("tmpfs", state, "tmpfs", 0, "size=2m,mode=0700") == 0;
}

/* 1 taken, 0 refused with a reason and a way out, -1 anything else. */
static int try_change(World *w, const char *parameters) {
        struct json_object *reply = world_call(w, "AddException", parameters);
        const char *error = reply_error(reply);
        int r = -1;

        if (*error == '\0')
                r = 1;
        else if (strcmp(error, "org.certexc1.StoreFailed") == 0 && *world_at(reply, "reason") &&
                 *world_at(reply, "hint"))
                r = 0;
        (void) json_object_put(reply);
        return r;
}

/* Adds until one is refused; how many were taken, or -1. */
static int add_until_refused(World *w, bool must) {
        char parameters[256];
        int r;

        for (unsigned i = 0; i < TRIES_MAX; i++) {
                (void) snprintf(parameters, sizeof(parameters),
                                "'host':'n%u.example.org','port':993,'chain':[@3]" SHOWN, i);
                r = try_change(w, parameters);
                if (r < 0)
                        return -1;
                if (r == 0)
                        return (int) i;
        }
        return must ? -1 : (int) TRIES_MAX;
}

static bool verdict_is(World *w, const char *probe, const char *verdict) {
        struct json_object *reply = world_call(w, "Verify", probe);
        bool is = strcmp(world_at(reply, "verdict"), verdict) == 0;

        (void) json_object_put(reply);
        return is;
}

static unsigned count(World *w) {
        struct json_object *reply = world_call(w, "GetStatus", "");
        unsigned n = (unsigned) atoi(world_at(reply, "counts.exceptions"));

        (void) json_object_put(reply);
        return n;
}

static void suffer(World *w, Tally *t, const Cause *cause) {
        int n;

        n = add_until_refused(w, cause->refuses);
        if (n < 0)
                tally_fail(t, "%s: no change is refused with a reason", cause->name);
        if (!verdict_is(w, probes[0], "accept") || !verdict_is(w, probes[1], "reject"))
                tally_fail(t, "%s: verdicts do not go on", cause->name);
        cause->end(w);
        if (try_change(w, last.parameters) != 1)
                tally_fail(t, "%s: it has ended, but changes are refused", cause->name);
        if (!verdict_is(w, probes[2], "accept"))
                tally_fail(t, "%s: it has ended, but what was allowed then is not", cause->name);
        world_kill(w);
        world_must_start(w);
        if (n >= 0 && count(w) != (unsigned) n + 2) {
                t->n_lost++;
                tally_fail(t, "%s: %u exceptions after the restart, %d acknowledged", cause->name,
                           count(w), n + 2);
        }
        if (!verdict_is(w, probes[2], "accept") || !verdict_is(w, probes[1], "reject"))
                tally_fail(t, "%s: after the restart the verdicts are others", cause->name);
}

/* The cause is there already when the daemon is started. */
static void start_under(World *w, Tally *t, const Cause *cause) {
        if (!cause->mounted || !cause->begin(w))
                return;
        t->n_cases++;
        world_must_start(w);
        if (!verdict_is(w, probes[0], "accept") || !verdict_is(w, probes[1], "reject"))
                tally_fail(t, "%s: there are no verdicts after a start", cause->name);
        if (add_until_refused(w, cause->refuses) < 0)
                tally_fail(t, "%s: no change is refused with a reason after a start", cause->name);
        cause->end(w);
        if (try_change(w, last.parameters) != 1)
                tally_fail(t, "%s: it has ended after a start, but changes are refused", cause->name);
        world_stop(w);
}

static void try_cause(World *w, Tally *t, const Cause *cause) {
        world_empty(w);
        world_must_start(w);
        world_walk(w, before, N_ELEMENTS(before));
        if (cause->begin(w)) {
                t->n_cases++;
                suffer(w, t, cause);
        } else
                printf("skipped: %s: %s\n", cause->name, strerror(errno));
        world_stop(w);
        start_under(w, t, cause);
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        bool mounted = false;
        Tally t;

        tally_begin(&t, "limits of the disk");
        w = world_new(false);
        for (size_t i = 0; i < N_ELEMENTS(causes); i++) {
                if (causes[i].mounted && !mounted)
                        mounted = mount_small(w);
                if (causes[i].mounted && !mounted)
                        printf("skipped: %s: nothing can be mounted here\n", causes[i].name);
                else
                        try_cause(w, &t, &causes[i]);
        }
        if (mounted)
                (void) umount2(world_file(w, "."), MNT_DETACH);
        return tally_end(&t);
}
