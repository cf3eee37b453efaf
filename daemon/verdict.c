/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verdict: the arithmetic of precedence. Every doubt ends in a prompt or a refusal. */
#include "config.h"

#include "daemon/verdict.h"

/* How near a decision comes to answering, the nearest first. */
typedef enum Nearness {
        NEAR_COVERS,      /* live, and every problem is inside it */
        NEAR_NEW_PROBLEM, /* live, but a problem is news */
        NEAR_UNCONFIRMED,
        NEAR_ENDED, /* it would cover, but is over */
        NEAR_OTHER, /* for another certificate */
        NEAR_NOT,
} Nearness;

static unsigned count_problems(ProblemSet problems) {
        return (unsigned) __builtin_popcount(problems);
}

/* Whether a decision may speak here at all; whoever made the list is not trusted to have kept to
 * the owner and port. */
static bool concerns(const VerdictInput *in, const Decision *d) {
        if (d->owner != OWNER_SYSTEM && d->owner != in->owner)
                return false;
        return in->port == 0 || d->port == in->port;
}

static bool matches(const VerdictInput *in, const Decision *d) {
        return decision_matches(d, in->leaf_sha256, in->leaf_key_sha256);
}

static bool is_over(const VerdictInput *in, const Decision *d) {
        bool of_system = d->owner == OWNER_SYSTEM && in->system_session;

        return decision_has_ended(d, in->now, of_system ? in->system_session : in->session);
}

static bool newer(const Decision *a, const Decision *b) {
        return a->created != b->created ? a->created > b->created : a->id > b->id;
}

/* The system's before the owner's, then the newest. */
static const Decision *find_denial(const VerdictInput *in, DecisionState state) {
        const Decision *found = NULL;

        for (size_t i = 0; i < in->n_decisions; i++) {
                const Decision *d = in->decisions + i;

                if (d->action != DECISION_DENY || d->state != state || !concerns(in, d) ||
                    !matches(in, d) || is_over(in, d))
                        continue;
                if (!found ||
                    (d->owner == found->owner ? newer(d, found) : d->owner == OWNER_SYSTEM))
                        found = d;
        }
        return found;
}

static Nearness nearness_of_match(const VerdictInput *in, const Decision *d) {
        bool covers = (in->problems & ~d->problems) == 0;
        bool ended = is_over(in, d);

        switch (d->state) {
        case STATE_LIVE:
                if (ended)
                        return covers ? NEAR_ENDED : NEAR_NOT;
                return covers ? NEAR_COVERS : NEAR_NEW_PROBLEM;
        case STATE_UNCONFIRMED:
                return ended ? NEAR_NOT : NEAR_UNCONFIRMED;
        case STATE_ENDED:
                return covers ? NEAR_ENDED : NEAR_NOT;
        case STATE_REVOKED:
                return NEAR_NOT;
        }
        return NEAR_NOT;
}

static Nearness nearness(const VerdictInput *in, const Decision *d) {
        if (d->action != DECISION_ALLOW || !concerns(in, d))
                return NEAR_NOT;
        if (d->owner != OWNER_SYSTEM && !in->user_exceptions)
                return NEAR_NOT;
        /* Without a port a pinned key would speak for services that the person never saw. */
        if (in->port == 0 && d->pin != PIN_CERTIFICATE)
                return NEAR_NOT;
        if (matches(in, d))
                return nearness_of_match(in, d);

        /* Services of one host may have a certificate each: without a port it says nothing. */
        if (in->port == 0 || d->state == STATE_REVOKED)
                return NEAR_NOT;
        return NEAR_OTHER;
}

static bool is_nearer(const VerdictInput *in, Nearness near, const Decision *a, const Decision *b) {
        unsigned new_a = count_problems(in->problems & ~a->problems);
        unsigned new_b = count_problems(in->problems & ~b->problems);

        if (near == NEAR_NEW_PROBLEM && new_a != new_b)
                return new_a < new_b;
        if (near == NEAR_OTHER && (a->state == STATE_LIVE) != (b->state == STATE_LIVE))
                return a->state == STATE_LIVE;
        if (a->owner != b->owner)
                return b->owner == OWNER_SYSTEM;
        return newer(a, b);
}

