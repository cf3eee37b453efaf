/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commits: three queues. Changes wait; the thread takes all that wait and applies them; what is
 * finished waits for the loop. A change counts against the bounds from submit to done().
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <time.h>

#include "daemon/commits.h"
#include "daemon/limits.h"

typedef struct Queue {
        Change *first;
        Change **end; /* where the next one is linked */
} Queue;

/* After the last change, before what nobody waits for is done. */
#define QUIET_SEC 1

/* Work on the store that is no change. */
typedef struct Job {
        void (*run)(void *userdata); /* NULL: there is none */
        void (*done)(void *userdata);
        void *userdata;
        uint64_t number; /* tells it from the next, which may be done as soon */
        bool finished;
} Job;

struct Commits {
        Store *store;
        pthread_t thread;
        bool running;
        int event_fd;
        pthread_mutex_t mutex; /* guards what follows */
        pthread_cond_t wake;
        Queue waiting;
        Queue applying;
        Queue finished;
        Job job;
        bool stopping;
        bool unquiet; /* something may have changed since store_quiesce() */
};

static void queue_init(Queue *q) {
        q->first = NULL;
        q->end = &q->first;
}

static void queue_add(Queue *q, Change *change) {
        change->next = NULL;
        *q->end = change;
        q->end = &change->next;
}

/* Moves all of @from behind @to. */
static void queue_move(Queue *from, Queue *to) {
        if (!from->first)
                return;
        *to->end = from->first;
        to->end = from->end;
        queue_init(from);
}

static void queue_count(const Queue *q, int64_t owner, unsigned *all, unsigned *of_owner) {
        for (const Change *change = q->first; change; change = change->next) {
                ++*all;
                *of_owner += change->decision.owner == owner;
        }
}

static void apply_alone(Store *store, Change *change) {
        Change *next = change->next;
        int r;

        change->next = NULL;
        r = store_apply(store, change);
        if (r < 0)
                change->error = r;
        change->next = next;
}

/*
 * Without the lock: nobody else touches what is being applied. A damaged row of one owner's must
 * not cost the others their changes, so a group that meets damage is applied one by one.
 */
static void apply_group(Store *store, Change *changes) {
        int r;

        r = store_apply(store, changes);
        if (r == 0)
                return;
        for (Change *change = changes; change; change = change->next) {
                if (r == -EUCLEAN && changes->next)
                        apply_alone(store, change);
                else
                        change->error = r;
        }
}

/* An eventfd counts: it takes another one unless it is full, and then it is readable anyway. */
static void tell(int event_fd) {
        (void) eventfd_write(event_fd, 1);
}

/* Called with the lock, works without. What fails here is tried again, or refuses what comes next.
 */
static void settle(Commits *commits) {
        int r;

        (void) pthread_mutex_unlock(&commits->mutex);
        r = store_settle(commits->store);
        (void) pthread_mutex_lock(&commits->mutex);
        /* The loop looks at the store's health. */
        if (r < 0)
                tell(commits->event_fd);
}

static bool job_waits(const Commits *commits) {
        return commits->job.run && !commits->job.finished;
}

static bool change_waits(const Commits *commits) {
        return commits->waiting.first && !commits->job.run;
}

static bool is_wanted(const Commits *commits) {
        return job_waits(commits) || change_waits(commits) || commits->stopping;
}

/* Nobody waited for a while. With the lock, which is given back meanwhile; the loop is woken to look at
 * the store's health. */
static void quiesce(Commits *commits) {
        int r;

        commits->unquiet = false;
        do {
                (void) pthread_mutex_unlock(&commits->mutex);
                r = store_quiesce(commits->store);
                (void) pthread_mutex_lock(&commits->mutex);
        } while (r > 0 && !is_wanted(commits));
        tell(commits->event_fd);
}

/* With the lock, as pthread_cond_wait(). While a job is not done with the store is its own. */
static void wait_for_work(Commits *commits) {
        struct timespec until;

        if (!commits->unquiet || commits->job.run) {
                (void) pthread_cond_wait(&commits->wake, &commits->mutex);
                return;
        }
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += QUIET_SEC;
        if (pthread_cond_timedwait(&commits->wake, &commits->mutex, &until) == ETIMEDOUT)
                quiesce(commits);
}

/* With the lock, which is given back meanwhile. */
static void run_job(Commits *commits) {
        Job job = commits->job;

        (void) pthread_mutex_unlock(&commits->mutex);
        job.run(job.userdata);
        (void) pthread_mutex_lock(&commits->mutex);
        commits->job.finished = true;
        tell(commits->event_fd);
}

static void *commits_thread(void *userdata) {
        Commits *commits = userdata;

        (void) pthread_mutex_lock(&commits->mutex);
        for (;;) {
                while (!is_wanted(commits))
                        wait_for_work(commits);
                commits->unquiet = true;
                if (job_waits(commits)) {
                        run_job(commits);
                        continue;
                }
                if (!commits->waiting.first)
                        break;

                queue_move(&commits->waiting, &commits->applying);
                (void) pthread_mutex_unlock(&commits->mutex);
                apply_group(commits->store, commits->applying.first);
                (void) pthread_mutex_lock(&commits->mutex);
                queue_move(&commits->applying, &commits->finished);
                tell(commits->event_fd);
                if (!commits->waiting.first)
                        settle(commits);
        }
        (void) pthread_mutex_unlock(&commits->mutex);
        return NULL;
}

