/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When mending begins, who waits for it, and what is told of it. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <systemd/sd-event.h>

#include "daemon/answer.h"
#include "daemon/checkup.h"
#include "daemon/commits.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/mender.h"
#include "daemon/method.h"
#include "daemon/monitors.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* Damage that comes back within this after mending is the same, or the disk's. */
#define AGAIN_USEC (5 * USEC_PER_SEC)

/* What failed is tried again, after so many times as long as it took, but this at least: causes end
 * without telling. */
#define RETRY_PAUSE_TIMES 10U
#define RETRY_USEC_MIN    (USEC_PER_SEC / 10)

/* So often in a row nothing is waited for; then each time twice as long, up to a minute. */
#define AGAIN_AT_ONCE 8U
#define PAUSE_USEC_MAX (60 * USEC_PER_SEC)

/* One request. */
struct Waiting {
        Mender *mender;
        Request *request;
        void (*done)(Request *r, int error); /* NULL: it begins again */
        uint64_t until_usec;                 /* UINT64_MAX: as long as it takes */
        uint64_t round;                      /* which mending it waits for */
        Waiting *next;
        Waiting **link; /* what points here */
};

struct Mender {
        Manager *manager;
        sd_event_source *timer;
        sd_event_source *examine;
        uint64_t opened_usec;
        uint64_t asked_usec;
        bool shut;    /* it was seen that the store cannot be written to */
        bool at_once; /* and then that it can: the next time is not waited for */
        bool found; /* what is mended was found by examining: that is not done again */
        bool busy;
        int cause;
        int result;
        Mending mending; /* the committing thread's while busy */
        Mending last;
        bool has_last;
        uint64_t n_damaged_seen;
        uint64_t n_rewritten_seen;
        int told; /* what @result was when it was logged last */
        uint64_t started_usec;
        uint64_t ended_usec;
        unsigned in_a_row;
        uint64_t round; /* counts mendings */
        Waiting *first;
        Waiting **end;
};

static uint64_t now_usec(const Mender *m) {
        uint64_t now = 0;

        (void) sd_event_now(m->manager->event, CLOCK_MONOTONIC, &now);
        return now;
}

/* -- who waits ------------------------------------------------------------------------------- */

Waiting *waiting_free(Waiting *w) {
        if (!w)
                return NULL;

        *w->link = w->next;
        if (w->next)
                w->next->link = w->link;
        else
                w->mender->end = w->link;
        w->request->waiting = NULL;
        free(w);
        return NULL;
}

static int waiting_new(Mender *m, Request *r, uint64_t until_usec,
                       void (*done)(Request *r, int error)) {
        Waiting *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        *w = (Waiting){ m, r, done, until_usec, m->round, NULL, m->end };
        *m->end = w;
        m->end = &w->next;
        r->waiting = w;
        return 0;
}

