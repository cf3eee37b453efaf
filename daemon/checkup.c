/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CheckStore: whose turn it is, how far it has come, and what is answered. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>

#include "daemon/answer.h"
#include "daemon/checkup.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/mender.h"
#include "daemon/method.h"
#include "daemon/store-check.h"

/* How often is told how far it has come. */
#define TELL_USEC UINT64_C(400000)

/* One that was asked for. */
struct Checkup {
        Checkups *checkups;
        Request *request; /* NULL: it has left, or there was none */
        bool own;         /* the daemon's: the mender hears of it */
        uid_t uid;
        CheckArgs args;
        Checkup *next;
};

struct Checkups {
        Manager *manager;
        sd_event_source *timer;
        sd_event_source *io;
        int event_fd;
        Checkup *first; /* is under way if @check is there; the others wait */
        StoreCheck *check;
        pthread_t thread;
        int result;
};

/* -- the thread ------------------------------------------------------------------------------ */

static void *check_thread(void *userdata) {
        Checkups *c = userdata;

        c->result = store_check_run(c->check);
        (void) eventfd_write(c->event_fd, 1);
        return NULL;
}

/* Signals are the event loop's. */
static int start_thread(Checkups *c) {
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(&c->thread, NULL, check_thread, c);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

static int start_check(Checkups *c) {
        int r;

        r = store_check_new(c->manager->store, &c->first->args, &c->check);
        if (r < 0)
                return r;
        r = start_thread(c);
        if (r < 0) {
                c->check = store_check_free(c->check);
                return r;
        }
        (void) sd_event_source_set_time_relative(c->timer, TELL_USEC);
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
        return 0;
}

static void end_thread(Checkups *c) {
        eventfd_t count;

        (void) pthread_join(c->thread, NULL);
        (void) eventfd_read(c->event_fd, &count);
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
}

/* -- what is told ---------------------------------------------------------------------------- */

static const char *severity_name(CheckSeverity severity) {
        switch (severity) {
        case CHECK_NOTE:
                return "note";
        case CHECK_WARNING:
                return "warning";
        case CHECK_DAMAGE:
                break;
        }
        return "damage";
}

static struct json_object *findings_object(const CheckReport *report) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();

        for (unsigned i = 0; i < _FOUND_MAX; i++) {
                _cleanup_(json_freep) struct json_object *o = NULL;
                CheckSeverity severity = check_finding_severity((CheckFinding) i);

                if (report->findings[i].n == 0)
                        continue;
                o = json_object_new_object();
                if (json_put_string(o, "id", check_finding_name((CheckFinding) i)) < 0 ||
                    json_put_string(o, "severity", severity_name(severity)) < 0 ||
                    json_put_int(o, "count", (int64_t) report->findings[i].n) < 0 ||
                    json_put_string(o, "detail", report->findings[i].detail) < 0 ||
                    json_append(list, TAKE_PTR(o)) < 0)
                        return NULL;
        }
        return TAKE_PTR(list);
}

static int put_numbers(struct json_object *o, const CheckReport *report, bool whole) {
        if (json_put_int(o, "rows", (int64_t) report->n_rows) < 0 ||
            json_put_int(o, "free_bytes", (int64_t) report->free_bytes) < 0)
                return -ENOMEM;
        if (!whole)
                return 0;
        if (json_put_int(o, "lines", (int64_t) report->n_lines) < 0 ||
            json_put_int(o, "database_number", (int64_t) report->database_number) < 0 ||
            json_put_int(o, "journal_number", (int64_t) report->journal_number) < 0 ||
            json_put_int(o, "database_bytes", (int64_t) report->database_bytes) < 0 ||
            json_put_int(o, "journal_bytes", (int64_t) report->journal_bytes) < 0)
                return -ENOMEM;
        return 0;
}

