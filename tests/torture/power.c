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
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/torture/picture.h"
#include "tests/torture/tally.h"

/* linux/fs/ext4: no header that is installed has it. Without flushing anything first. */
#define EXT4_SHUTDOWN         _IOR('X', 125, uint32_t)
#define EXT4_SHUTDOWN_NOFLUSH 2U

#define IMAGE_SIZE (32 * 1024 * 1024)
#define CUTS       6U /* in make check */
#define ADDS_MAX   64U
#define AHEAD      4U /* calls sent ahead of their answers */

typedef struct Disk {
        char image[512];
        char mounted_at[512];
        char device[64];
} Disk;

static void __attribute__((noreturn)) skip(const char *what) {
        printf("skipped: %s: %s\n", what, strerror(errno));
        exit(77);
}

static void make_image(World *w, Disk *d) {
        char command[1024];
        _cleanup_fd_ int fd = -1;

        (void) snprintf(d->image, sizeof(d->image), "%s", fixture_path(w->fixture, "image"));
        (void) snprintf(d->mounted_at, sizeof(d->mounted_at), "%s",
                        fixture_path(w->fixture, "state"));
        (void) unlink(d->image);
        fd = open(d->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, IMAGE_SIZE) < 0)
                skip("no file for a disk");
        (void) snprintf(command, sizeof(command),
                        "PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F '%s' >/dev/null 2>&1",
                        d->image);
        if (system(command) != 0) {
                errno = ENOENT;
                skip("mkfs.ext4");
        }
        (void) mkdir(d->mounted_at, 0700);
}

/* The device goes by itself when nothing has it mounted any more. */
static void attach(Disk *d) {
        struct loop_config config = {.info.lo_flags = LO_FLAGS_AUTOCLEAR};
        _cleanup_fd_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        _cleanup_fd_ int image = open(d->image, O_RDWR | O_CLOEXEC);
        _cleanup_fd_ int loop = -1;
        int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);

        if (number < 0 || image < 0)
                skip("no loop devices");
        (void) snprintf(d->device, sizeof(d->device), "/dev/loop%d", number);
        loop = open(d->device, O_RDWR | O_CLOEXEC);
        config.fd = (uint32_t) image;
        if (loop < 0 || ioctl(loop, LOOP_CONFIGURE, &config) < 0)
                skip("no loop device for us");
        if (mount(d->device, d->mounted_at, "ext4", 0, NULL) < 0)
                skip("ext4 cannot be mounted");
        if (chmod(d->mounted_at, 0700) < 0)
                skip("no state directory");
}

static void detach(const Disk *d) {
        if (umount2(d->mounted_at, 0) < 0)
                world_give_up("Cannot unmount %s: %m", d->mounted_at);
}

static void cut(const Disk *d) {
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
static unsigned add_until_cut(World *w, const Disk *d, unsigned enough) {
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
        Disk d;

        make_image(w, &d);
        attach(&d);
        world_must_start(w);
        n = add_until_cut(w, &d, 1 + tally_random(&chance, ADDS_MAX / 2));
        t->n_cases++;
        world_kill(w);
        detach(&d);
        attach(&d);
        audit(w, t, n);
        detach(&d);
}

int main(void) {
        _cleanup_(world_freep) World *w = NULL;
        Tally t;

        tally_begin(&t, "power cut");
        w = world_new(false);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                skip("no mounts of our own");
        while (tally_goes_on(&t, CUTS))
                cut_once(w, &t);
        return tally_end(&t);
}
