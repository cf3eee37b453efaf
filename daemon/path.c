/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "daemon/authorities.h"
#include "daemon/opinion.h"
#include "daemon/path.h"
#include "daemon/validation.h"

int path_subject_key(Blob der, uint8_t ret[static SHA256_SIZE]) {
        _cleanup_(certificate_freep) Certificate *c = NULL;
        int r;

        r = certificate_new(der, CERTIFICATE_AUTHORITY, -1, &c);
        if (r < 0)
                return r;
        memcpy(ret, c->subject_key, SHA256_SIZE);
        return 0;
}

/* How good a path is: the smaller the better, field by field. */
typedef struct Rank {
        bool is_never;
        unsigned n_problems;
        bool is_loose; /* ends in no authority */
        unsigned n_findings;
        size_t length;
} Rank;

typedef struct Search {
        Judging *judging;
        Path path;
        Path best;
        Rank best_rank;
        bool found;
        unsigned n_paths;
        unsigned n_steps;
} Search;

static bool is_better(const Rank *a, const Rank *b) {
        if (a->is_never != b->is_never)
                return b->is_never;
        if (a->n_problems != b->n_problems)
                return a->n_problems < b->n_problems;
        if (a->is_loose != b->is_loose)
                return b->is_loose;
        if (a->n_findings != b->n_findings)
                return a->n_findings < b->n_findings;
        return a->length < b->length;
}

static void check_signatures(Certificates *all, const Path *path) {
        for (size_t i = 0; i + 1 < path->n; i++)
                (void) certificates_signature(all, path->items[i], path->items[i + 1]);
        if (path->n == 1 && !path->anchored && certificate_is_self_issued(path->items[0]))
                (void) certificates_signature(all, path->items[0], path->items[0]);
}

/*
 * Everything that is wrong with a path. GnuTLS is asked first about one that looks good, because
 * its yes spares checking the signatures a second time. It leads to no authority if somebody's word on it
 * cannot be checked.
 */
static void judge_path(Judging *judging, Path *path, Report *r) {
        Report first = {0};

        validation_run(judging, path, &first);
        if (first.n == 0 && first.error == 0 && path->anchored) {
                opinion_run(judging, path, &first);
                if (first.n == 0)
                        return;
        }

        check_signatures(judging->all, path);
        path->anchored = path->anchored && validation_reach(judging, path) == path->n;
        validation_run(judging, path, r);
        /* Constraints that are too much for us would keep GnuTLS busy, too. */
        if (judging->comparisons > 0)
                opinion_run(judging, path, r);
}

/* 1 when there can be no better one, else 0. */
static int consider(Search *s) {
        Path path = s->path;
        Report r = {0};
        Rank rank;

        judge_path(s->judging, &path, &r);
        if (r.error < 0)
                return r.error;

        s->n_paths++;
        rank = (Rank){
                .is_never = r.problems & problem_set_never,
                .n_problems = (unsigned) __builtin_popcount(r.problems),
                .is_loose = !path.anchored,
                .n_findings = r.n,
                .length = path.n,
        };
        if (!s->found || is_better(&rank, &s->best_rank)) {
                s->found = true;
                s->best = path;
                s->best_rank = rank;
        }
        return s->best_rank.n_problems == 0 && !s->best_rank.is_loose;
}

static bool is_on_path(const Path *path, const Certificate *c) {
        for (size_t i = 0; i < path->n; i++)
                if (memcmp(path->items[i]->subject_key, c->subject_key, SHA256_SIZE) == 0 &&
                    memcmp(path->items[i]->key_sha256, c->key_sha256, SHA256_SIZE) == 0)
                        return true;
        return false;
}

/* Goes on from the last certificate of the path. 1: stop, the best is found; 0; -errno. */
static int search(Search *s) {
        Certificate *last = s->path.items[s->path.n - 1];
        bool extended = false;
        Issuers issuers;
        int r;

        s->path.anchored = certificates_is_authority(s->judging->all, last);
        if (s->path.anchored) {
                r = consider(s);
                s->path.anchored = false;
                return r;
        }
        if (s->path.n == PATH_LENGTH_MAX)
                return consider(s);

        r = certificates_issuers(s->judging->all, last, &issuers);
        if (r < 0)
                return r;
        for (size_t i = 0; i < issuers.n; i++) {
                if (is_on_path(&s->path, issuers.items[i]))
                        continue;
                if (++s->n_steps > PATH_STEPS_MAX || s->n_paths >= PATHS_MAX)
                        break;
                extended = true;
                s->path.items[s->path.n++] = issuers.items[i];
                r = search(s);
                s->path.n--;
                if (r != 0)
                        return r;
        }
        return extended ? 0 : consider(s);
}

int path_judge_best(Judging *judging, Report *r, Path *ret) {
        Search s = {.judging = judging};
        int e;

        s.path.items[0] = judging->all->leaf;
        s.path.n = 1;
        e = search(&s);
        if (e < 0)
                return e;

        if (s.best_rank.n_findings > 0)
                judge_path(judging, &s.best, r);
        /* Whatever path was best: the leaf is the same on all. */
        if (judging->leaf_is_revoked && !(r->problems & PROBLEM_REVOKED))
                report(r, PROBLEM_REVOKED, judging->all->leaf, "on another path");
        *ret = s.best;
        return r->error;
}