static struct json_object *report_object(const StoreCheck *check) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        const CheckReport *report = store_check_report(check);
        const CheckArgs *args = store_check_args(check);

        if (json_put_bool(o, "whole", args->whole) < 0 || json_put_bool(o, "deep", args->deep) < 0 ||
            put_numbers(o, report, args->whole) < 0 ||
            json_put(o, "kept", answer_kept(&report->kept)) < 0 ||
            json_put(o, "findings", findings_object(report)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static void answer_report(Request *r, const StoreCheck *check) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put(o, "check", report_object(check)) < 0)
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

static void answer(Request *r, const StoreCheck *check, int result) {
        /* Waiting for mending and asking again would only be slow: the caller may do so. */
        r->waited = true;
        if (result == -ECANCELED)
                request_error(r, "Rebuilding", json_object_new_object());
        else if (result < 0)
                request_store_error(r, result);
        else
                answer_report(r, check);
}

static struct json_object *progress_object(const char *step, uint64_t done, uint64_t total) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_(json_freep) struct json_object *p = json_object_new_object();

        if (json_put_string(p, "step", step) < 0 || json_put_int(p, "done", (int64_t) done) < 0 ||
            json_put_int(p, "total", (int64_t) total) < 0 ||
            json_put(o, "progress", TAKE_PTR(p)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static void tell(Request *r, const char *step, uint64_t done, uint64_t total) {
        if (!r || !r->more)
                return;
        request_reply_more(r, progress_object(step, done, total));
        request_settle(r);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Checkups *c = userdata;
        uint64_t done, total;
        CheckStep step;

        if (!c->check)
                return 0;
        store_check_progress(c->check, &step, &done, &total);
        tell(c->first->request, check_step_name(step), done, total);
        for (const Checkup *waits = c->first->next, *next; waits; waits = next) {
                next = waits->next; /* it may leave now */
                tell(waits->request, "waiting", 0, 0);
        }
        (void) sd_event_source_set_time_relative(source, TELL_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* -- whose turn it is ------------------------------------------------------------------------ */

/* Takes the first one off; its request, if it is still there. */
static Request *take_first(Checkups *c) {
        Checkup *first = c->first;
        Request *r = first->request;

        c->first = first->next;
        free(first);
        if (r)
                r->checkup = NULL;
        return r;
}

/* @asking is the request whose own call this is: it is settled by its caller. */
static void begin_next(Checkups *c, const Request *asking) {
        while (c->first && !c->check) {
                int error = start_check(c);
                Request *r = error < 0 ? take_first(c) : NULL;

                if (!r)
                        continue;
                answer(r, NULL, error);
                if (r != asking)
                        request_settle(r);
        }
}

static bool has_damage(const CheckReport *report) {
        for (unsigned i = 0; i < _FOUND_MAX; i++)
                if (report->findings[i].n > 0 &&
                    check_finding_severity((CheckFinding) i) == CHECK_DAMAGE)
                        return true;
        return false;
}

static int on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Checkups *c = userdata;
        _cleanup_(store_check_freep) StoreCheck *check = c->check;
        bool own;
        Request *r;

        if (!check)
                return 0;
        end_thread(c);
        c->check = NULL;
        own = c->first->own;
        r = take_first(c);
        if (own && c->result == 0 && has_damage(store_check_report(check)))
                mender_found(c->manager->mender);
        if (r) {
                answer(r, check, c->result);
                request_settle(r);
        }
        begin_next(c, NULL);
        return 0;
}

void checkups_stop(Checkups *c) {
        Request *r;

        /* Mending may begin when the daemon ends: by then there are none. */
        if (!c || !c->check)
                return;
        store_check_cancel(c->check);
        end_thread(c);
        c->check = store_check_free(c->check);
        while (c->first) {
                r = take_first(c);
                if (!r)
                        continue;
                answer(r, NULL, -ECANCELED);
                request_settle(r);
        }
}

static int checkup_new(Checkups *c, Request *r, const CheckArgs *args) {
        Checkup **end = &c->first;
        unsigned n = 0;

        for (; *end; end = &(*end)->next, n++)
                if ((*end)->uid == r->caller.uid && (*end)->request)
                        return -EBUSY;
        if (n > CHECKS_WAITING_MAX)
                return -EAGAIN;
        *end = calloc(1, sizeof(**end));
        if (!*end)
                return -ENOMEM;
        **end = (Checkup){ .checkups = c, .request = r, .uid = r->caller.uid, .args = *args };
        r->checkup = *end;
        return 0;
}

void checkups_begin_own(Checkups *c) {
        Checkup **end = &c->first;

        for (; *end; end = &(*end)->next)
                if ((*end)->own)
                        return;
        *end = calloc(1, sizeof(**end));
        if (!*end)
                return;
        **end = (Checkup){
                .checkups = c,
                .own = true,
                .uid = (uid_t) -1,
                .args = { .whole = true, .deep = true, .now = manager_now() },
        };
        begin_next(c, NULL);
}

/* One that waits is taken out; the one that is under way ends by itself, soon. */
Checkup *checkup_free(Checkup *checkup) {
        Checkup **link;

        if (!checkup)
                return NULL;
        checkup->request = NULL;
        if (checkup == checkup->checkups->first && checkup->checkups->check) {
                store_check_cancel(checkup->checkups->check);
                return NULL;
        }
        for (link = &checkup->checkups->first; *link != checkup; link = &(*link)->next)
                ;
        *link = checkup->next;
        free(checkup);
        return NULL;
}

/* -- life ------------------------------------------------------------------------------------ */

int checkups_new(Manager *manager, Checkups **ret) {
        _cleanup_(checkups_freep) Checkups *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->manager = manager;
        c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (c->event_fd < 0)
                return -errno;
        r = sd_event_add_io(manager->event, &c->io, c->event_fd, EPOLLIN, on_finished, c);
        if (r >= 0)
                r = sd_event_add_time(manager->event, &c->timer, CLOCK_MONOTONIC, 0, 0, on_timer, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Checkups *checkups_free(Checkups *c) {
        if (!c)
                return NULL;

        checkups_stop(c);
        c->timer = sd_event_source_disable_unref(c->timer);
        c->io = sd_event_source_disable_unref(c->io);
        c->event_fd = close_fd(c->event_fd);
        free(c);
        return NULL;
}

/* -- the method ------------------------------------------------------------------------------ */

void method_check_store(Request *r) {
        Fields f = request_fields(r);
        CheckArgs args = { .owner = r->owner, .now = manager_now() };
        const char *reason = NULL;
        int n;

        args.deep = fields_bool_or(&f, "deep", false);
        if (request_fields_finish(r, &f) < 0)
                return;
        args.whole = access_check(&r->caller, ACCESS_MANAGE, r->owner, &reason) >= 0;
        if (args.deep && request_may(r, ACCESS_MANAGE) < 0)
                return;

        n = checkup_new(r->manager->checkups, r, &args);
        if (n == -EBUSY)
                request_limit(r, "examinations of the store by one user", 1);
        else if (n == -EAGAIN)
                request_limit(r, "examinations of the store that wait", CHECKS_WAITING_MAX);
        else if (n < 0)
                request_no_memory(r);
        else
                begin_next(r->manager->checkups, r);
}
