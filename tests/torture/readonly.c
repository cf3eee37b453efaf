/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A real ext4 that is read-only: mounted so before the daemon starts, or made so by the kernel while it
 * runs, as after an error of the disk. Verdicts go on, a change is refused with the way out, and once the
 * file system is writable changes are taken, without a restart where the kernel lets it be mounted anew.
 * Needs privileges; where they are missing this is skipped by name.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "tests/torture/loop.h"
#include "tests/torture/tally.h"

static const WorldStep before[] = {
        {"allows a certificate", "AddException", AT("a.example.org", 993, 0) SHOWN},
        {"denies another", "AddDenial", AT("b.example.org", 465, 1)},
        {"allows a third", "AddException", AT("c.example.org", 993, 2) SHOWN},
        {"and takes that back", "RevokeException", "'id':3"},
};

static const WorldStep more = {"allows one more", "AddException",
                               AT("d.example.org", 993, 3) SHOWN};

/* No change, but what the daemon does behind its last answer is done before this one. */
static const WorldStep settled = {"takes it back once more", "RevokeException", "'id':3"};

static const struct {
        const char *probe;
        const char *verdict;
} expected[] = {
        {AT("a.example.org", 993, 0), "accept"},
        {AT("b.example.org", 465, 1), "reject"},
        {AT("c.example.org", 993, 2), "prompt"},
        {AT("d.example.org", 993, 3), "prompt"},
};

static void must(const char *lacks) {
        if (!lacks)
                return;
        printf("skipped: %s: %s\n", lacks, strerror(errno));
        exit(77);
}

/* -- what is seen ---------------------------------------------------------------------------- */

static void expect(World *w, Tally *t, const char *when, const char *method, const char *parameters,
                   const char *path, const char *value) {
        struct json_object *reply = world_call(w, method, parameters);

        if (strcmp(world_at(reply, path), value) != 0)
                tally_fail(t, "%s: %s %.40s: %s is not %s: %s", when, method, parameters, path, value,
                           reply ? json_object_to_json_string(reply) : "nothing");
        (void) json_object_put(reply);
}

static void expect_verdicts(World *w, Tally *t, const char *when) {
        for (size_t i = 0; i < N_ELEMENTS(expected); i++)
                expect(w, t, when, "Verify", expected[i].probe, "verdict", expected[i].verdict);
}

static void expect_refusal(World *w, Tally *t, const char *when) {
        expect(w, t, when, more.method, more.parameters, "reason", "the state directory is read-only");
        expect(w, t, when, "RevokeException", "'id':1", "hint",
               "mount it writable; look for disk errors first");
        expect(w, t, when, "GetStatus", "", "store", "failed");
        expect(w, t, when, "GetStatus", "", "store_detail", "the state directory is read-only");
        expect_verdicts(w, t, when);
}

static void expect_change(World *w, Tally *t, const char *when) {
        expect(w, t, when, more.method, more.parameters, "exception.id", "4");
        expect(w, t, when, "GetStatus", "", "store", "ok");
        expect(w, t, when, "RevokeException", "'id':4", "exception.state", "revoked");
        expect_verdicts(w, t, when);
}

/* -- the cases ------------------------------------------------------------------------------- */

static void begin(World *w, Loop *l, const char *options) {
        must(loop_make(w, l));
        must(loop_mount(l, 0, options));
        world_must_start(w);
        world_walk(w, before, N_ELEMENTS(before));
}

static void mount_before_the_start(World *w, Tally *t, bool killed) {
        const char *when = killed ? "mounted read-only after a crash" : "mounted read-only";
        Loop l;

        begin(w, &l, NULL);
        (killed ? world_kill : world_stop)(w);
        t->n_cases++;
        must(loop_remount(&l, MS_RDONLY));
        world_must_start(w);
        expect_verdicts(w, t, when);
        expect_refusal(w, t, when);
        must(loop_remount(&l, 0));
        expect_change(w, t, "mounted writable again");
        world_stop(w);
        loop_unmount(&l);
}

/* What errors=remount-ro does when the file system finds itself damaged. */
static bool trigger_error(const Loop *l) {
        char path[128];
        _cleanup_fd_ int fd = -1;

        (void) snprintf(path, sizeof(path), "/sys/fs/ext4/%s/trigger_fs_error",
                        strrchr(l->device, '/') + 1);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        return fd >= 0 && write(fd, "1", 1) == 1;
}

/* The kernel lets it be mounted writable only after it was unmounted. */
static void error_under_the_daemon(World *w, Tally *t) {
        Loop l;

        begin(w, &l, "errors=remount-ro");
        world_walk(w, &settled, 1);
        if (!trigger_error(&l)) {
                printf("skipped: no error of the file system can be made: %s\n", strerror(errno));
                world_stop(w);
                loop_unmount(&l);
                return;
        }
        t->n_cases++;
        expect_verdicts(w, t, "an error of the disk");
        expect_refusal(w, t, "an error of the disk");
        world_stop(w);
        world_must_start(w);
        expect_verdicts(w, t, "started after an error of the disk");
        expect_refusal(w, t, "started after an error of the disk");
        world_kill(w);
        loop_unmount(&l);
        must(loop_mount(&l, 0, NULL));
        world_must_start(w);
        expect_change(w, t, "mounted anew");
        world_stop(w);
        loop_unmount(&l);
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        Tally t;

        tally_begin(&t, "read-only file system");
        w = world_new(false);
        must(loop_begin());
        mount_before_the_start(w, &t, false);
        mount_before_the_start(w, &t, true);
        error_under_the_daemon(w, &t);
        return tally_end(&t);
}
