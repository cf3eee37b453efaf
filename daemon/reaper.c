/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that were told to die, until they have. */
#include "config.h"

#include "daemon/reaper.h"

#include <sys/epoll.h>
#include <systemd/sd-event.h>

typedef struct Dying {
        Reaper *reaper;
        struct Dying *next;
        Process process;
        sd_event_source *source;
} Dying;

struct Reaper {
        sd_event *event;
        Dying *dying;
};

int reaper_new(sd_event *event, Reaper **ret) {
        Reaper *reaper;

        reaper = calloc(1, sizeof(*reaper));
        if (!reaper)
                return -ENOMEM;
        reaper->event = sd_event_ref(event);
        *ret = reaper;
        return 0;
}

/* Waits; the source goes first, since reaping closes the descriptor that it watches. */
static void dying_free(Dying *dying) {
        for (Dying **p = &dying->reaper->dying; *p; p = &(*p)->next)
                if (*p == dying) {
                        *p = dying->next;
                        break;
                }
        (void) sd_event_source_disable_unref(dying->source);
        (void) process_reap(&dying->process, true);
        free(dying);
}

Reaper *reaper_free(Reaper *reaper) {
        if (!reaper)
                return NULL;

        while (reaper->dying)
                dying_free(reaper->dying);
        (void) sd_event_unref(reaper->event);
        free(reaper);
        return NULL;
}

static int dying_on_death(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        dying_free(userdata);
        return 0;
}

void reaper_end(Reaper *reaper, Process *process) {
        Dying *dying;

        process_kill(process);
        if (process_reap(process, false))
                return;

        dying = calloc(1, sizeof(*dying));
        if (!dying || sd_event_add_io(reaper->event, &dying->source, process->pidfd, EPOLLIN,
                                      dying_on_death, dying) < 0) {
                free(dying);
                (void) process_reap(process, true);
                return;
        }

        dying->reaper = reaper;
        dying->process = *process;
        *process = (Process) PROCESS_INIT;
        dying->next = reaper->dying;
        reaper->dying = dying;
}
