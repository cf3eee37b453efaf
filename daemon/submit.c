/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes outlive their askers, so what comes back from the store meets a record of its own. */
#include "config.h"

#include <json-c/json.h>

#include "daemon/answer.h"
#include "daemon/commits.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/manager.h"
#include "daemon/method.h"
#include "daemon/monitors.h"
#include "daemon/prompter.h"
#include "daemon/store-import.h"
#include "daemon/submit.h"

struct Submission {
        Manager *manager;
        Request *request; /* NULL: nobody waits, or not any more */
        SubmitDone done;
};

/* The event that @change is, or NULL if it is none. */
static const char *event_name(const Change *change) {
        if (change->error < 0 || (change->result != CHANGED && change->result != CHANGE_CONFIRMED))
                return NULL;

        switch (change->action) {
        case CHANGE_ADD:
                if (change->result == CHANGE_CONFIRMED)
                        return "confirmed";
                return change->decision.action == DECISION_ALLOW ? "allowed" : "denied";
        case CHANGE_REVOKE:
                return "revoked";
        case CHANGE_END:
                return "ended";
        case CHANGE_ENTRY:
        case CHANGE_REMOVE:
                return "authorities-changed";
        case CHANGE_IMPORT: /* its items are told one by one */
        case CHANGE_SEEN:
        case CHANGE_OWNER:
        case CHANGE_CLOCK:
                return NULL;
        }
        return NULL;
}

/* What became of a decision that changed along with another. */
static const char *state_event(DecisionState state) {
        switch (state) {
        case STATE_LIVE:
                return "confirmed";
        case STATE_UNCONFIRMED:
                return "unconfirmed";
        case STATE_ENDED:
                return "ended";
        case STATE_REVOKED:
                return "revoked";
        }
        return "ended";
}

/* An event that there is no memory for is lost, the change is not. */
static void tell(Manager *manager, const char *name, int64_t time, const Decision *d) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, "event", name) < 0 || json_put_int(o, "time", time) < 0 ||
            json_put(o, "exception", answer_stored(manager->store, d)) < 0)
                return;
        monitors_tell(manager->monitors, d->owner, o);
}

static void tell_authorities(Manager *manager, const Change *change) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, "event", "authorities-changed") < 0 ||
            json_put_int(o, "time", change->now) < 0)
                return;
        monitors_tell(manager->monitors, change->decision.owner, o);
}

static void tell_import(Manager *manager, const Change *change) {
        const Import *import = change->import;
        bool authorities = false;

        for (size_t i = 0; import->stored && i < import->n_authorities; i++)
                authorities |= import->authorities[i].outcome == IMPORT_ADDED;
        if (authorities)
                tell_authorities(manager, change);
        for (size_t i = 0; import->stored && i < import->n_items; i++) {
                const Decision *d = &import->items[i].decision;

                if (import->items[i].outcome != IMPORT_ADDED)
                        continue;
                tell(manager,
                     d->state == STATE_UNCONFIRMED        ? "unconfirmed"
                     : d->action == DECISION_ALLOW ? "allowed"
                                                          : "denied",
                     change->now, d);
        }
}

static void tell_all(Manager *manager, const Change *change) {
        const char *name = event_name(change);

        if (change->error < 0)
                return;
        for (size_t i = 0; i < change->n_others; i++)
                tell(manager, state_event(change->others[i].state), change->now, &change->others[i]);
        if (change->action == CHANGE_IMPORT) {
                tell_import(manager, change);
                if (change->import->stored)
                        prompter_changed(manager->prompter, change->decision.owner, NULL, 0);
        }
        if (!name)
                return;
        if (change->action == CHANGE_ENTRY || change->action == CHANGE_REMOVE) {
                tell_authorities(manager, change);
                prompter_changed(manager->prompter, change->decision.owner, NULL, 0);
                return;
        }
        tell(manager, name, change->now, &change->decision);
        if (name || change->n_others > 0)
                prompter_changed(manager->prompter, change->decision.owner, change->decision.host,
                                 change->decision.port);
}

static void submission_done(Change *change, void *userdata) {
        _cleanup_free_ Submission *submission = userdata;
        Request *request = submission->request;

        tell_all(submission->manager, change);
        if (!request)
                return;

        request->submission = NULL;
        submission->done(request, change);
        request_settle(request);
}

int submit(Manager *manager, Request *request, Change **change, SubmitDone done) {
        _cleanup_free_ Submission *submission = NULL;
        int r;

        submission = calloc(1, sizeof(*submission));
        if (!submission)
                return -ENOMEM;

        *submission = (Submission){ .manager = manager, .request = request, .done = done };
        (*change)->done = submission_done;
        (*change)->userdata = submission;
        r = commits_submit(manager->commits, *change);
        if (r < 0)
                return r;

        *change = NULL;
        if (request)
                request->submission = submission;
        submission = NULL;
        return 0;
}

bool submit_kept(Request *request, const Change *change, const SubmitBounds *bounds) {
        if (change->error < 0) {
                request_store_error(request, change->error);
                return false;
        }
        switch (change->result) {
        case CHANGED:
        case CHANGE_HELD:
        case CHANGE_CONFIRMED:
                return true;
        case CHANGE_TOO_MANY:
                request_limit(request, bounds->many, bounds->many_max);
                return false;
        case CHANGE_TOO_MANY_HERE:
                request_limit(request, bounds->here, bounds->here_max);
                return false;
        case CHANGE_TOO_LARGE:
                request_limit(request, "bytes of certificates kept for one owner",
                              STORED_BYTES_PER_OWNER_MAX);
                return false;
        case CHANGE_UNKNOWN:
        case CHANGE_REFUSED:
                break;
        }
        request_error(request, "NotFound", json_object_new_object());
        return false;
}

void submission_forget(Submission *submission) {
        if (submission)
                submission->request = NULL;
}

void submit_end(Manager *manager, const Decision *d) {
        _cleanup_(change_freep) Change *change = NULL;

        /* Nobody did it; it is told as the owner's own. */
        if (change_new(CHANGE_END, d->owner, d->owner == OWNER_SYSTEM ? 0 : d->owner, manager_now(),
                       &change) < 0)
                return;
        change->decision.id = d->id;
        (void) submit(manager, NULL, &change, NULL);
}

void submit_clock(Manager *manager, int64_t now) {
        _cleanup_(change_freep) Change *change = NULL;

        if (change_new(CHANGE_CLOCK, OWNER_SYSTEM, 0, now, &change) == 0)
                (void) submit(manager, NULL, &change, NULL);
}