/* The first that is due, or whose turn it is: those that came first are due first. */
static int set_timer(Mender *m) {
        uint64_t due = UINT64_MAX;

        for (const Waiting *w = m->first; w; w = w->next)
                if (w->until_usec < due)
                        due = w->until_usec;
        if (due == UINT64_MAX)
                return sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        (void) sd_event_source_set_time(m->timer, due);
        return sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static Waiting *find_due(const Mender *m, uint64_t now) {
        for (Waiting *w = m->first; w; w = w->next)
                if (w->until_usec <= now)
                        return w;
        return NULL;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Mender *m = userdata;
        uint64_t now = now_usec(m);
        Waiting *w;

        while ((w = find_due(m, now))) {
                Request *r = w->request;

                (void) waiting_free(w);
                request_error(r, "Rebuilding", json_object_new_object());
                request_settle(r);
        }
        return set_timer(m);
}

/* Those that come to wait meanwhile wait for the next time. */
static void wake_all(Mender *m, int result) {
        uint64_t round = m->round++;

        while (m->first && m->first->round == round) {
                void (*done)(Request *r, int error) = m->first->done;
                Request *r = m->first->request;

                (void) waiting_free(m->first);
                if (done)
                        done(r, result);
                else
                        request_begin_again(r);
                request_settle(r);
        }
        (void) set_timer(m);
}

/* -- what is told ---------------------------------------------------------------------------- */

static void tell_log(const Mending *mending) {
        _cleanup_free_ char *message = NULL;
        char saved[24], missing[24], unconfirmed[24];

        if (!mending->rebuilt) {
                log_info("The store was opened anew: %s", mending_reason(mending->cause));
                return;
        }
        (void) snprintf(saved, sizeof(saved), "%" PRIu64, mending->n_saved);
        (void) snprintf(missing, sizeof(missing), "%" PRIu64, mending->n_missing);
        (void) snprintf(unconfirmed, sizeof(unconfirmed), "%" PRIu64, mending->n_unconfirmed);
        if (asprintf(&message,
                     "The store was rebuilt (%s): decisions that are there: %s, changes that are missing: %s, "
                     "exceptions that must be confirmed: %s",
                     mending_reason(mending->cause), saved, missing, unconfirmed) < 0)
                return;
        log_struct(mending->n_missing > 0 ? LOG_ERR : LOG_WARNING, LOG_STORE_REBUILT, message,
                   "CERTEXC_REASON", mending_reason(mending->cause), "CERTEXC_SAVED", saved,
                   "CERTEXC_MISSING", missing, "CERTEXC_UNCONFIRMED", unconfirmed,
                   "CERTEXC_DATABASE_KEPT", mending->database, "CERTEXC_JOURNAL_KEPT",
                   mending->journal, NULL);
}

static void tell_monitors(const Mender *m) {
        _cleanup_(json_freep) struct json_object *event = json_object_new_object();

        if (m->last.rebuilt && json_put_string(event, "event", "store-rebuilt") == 0 &&
            json_put_int(event, "time", m->last.time) == 0 &&
            json_put(event, "rebuild", answer_rebuild(&m->last)) == 0)
                monitors_tell(m->manager->monitors, OWNER_SYSTEM, event);
}

/* Once, however often it is tried. */
static void tell_failure(Mender *m) {
        _cleanup_free_ char *message = NULL;

        if (m->told == m->result)
                return;
        m->told = m->result;
        if (asprintf(&message, "The store cannot be mended: %s; %s", store_error_reason(m->result),
                     store_error_hint(m->result)) >= 0)
                log_struct(LOG_ERR, LOG_STORE_FAILED, message, NULL);
}

/* -- mending --------------------------------------------------------------------------------- */

static void mend(void *userdata) {
        Mender *m = userdata;

        m->result = store_mend(m->manager->store, m->cause, manager_now(), &m->mending);
}

/* Whether somebody else has been at the files. */
static bool check_files(Mender *m) {
        return store_check_files(m->manager->store) < 0 && mender_start(m, -ESTALE) == 0;
}

/* Where nothing could be written: whether it can be now. What failed until then tells nothing any more. */
static bool look_at_disk(Mender *m) {
        const bool shut = m->shut;

        m->shut = !store_may_be_written(m->manager->store);
        m->at_once |= shut && !m->shut;
        return !m->shut;
}

/* A store that could only be read so far may be written again. */
static bool open_to_write(Mender *m) {
        const int error = store_read_only(m->manager->store);

        if (error == 0 && m->result == 0)
                return false;
        return look_at_disk(m) && error < 0 && mender_start(m, error) == 0;
}

/* Something in the directory got another name, or has none any more. */
static int on_directory(sd_event_source *source, const struct inotify_event *event,
                        void *userdata) {
        (void) check_files(userdata);
        return 0;
}

static int examine_at(Mender *m, uint64_t usec) {
        int r = sd_event_source_set_time(m->examine, usec);

        return r < 0 ? r : sd_event_source_set_enabled(m->examine, SD_EVENT_ONESHOT);
}

/* Once after opening, when nobody asks. */
static int examine_later(Mender *m) {
        m->opened_usec = now_usec(m);
        return examine_at(m, m->opened_usec + EXAMINE_IDLE_USEC);
}

static int on_examine(sd_event_source *source, uint64_t usec, void *userdata) {
        Mender *m = userdata;
        uint64_t now = now_usec(m);

        if (now - m->asked_usec < EXAMINE_IDLE_USEC && now - m->opened_usec < EXAMINE_USEC_MAX)
                return examine_at(m, m->asked_usec + EXAMINE_IDLE_USEC);
        checkups_begin_own(m->manager->checkups);
        return 0;
}

static void mended(void *userdata) {
        Mender *m = userdata;
        StoreHealth health;

        store_resume(m->manager->store);
        store_health(m->manager->store, &health);
        m->n_damaged_seen = health.n_damaged;
        m->busy = false;
        m->ended_usec = now_usec(m);
        if (m->result < 0)
                tell_failure(m);
        else {
                m->told = 0;
                m->last = m->mending;
                m->has_last = true;
                tell_log(&m->last);
                tell_monitors(m);
        }
        if (m->result == 0 && !m->found)
                (void) examine_later(m);
        m->found = false;
        wake_all(m, m->result);
        (void) check_files(m);
}

/* No change is under way, and what was has been told: the reader is not needed any more. */
static void on_quiet(void *userdata) {
        Mender *m = userdata;

        checkups_stop(m->manager->checkups);
        store_rest(m->manager->store);
        if (commits_run(m->manager->commits, mend, mended, m) < 0) {
                m->result = -EBUSY; /* the daemon stops */
                mended(m);
        }
}

static void nothing(void *userdata) {}

static uint64_t pause_usec(const Mender *m) {
        unsigned n = m->in_a_row - AGAIN_AT_ONCE;
        uint64_t took = m->ended_usec - m->started_usec;

        if (m->result < 0)
                return took * RETRY_PAUSE_TIMES > RETRY_USEC_MIN ? took * RETRY_PAUSE_TIMES
                                                                 : RETRY_USEC_MIN;
        if (m->in_a_row <= AGAIN_AT_ONCE)
                return 0;
        return n < 6 ? USEC_PER_SEC << n : PAUSE_USEC_MAX;
}

int mender_start(Mender *m, int cause) {
        uint64_t now = now_usec(m);

        if (m->busy)
                return 0;
        if (now - m->ended_usec > AGAIN_USEC)
                m->in_a_row = 0;
        if (cause < 0 && !m->at_once && now - m->ended_usec < pause_usec(m))
                return -EBUSY;

        m->at_once = false;
        m->in_a_row = m->result < 0 ? 0 : m->in_a_row + 1;
        m->started_usec = now;
        m->cause = cause;
        m->busy = true;
        if (commits_run(m->manager->commits, nothing, on_quiet, m) < 0) {
                m->busy = false;
                return -EBUSY;
        }
        return 0;
}

void mender_found(Mender *m) {
        m->found = mender_start(m, -EBADMSG) == 0;
}

bool mender_is_busy(const Mender *m) {
        return m->busy;
}

bool mender_check(Mender *m) {
        StoreHealth health;

        if (m->busy)
                return true;
        store_health(m->manager->store, &health);
        if (health.n_damaged == m->n_damaged_seen || mender_start(m, -EUCLEAN) < 0)
                return false;
        m->n_damaged_seen = health.n_damaged;
        return true;
}

void mender_look(Mender *m) {
        StoreHealth health;

        if (!m)
                return;
        store_health(m->manager->store, &health);
        if (health.n_rewritten != m->n_rewritten_seen) {
                m->n_rewritten_seen = health.n_rewritten;
                log_warning("The journal was damaged, and was made anew from certexc.db");
        }
        (void) mender_check(m);
}

void mender_asked(Mender *m, bool at_files) {
        m->asked_usec = now_usec(m);
        if (!mender_check(m) && !open_to_write(m) && at_files)
                (void) check_files(m);
}

/* A change that a full disk and its kin cost can be made again as it is; what is damaged cannot, nor
 * what could not be opened, for whatever reason. */
static bool is_mendable(Mender *m, int error) {
        if (error == store_read_only(m->manager->store))
                return look_at_disk(m);
        return m->result < 0 || error == -EUCLEAN || error == -ESTALE || error == -EIO;
}

bool mender_wait(Mender *m, Request *r, int error) {
        if (r->told || (error != -EINPROGRESS && (r->waited || !is_mendable(m, error))))
                return false;
        if (!m->busy && (error == -EINPROGRESS || mender_start(m, error) < 0))
                return false;
        if (!r->waited)
                r->wait_until_usec = now_usec(m) + REBUILD_WAIT_USEC;
        r->waited = true;
        return waiting_new(m, r, r->wait_until_usec, NULL) == 0 && set_timer(m) >= 0;
}

int mender_wait_for_end(Mender *m, Request *r, void (*done)(Request *r, int error)) {
        return waiting_new(m, r, UINT64_MAX, done);
}

bool mender_left_damage(const Mender *m) {
        StoreHealth health;

        store_health(m->manager->store, &health);
        return health.n_damaged > 0 && (m->result < 0 || health.n_damaged != m->n_damaged_seen);
}

const Mending *mender_last(const Mender *m) {
        return m->has_last ? &m->last : NULL;
}

int mender_new(Manager *manager, Mender **ret) {
        _cleanup_(mender_freep) Mender *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return log_error_errno(-ENOMEM, "Cannot start: %m");
        m->manager = manager;
        m->end = &m->first;
        r = sd_event_add_time(manager->event, &m->timer, CLOCK_MONOTONIC, 0, 0, on_timer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(manager->event, &m->examine, CLOCK_MONOTONIC, 0, 0,
                                      on_examine, m);
        if (r >= 0)
                r = examine_later(m);
        if (r < 0)
                return log_error_errno(r, "Cannot start: %m");
        /* The user's other programs may have used up what there is of these (inotify(7)). */
        r = sd_event_add_inotify(manager->event, NULL, manager->options.state_directory,
                                 IN_DELETE | IN_MOVE | IN_ONLYDIR, on_directory, m);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot watch %s: files that are removed from it are "
                                            "noticed only when they are used: %m",
                                         manager->options.state_directory);
        *ret = TAKE_PTR(m);
        return 0;
}

Mender *mender_free(Mender *m) {
        if (!m)
                return NULL;

        m->timer = sd_event_source_disable_unref(m->timer);
        m->examine = sd_event_source_disable_unref(m->examine);
        free(m);
        return NULL;
}
