/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An ext4 of our own. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/torture/loop.h"

#define IMAGE_SIZE (32 * 1024 * 1024)

const char *loop_begin(void) {
        return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
                       ? "no mounts of our own"
                       : NULL;
}

const char *loop_make(World *w, Loop *l) {
        char command[1024];
        _cleanup_fd_ int fd = -1;

        (void) snprintf(l->image, sizeof(l->image), "%s", fixture_path(w->fixture, "image"));
        (void) snprintf(l->mounted_at, sizeof(l->mounted_at), "%s",
                        fixture_path(w->fixture, "state"));
        (void) unlink(l->image);
        fd = open(l->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, IMAGE_SIZE) < 0)
                return "no file for a disk";
        (void) snprintf(command, sizeof(command),
                        "PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F '%s' >/dev/null 2>&1", l->image);
        if (system(command) != 0) {
                errno = ENOENT;
                return "no mkfs.ext4";
        }
        (void) mkdir(l->mounted_at, 0700);
        return NULL;
}

/* The device goes by itself when nothing has it mounted any more. */
const char *loop_mount(Loop *l, unsigned long flags, const char *options) {
        struct loop_config config = {.info.lo_flags = LO_FLAGS_AUTOCLEAR};
        _cleanup_fd_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        _cleanup_fd_ int image = open(l->image, O_RDWR | O_CLOEXEC);
        _cleanup_fd_ int loop = -1;
        int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);

        if (number < 0 || image < 0)
                return "no loop devices";
        (void) snprintf(l->device, sizeof(l->device), "/dev/loop%d", number);
        loop = open(l->device, O_RDWR | O_CLOEXEC);
        config.fd = (uint32_t) image;
        if (loop < 0 || ioctl(loop, LOOP_CONFIGURE, &config) < 0)
                return "no loop device for us";
        if (mount(l->device, l->mounted_at, "ext4", flags, options) < 0)
                return "no ext4 that can be mounted";
        if (!(flags & MS_RDONLY) && chmod(l->mounted_at, 0700) < 0)
                return "no state directory";
        return NULL;
}

const char *loop_remount(const Loop *l, unsigned long flags) {
        return mount(NULL, l->mounted_at, NULL, MS_REMOUNT | flags, NULL) < 0 ? "no remounting"
                                                                              : NULL;
}

const char *loop_bind(World *w) {
        const char *state = world_file(w, ".");

        return mount(state, state, NULL, MS_BIND, NULL) < 0 ? "no mount of our own" : NULL;
}

const char *loop_rebind(World *w, unsigned long flags) {
        const char *state = world_file(w, ".");

        return mount(NULL, state, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? "no remounting"
                                                                                : NULL;
}

void loop_unmount(const Loop *l) {
        if (umount2(l->mounted_at, 0) < 0)
                world_give_up("Cannot unmount %s: %m", l->mounted_at);
}
