/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every look at a decision asks again whether it is over; the first that sees it has it recorded. */
#include "config.h"

#include "daemon/ends.h"
#include "daemon/login.h"
#include "daemon/manager.h"
#include "daemon/rules.h"
#include "daemon/submit.h"

static bool needs_session(const Decision *decisions, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (decisions[i].end == END_SESSION && decisions[i].state < STATE_ENDED)
                        return true;
        return false;
}

void ends_apply(Manager *manager, int64_t owner, int64_t now, Decision *decisions, size_t n,
                Sessions *ret) {
        *ret = (Sessions){};
        if (needs_session(decisions, n)) {
                login_session(owner, &ret->owner);
                login_session(OWNER_SYSTEM, &ret->system);
        }

        for (size_t i = 0; i < n; i++) {
                Decision *d = &decisions[i];
                const Session *session = d->owner == OWNER_SYSTEM ? &ret->system : &ret->owner;

                if (d->state >= STATE_ENDED || !decision_has_ended(d, now, session))
                        continue;

                d->state = STATE_ENDED;
                if (d->end != END_SESSION || session->known)
                        submit_end(manager, d);
        }
}

void ends_note_rules(Manager *manager, const Rule *rules, size_t n) {
        int64_t latest = INT64_MIN;

        for (size_t i = 0; i < n; i++) {
                const Decision *d = &rules[i].decision;

                if (d->state == STATE_ENDED && d->end == END_DATE && d->until > latest)
                        latest = d->until;
        }
        if (latest > store_last_write(manager->store))
                submit_clock(manager, latest);
}
