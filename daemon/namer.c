/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls are the loop's. What the thread needs is in Desk, which the last of the two frees. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "daemon/limits.h"
#include "daemon/namer.h"

/* One question at a time goes to the thread. */
typedef struct Desk {
        pthread_mutex_t mutex;
        pthread_cond_t wake;
        NamerLookUp look_up;
        int event_fd;
        unsigned n_users; /* the loop, the thread */
        bool asked, answered, stopping;
        uid_t uid;
        int result;
        char name[CALLER_NAME_MAX];
} Desk;

struct NamerCall {
        Namer *namer;
        NamerCall *next;
        uid_t uid;
        NamerDone done;
        void *userdata;
        uint64_t until_usec;
};

struct Namer {
        sd_event_source *source, *timer;
        Desk *desk;
        bool running;
        bool busy; /* the thread is at work for @at_work, or for nobody any more */
        bool hangs; /* for so long that somebody gave up waiting for it */
        NamerCall *at_work;
        NamerCall *first; /* of those that wait for the thread, the oldest */
        unsigned n_waiting;
};

/* -- the thread ------------------------------------------------------------------------------ */

static void desk_leave(Desk *desk) {
        bool last;

        (void) pthread_mutex_lock(&desk->mutex);
        last = --desk->n_users == 0;
        (void) pthread_mutex_unlock(&desk->mutex);
        if (!last)
                return;
        (void) close_fd(desk->event_fd);
        (void) pthread_cond_destroy(&desk->wake);
        (void) pthread_mutex_destroy(&desk->mutex);
        free(desk);
}

static void *namer_thread(void *userdata) {
        Desk *desk = userdata;

        (void) pthread_mutex_lock(&desk->mutex);
        while (!desk->stopping) {
                char name[CALLER_NAME_MAX] = "";
                uid_t uid = desk->uid;
                int r;

                if (!desk->asked) {
                        (void) pthread_cond_wait(&desk->wake, &desk->mutex);
                        continue;
                }
                (void) pthread_mutex_unlock(&desk->mutex);
                r = desk->look_up(uid, name);
                (void) pthread_mutex_lock(&desk->mutex);
                desk->asked = false;
                desk->answered = true;
                desk->result = r;
                memcpy(desk->name, name, sizeof(name));
                (void) eventfd_write(desk->event_fd, 1);
        }
        (void) pthread_mutex_unlock(&desk->mutex);
        desk_leave(desk);
        return NULL;
}

/* Signals are the event loop's: none may end up here. Nobody joins a thread that may hang. */
static int start(Namer *namer) {
        sigset_t all, before;
        pthread_t thread;
        int r;

        (void) sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        namer->desk->n_users++;
        r = pthread_create(&thread, NULL, namer_thread, namer->desk);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0) {
                namer->desk->n_users--;
                return -r;
        }
        (void) pthread_detach(thread);
        namer->running = true;
        return 0;
}

/* -- the loop's side ------------------------------------------------------------------------- */

static void hand_over(Namer *namer) {
        Desk *desk = namer->desk;

        if (namer->busy || !namer->first)
                return;
        namer->at_work = namer->first;
        namer->first = namer->first->next;
        namer->at_work->next = NULL;
        namer->n_waiting--;
        namer->busy = true;
        (void) pthread_mutex_lock(&desk->mutex);
        desk->asked = true;
        desk->uid = namer->at_work->uid;
        (void) pthread_cond_signal(&desk->wake);
        (void) pthread_mutex_unlock(&desk->mutex);
}

static void finish(NamerCall *call, int result, const char *name) {
        NamerDone done = call->done;
        void *userdata = call->userdata;

        (void) namer_call_free(call);
        done(result, name, userdata);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Namer *namer = userdata;
        Desk *desk = namer->desk;
        NamerCall *call = namer->at_work;
        char name[CALLER_NAME_MAX];
        eventfd_t n;
        int result;

        (void) eventfd_read(fd, &n);
        (void) pthread_mutex_lock(&desk->mutex);
        if (!desk->answered) {
                (void) pthread_mutex_unlock(&desk->mutex);
                return 0;
        }
        desk->answered = false;
        result = desk->result;
        memcpy(name, desk->name, sizeof(name));
        (void) pthread_mutex_unlock(&desk->mutex);

        namer->busy = namer->hangs = false;
        namer->at_work = NULL;
        hand_over(namer);
        if (call)
                finish(call, result, name);
        return 0;
}