/* The exception that answers or comes nearest; NULL and NEAR_NOT if none does. */
static const Decision *find_nearest(const VerdictInput *in, Nearness *ret) {
        const Decision *found = NULL;
        Nearness best = NEAR_NOT;

        for (size_t i = 0; i < in->n_decisions; i++) {
                const Decision *d = in->decisions + i;
                Nearness near = nearness(in, d);

                if (near == NEAR_NOT)
                        continue;
                if (!found || near < best || (near == best && is_nearer(in, near, d, found))) {
                        found = d;
                        best = near;
                }
        }
        *ret = best;
        return found;
}

static VerdictOutput judge_by_exceptions(const VerdictInput *in) {
        Nearness near;
        const Decision *d = find_nearest(in, &near);

        switch (near) {
        case NEAR_COVERS:
                /* What they allowed may be what is refused. */
                return in->in_doubt ? (VerdictOutput){ VERDICT_PROMPT, BECAUSE_IN_DOUBT, d, 0 }
                                    : (VerdictOutput){ VERDICT_ACCEPT, BECAUSE_EXCEPTION, d, 0 };
        case NEAR_NEW_PROBLEM:
                return (VerdictOutput){ VERDICT_PROMPT, BECAUSE_NEW_PROBLEM, d,
                                        in->problems & ~d->problems };
        case NEAR_UNCONFIRMED:
                return (VerdictOutput){ VERDICT_PROMPT, BECAUSE_UNCONFIRMED, d, 0 };
        case NEAR_ENDED:
                return (VerdictOutput){ VERDICT_PROMPT, BECAUSE_ENDED, d, 0 };
        case NEAR_OTHER:
                return (VerdictOutput){ VERDICT_PROMPT, BECAUSE_CHANGED, d, 0 };
        case NEAR_NOT:
                break;
        }
        return (VerdictOutput){ VERDICT_PROMPT,
                                in->certificate_known ? BECAUSE_CHANGED : BECAUSE_NO_EXCEPTION,
                                NULL, 0 };
}

/* Nothing is wrong: an exception that is named is not needed any more. */
static VerdictOutput judge_clean(const VerdictInput *in) {
        Nearness near;
        const Decision *d = find_nearest(in, &near);
        const bool obsolete = near == NEAR_COVERS && !in->in_doubt;

        return (VerdictOutput){ VERDICT_ACCEPT, BECAUSE_NO_PROBLEM, obsolete ? d : NULL, 0 };
}

VerdictOutput verdict_judge(const VerdictInput *in) {
        ProblemSet never = in->never | problem_set_never | ~problem_set_all;
        const Decision *denial;

        /* A leaf that nobody could read cannot be right, and matches no decision. */
        if ((in->problems & never) || !in->leaf_sha256)
                return (VerdictOutput){ VERDICT_REJECT, BECAUSE_NEVER_EXCEPTABLE, NULL, 0 };

        /* A "no" to this certificate holds whatever is wrong with it, and if nothing is: an
         * authority that signs for a stranger is no reason to take it back. */
        denial = find_denial(in, STATE_LIVE);
        if (denial)
                return (VerdictOutput){ VERDICT_REJECT, BECAUSE_DENIAL, denial, 0 };
        if (in->problems == 0)
                return judge_clean(in);

        /* A "no" that waits for confirmation does not refuse, but no exception may pass it by. */
        denial = find_denial(in, STATE_UNCONFIRMED);
        if (denial)
                return (VerdictOutput){ VERDICT_PROMPT, BECAUSE_UNCONFIRMED, denial, 0 };

        return judge_by_exceptions(in);
}

const char *verdict_name(Verdict verdict) {
        switch (verdict) {
        case VERDICT_ACCEPT:
                return "accept";
        case VERDICT_PROMPT:
                return "prompt";
        case VERDICT_REJECT:
                return "reject";
        }
        return NULL;
}

const char *because_name(Because because) {
        static const char *const names[_BECAUSE_MAX] = {
                [BECAUSE_NO_PROBLEM] = "no-problem",
                [BECAUSE_EXCEPTION] = "exception",
                [BECAUSE_NEVER_EXCEPTABLE] = "never-exceptable",
                [BECAUSE_DENIAL] = "denial",
                [BECAUSE_NO_EXCEPTION] = "no-exception",
                [BECAUSE_CHANGED] = "changed",
                [BECAUSE_NEW_PROBLEM] = "new-problem",
                [BECAUSE_ENDED] = "ended",
                [BECAUSE_UNCONFIRMED] = "unconfirmed",
                [BECAUSE_IN_DOUBT] = "in-doubt",
        };

        return (unsigned) because < _BECAUSE_MAX ? names[because] : NULL;
}
