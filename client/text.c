/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text: the daemon's words as sentences. The daemon knows no language; this is where one is. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/i18n.h"
#include "client/library.h"
#include "client/problem.h"

static const ProblemInfo *problem_of(const char *name) {
        return name ? problem_by_name(name) : NULL;
}

const char *certexc_problem_meaning(const char *name) {
        const ProblemInfo *info = problem_of(name);

        return info ? _(info->meaning) : NULL;
}

const char *certexc_problem_advice(const char *name) {
        const ProblemInfo *info = problem_of(name);

        return info ? _(info->advice) : NULL;
}

const char *certexc_problem_mender(const char *name) {
        const ProblemInfo *info = problem_of(name);

        if (!info)
                return NULL;
        switch (info->mender) {
        case MENDER_YOU:
                return _(N_("you"));
        case MENDER_ADMINISTRATOR:
                return _(N_("the server's administrator"));
        case MENDER_PROVIDER:
                return _(N_("your provider"));
        case MENDER_ISSUER:
                return _(N_("the authority that issued the certificate"));
        }
        return NULL;
}

bool certexc_problem_exceptable(const char *name) {
        const ProblemInfo *info = problem_of(name);

        return info && info->exceptable;
}

const char *certexc_problem_name(size_t i) {
        return i < n_problem_infos ? problem_infos[i].name : NULL;
}

static const struct {
        const char *word;
        const char *sentence;
} reasons[] = {
        { "no-problem", N_("Nothing is wrong with the certificate.") },
        { "exception", N_("You allowed this certificate for everything that is wrong with it.") },
        { "never-exceptable", N_("Something is wrong that nobody may allow.") },
        { "denial", N_("This certificate was refused here before.") },
        { "no-exception", N_("Something is wrong, and nothing was decided about it yet.") },
        { "changed", N_("The server shows another certificate than the one that is known here.") },
        { "new-problem", N_("Something is wrong that was not when you allowed the certificate.") },
        { "ended", N_("You allowed this certificate for a time, and that time is over.") },
        { "unconfirmed", N_("This certificate was allowed once; please say whether that still "
                            "holds.") },
        { "in-doubt", N_("You allowed this certificate, but no exception counts at the moment.") },
};

const char *certexc_because_sentence(const char *because) {
        for (unsigned i = 0; because && i < N_ELEMENTS(reasons); i++)
                if (strcmp(reasons[i].word, because) == 0)
                        return _(reasons[i].sentence);
        return NULL;
}

static const struct {
        const char *word;
        const char *due;     /* the old one had ended or was about to */
        const char *not_due;
} changes[] = {
        { "renewed",
          N_("The certificate was renewed for the same key, and the old one was due: that is "
             "what a careful administrator does."),
          N_("The certificate was renewed for the same key, though the old one was not due: the "
             "server is the same.") },
        { "reissued",
          N_("The same authority issued another certificate for another key, and the old one was "
             "due: probably an ordinary renewal."),
          N_("The same authority issued another certificate for another key, though the old one "
             "was not due: ask the server's administrator whether they did that.") },
        { "replaced",
          N_("Neither the key nor an authority connects the certificate with the old one, which was "
             "due: ask the server's administrator whether they replaced it, before you allow it."),
          N_("Neither the key nor an authority connects the certificate with the old one, which was "
             "not due: somebody may be standing between you and the server. Do not allow it before "
             "the server's administrator has confirmed the fingerprint another way.") },
};

const char *certexc_change_sentence(const char *change, bool was_due) {
        for (unsigned i = 0; change && i < N_ELEMENTS(changes); i++)
                if (strcmp(changes[i].word, change) == 0)
                        return was_due ? _(changes[i].due) : _(changes[i].not_due);
        return NULL;
}

int certexc_host_check(const char *host, char **ret, const char **ret_reason) {
        const char *reason = NULL;
        Endpoint endpoint;
        char *copy;
        int r;

        if (!host)
                return -EINVAL;
        r = endpoint_set(host, strlen(host), 0, &endpoint, &reason);
        if (r < 0) {
                if (ret_reason && reason)
                        *ret_reason = _(reason);
                return r;
        }
        if (!ret)
                return 0;
        copy = strdup(endpoint.host);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}
