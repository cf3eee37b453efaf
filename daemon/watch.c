/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watching a folder. As long as it is not there, or may not be read, the nearest one above that can be
 * watched is watched for the next step on the way. */
#include "config.h"

#include "daemon/watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* By which a folder may have come a step nearer. */
#define ARRIVALS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_Q_OVERFLOW)

/* Somebody who makes and removes folders all the time is not followed for ever. */
#define TRIES 16U

struct Watch {
        sd_event *event;
        char *folder;
        WatchTouched touched;
        void *userdata;
        sd_event_source *source;
        bool is_there; /* the folder itself is watched, and no other above it */
};

static int watch_on_touch(sd_event_source *source, const struct inotify_event *event,
                          void *userdata);

/* What is left of @path without its last step, in place; false if there is nothing above. */
static bool step_up(char *path) {
        char *slash = strrchr(path, '/');

        if (!slash)
                return false;
        if (slash == path)
                return path[1] ? (path[1] = '\0', true) : false;
        *slash = '\0';
        return true;
}

/* Watches the folder, or the nearest one above it that is there: *@ret_size is its path's. */
static int watch_nearest(Watch *w, size_t *ret_size) {
        _cleanup_free_ char *path = strdup(w->folder);
        int r;

        if (!path)
                return -ENOMEM;
        w->source = sd_event_source_disable_unref(w->source);
        w->is_there = true;
        for (;;) {
                r = sd_event_add_inotify(w->event, &w->source, path, WATCH_EVENTS, watch_on_touch, w);
                if ((r != -ENOENT && r != -ENOTDIR && r != -EACCES) || !step_up(path))
                        break;
                w->is_there = false;
        }
        *ret_size = strlen(path);
        return r;
}

/* true if the next step behind the first @size bytes of the folder's path can be made by now. */
static bool has_next_step(const Watch *w, size_t size) {
        _cleanup_free_ char *path = NULL;
        size_t next = size + 1 + strcspn(w->folder + size + 1, "/");

        path = strndup(w->folder, next);
        return path && access(path, R_OK) == 0;
}

/* What comes between looking and watching must not be missed. */
static int watch_arm(Watch *w) {
        size_t size;
        int r;

        for (unsigned i = 0; i < TRIES; i++) {
                r = watch_nearest(w, &size);
                if (r < 0 || w->is_there || !has_next_step(w, size))
                        return r;
        }
        return 0;
}

static int watch_on_touch(sd_event_source *source, const struct inotify_event *event,
                          void *userdata) {
        const bool moved = (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0;
        Watch *w = userdata;

        if (w->is_there && !moved) {
                w->touched(event->len > 0 && !(event->mask & IN_Q_OVERFLOW) ? event->name : NULL,
                           w->userdata);
                return 0;
        }
        if (!moved && (event->mask & ARRIVALS) == 0)
                return 0;
        /* What was watched is gone, or a step nearer is there. */
        (void) watch_arm(w);
        if (moved || w->is_there)
                w->touched(NULL, w->userdata);
        return 0;
}

int watch_new(sd_event *event, const char *folder, WatchTouched touched, void *userdata,
              Watch **ret) {
        _cleanup_(watch_freep) Watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->event = sd_event_ref(event);
        w->touched = touched;
        w->userdata = userdata;
        w->folder = strdup(folder);
        if (!w->folder)
                return -ENOMEM;
        r = watch_arm(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

Watch *watch_free(Watch *w) {
        if (!w)
                return NULL;
        (void) sd_event_source_disable_unref(w->source);
        (void) sd_event_unref(w->event);
        free(w->folder);
        free(w);
        return NULL;
}