/* The one whose time is up first: that at work came before those that wait. */
static NamerCall *oldest(const Namer *namer) {
        return namer->at_work ? namer->at_work : namer->first;
}

static int set_timer(Namer *namer) {
        const NamerCall *call = oldest(namer);
        int r;

        if (!call)
                return sd_event_source_set_enabled(namer->timer, SD_EVENT_OFF);
        r = sd_event_source_set_time(namer->timer, call->until_usec);
        return r < 0 ? r : sd_event_source_set_enabled(namer->timer, SD_EVENT_ONESHOT);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Namer *namer = userdata;
        NamerCall *call = oldest(namer);

        if (call && call->until_usec <= usec) {
                namer->hangs = true;
                finish(call, -ETIMEDOUT, "");
        }
        return set_timer(namer);
}

/* -- the object ------------------------------------------------------------------------------ */

static int desk_new(NamerLookUp look_up, Desk **ret) {
        Desk *desk = calloc(1, sizeof(*desk));

        if (!desk)
                return -ENOMEM;
        desk->look_up = look_up;
        desk->n_users = 1;
        desk->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (desk->event_fd < 0) {
                int error = errno;

                free(desk);
                return -error;
        }
        (void) pthread_mutex_init(&desk->mutex, NULL);
        (void) pthread_cond_init(&desk->wake, NULL);
        *ret = desk;
        return 0;
}

int namer_new(sd_event *event, NamerLookUp look_up, Namer **ret) {
        _cleanup_(namer_freep) Namer *namer = calloc(1, sizeof(*namer));
        int r;

        if (!namer)
                return -ENOMEM;
        r = desk_new(look_up, &namer->desk);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &namer->source, namer->desk->event_fd, EPOLLIN, on_answer, namer);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &namer->timer, CLOCK_MONOTONIC, 0, 0, on_time, namer);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(namer->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(namer);
        return 0;
}

Namer *namer_free(Namer *namer) {
        if (!namer)
                return NULL;
        namer->source = sd_event_source_disable_unref(namer->source);
        namer->timer = sd_event_source_disable_unref(namer->timer);
        if (namer->desk) {
                (void) pthread_mutex_lock(&namer->desk->mutex);
                namer->desk->stopping = true;
                (void) pthread_cond_signal(&namer->desk->wake);
                (void) pthread_mutex_unlock(&namer->desk->mutex);
                desk_leave(namer->desk);
        }
        free(namer);
        return NULL;
}

int namer_ask(Namer *namer, uid_t uid, NamerDone done, void *userdata, NamerCall **ret) {
        NamerCall **last = &namer->first;
        uint64_t now = 0;
        NamerCall *call;
        int r;

        if (namer->hangs || namer->n_waiting >= NAMER_QUEUE_MAX)
                return -EBUSY;
        r = namer->running ? 0 : start(namer);
        if (r == 0)
                r = sd_event_now(sd_event_source_get_event(namer->timer), CLOCK_MONOTONIC, &now);
        if (r < 0)
                return r;
        call = malloc(sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (NamerCall){.namer = namer,
                            .uid = uid,
                            .done = done,
                            .userdata = userdata,
                            .until_usec = now + NAMER_WAIT_USEC};
        while (*last)
                last = &(*last)->next;
        *last = call;
        namer->n_waiting++;
        hand_over(namer);
        (void) set_timer(namer);
        *ret = call;
        return 0;
}

NamerCall *namer_call_free(NamerCall *call) {
        NamerCall **place;

        if (!call)
                return NULL;
        if (call->namer->at_work == call)
                call->namer->at_work = NULL; /* the thread goes on with it, for nobody */
        for (place = &call->namer->first; *place; place = &(*place)->next)
                if (*place == call) {
                        *place = call->next;
                        call->namer->n_waiting--;
                        break;
                }
        free(call);
        return NULL;
}
