/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The power goes away under the daemon while exceptions are added: a real ext4 on a loop device,
 * shut down by the kernel in the middle. Every exception that was acknowledged is there when the
 * file system is mounted again. Needs privileges; where they are missing this is skipped by name.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/torture/loop.h"
#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

/* linux/fs/ext4: no header that is installed has it. Without flushing anything first. */
#define EXT4_SHUTDOWN         _IOR('X', 125, uint32_t)
#define EXT4_SHUTDOWN_NOFLUSH 2U

#define CUTS       6U /* in make check */
#define ADDS_MAX   64U
#define AHEAD      4U /* calls sent ahead of their answers */

static void __attribute__((noreturn)) skip(const char *what) {
        printf("skipped: %s: %s\n", what, strerror(errno));
        exit(77);
}

static void must(const char *lacks) {
        if (lacks)
                skip(lacks);
}

static void cut(const Loop *d) {
        _cleanup_fd_ int fd = open(d->mounted_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        uint32_t how = EXT4_SHUTDOWN_NOFLUSH;

        if (fd < 0 || ioctl(fd, EXT4_SHUTDOWN, &how) < 0)
                skip("ext4 cannot be shut down");
}

static void add(World *w, unsigned i) {
        char parameters[256];

        (void) snprintf(parameters, sizeof(parameters),
                        "'host':'n%u.example.org','port':993,'chain':[@%u]" SHOWN, i, i % 6);
        (void) world_send(w, "AddException", parameters);
}

/*
 * Adds until the power goes, after @enough answers; how many were acknowledged by then. What is
 * answered later does not count: a machine without power answers nothing, and a sync that the
 * shutdown overtakes can return success although ext4 has dropped what it was to write.
 */
static unsigned add_until_cut(World *w, const Loop *d, unsigned enough) {
        unsigned n_sent = 0, n = 0;

        while (n < ADDS_MAX) {
                struct json_object *reply;
                bool taken;

                while (n_sent < n + AHEAD)
                        add(w, n_sent++);
                if (n == enough)
                        cut(d);
                reply = world_receive(w);
                taken = reply && *reply_error(reply) == '\0';
                (void) json_object_put(reply);
                if (!taken)
                        break;
                n++;
        }
        return n < enough ? n : enough;
}

static bool is_accepted(World *w, unsigned i) {
        char parameters[256];
        struct json_object *reply;
        bool is;

        (void) snprintf(parameters, sizeof(parameters),
                        "'host':'n%u.example.org','port':993,'chain':[@%u]", i, i % 6);
        reply = world_call(w, "Verify", parameters);
        is = strcmp(world_at(reply, "verdict"), "accept") == 0;
        (void) json_object_put(reply);
        return is;
}

static void audit(World *w, Tally *t, unsigned n_acknowledged) {
        if (world_start(w) < 0) {
                tally_fail(t, "the daemon does not come up after the power cut");
                world_kill(w);
                return;
        }
        tally_served(t, world_wait_verdict(w) < 0 ? 0 : world_now_usec() - w->started_usec);
        for (unsigned i = 0; i < n_acknowledged; i++)
                if (!is_accepted(w, i)) {
                        t->n_lost++;
                        tally_fail(t, "exception %u of %u is gone after the power cut", i,
                                   n_acknowledged);
                }
        world_stop(w);
}

static void cut_once(World *w, Tally *t) {
        uint32_t chance = t->seed + t->n_cases;
        unsigned n;
        Loop l;

        must(loop_make(w, &l));
        must(loop_mount(&l, 0, NULL));
        world_must_start(w);
        n = add_until_cut(w, &l, 1 + tally_random(&chance, ADDS_MAX / 2));
        t->n_cases++;
        world_kill(w);
        loop_unmount(&l);
        must(loop_mount(&l, 0, NULL));
        audit(w, t, n);
        loop_unmount(&l);
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        Tally t;

        tally_begin(&t, "power cut");
        w = world_new(false);
        must(loop_begin());
        while (tally_goes_on(&t, CUTS))
                cut_once(w, &t);
        return tally_end(&t);
}