/* Signals are the event loop's: none may end up here. */
static int start(Commits *commits) {
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(&commits->thread, NULL, commits_thread, commits);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        commits->running = true;
        return 0;
}

int commits_new(Store *store, Commits **ret) {
        _cleanup_(commits_freep) Commits *commits = NULL;
        pthread_condattr_t monotonic;
        int r;

        commits = calloc(1, sizeof(*commits));
        if (!commits)
                return -ENOMEM;
        commits->store = store;
        queue_init(&commits->waiting);
        queue_init(&commits->applying);
        queue_init(&commits->finished);
        commits->unquiet = true;
        (void) pthread_mutex_init(&commits->mutex, NULL);
        (void) pthread_condattr_init(&monotonic);
        (void) pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&commits->wake, &monotonic);
        (void) pthread_condattr_destroy(&monotonic);

        commits->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (commits->event_fd < 0)
                return -errno;
        r = start(commits);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(commits);
        return 0;
}

static void stop(Commits *commits) {
        if (!commits->running)
                return;
        (void) pthread_mutex_lock(&commits->mutex);
        commits->stopping = true;
        (void) pthread_cond_signal(&commits->wake);
        (void) pthread_mutex_unlock(&commits->mutex);
        (void) pthread_join(commits->thread, NULL);
        commits->running = false;
}

Commits *commits_free(Commits *commits) {
        if (!commits)
                return NULL;

        stop(commits);
        commits_dispatch(commits);
        (void) pthread_cond_destroy(&commits->wake);
        (void) pthread_mutex_destroy(&commits->mutex);
        commits->event_fd = close_fd(commits->event_fd);
        free(commits);
        return NULL;
}

int commits_fd(const Commits *commits) {
        return commits->event_fd;
}

/* Each is taken off under the lock and done without it: done() may submit the next change. */
static Change *take_finished(Commits *commits) {
        Change *change;

        (void) pthread_mutex_lock(&commits->mutex);
        change = commits->finished.first;
        if (change) {
                commits->finished.first = change->next;
                if (!change->next)
                        queue_init(&commits->finished);
                change->next = NULL;
        }
        (void) pthread_mutex_unlock(&commits->mutex);
        return change;
}

/* Its done() may have put the next job in its place. */
static void finish_job(Commits *commits) {
        Job job = { 0 };

        (void) pthread_mutex_lock(&commits->mutex);
        if (commits->job.run && commits->job.finished)
                job = commits->job;
        (void) pthread_mutex_unlock(&commits->mutex);
        if (!job.run)
                return;

        job.done(job.userdata);
        (void) pthread_mutex_lock(&commits->mutex);
        if (commits->job.number == job.number)
                commits->job.run = NULL;
        (void) pthread_cond_signal(&commits->wake);
        (void) pthread_mutex_unlock(&commits->mutex);
}

void commits_heard(Commits *commits) {
        eventfd_t count;

        (void) eventfd_read(commits->event_fd, &count);
}

bool commits_dispatch_one(Commits *commits) {
        Change *change = take_finished(commits);

        if (!change) {
                finish_job(commits);
                return false;
        }
        if (change->done)
                change->done(change, change->userdata);
        (void) change_free(change);
        return true;
}

void commits_dispatch(Commits *commits) {
        commits_heard(commits);
        while (commits_dispatch_one(commits))
                ;
}

/* At most COMMIT_QUEUE_MAX are looked at. */
static bool has_room(const Commits *commits, int64_t owner) {
        unsigned all = 0, of_owner = 0;

        queue_count(&commits->waiting, owner, &all, &of_owner);
        queue_count(&commits->applying, owner, &all, &of_owner);
        queue_count(&commits->finished, owner, &all, &of_owner);
        return all < COMMIT_QUEUE_MAX && of_owner < COMMIT_QUEUE_PER_OWNER_MAX;
}

int commits_submit(Commits *commits, Change *change) {
        int r = 0;

        (void) pthread_mutex_lock(&commits->mutex);
        if (commits->stopping || !has_room(commits, change->decision.owner))
                r = -EBUSY;
        else {
                queue_add(&commits->waiting, change);
                (void) pthread_cond_signal(&commits->wake);
        }
        (void) pthread_mutex_unlock(&commits->mutex);
        return r;
}

int commits_run(Commits *commits, void (*job)(void *userdata), void (*done)(void *userdata),
                void *userdata) {
        int r = 0;

        (void) pthread_mutex_lock(&commits->mutex);
        if (commits->stopping || job_waits(commits))
                r = -EBUSY;
        else {
                commits->job = (Job){ job, done, userdata, commits->job.number + 1, false };
                (void) pthread_cond_signal(&commits->wake);
        }
        (void) pthread_mutex_unlock(&commits->mutex);
        return r;
}
