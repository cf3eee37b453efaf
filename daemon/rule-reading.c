/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the files of exceptions.d: the bytes at once, then certificate by certificate. */
#include "config.h"

#include "daemon/rule-reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/judges.h"
#include "daemon/limits.h"

static unsigned read_sec = RULES_READ_SEC;

#ifdef CERTEXC_TESTING
void rule_reading_set_seconds(unsigned seconds) {
        read_sec = seconds;
}
#endif

struct RuleReading {
        RuleResults results;
        size_t at_file, at_certificate; /* what is being judged */
        Judges *judges;
        JudgeCall *call;
        Endpoint endpoint;
        Blob der;
        time_t deadline; /* of CLOCK_MONOTONIC */
        RuleReadingDone done;
        void *userdata;
};

RuleReading *rule_reading_free(RuleReading *reading) {
        RuleResults *results;

        if (!reading)
                return NULL;

        (void) judge_call_free(reading->call);
        results = &reading->results;
        for (size_t i = 0; i < results->n_good; i++)
                (void) rule_file_free(results->good[i].file);
        for (size_t i = 0; i < results->n_refused; i++) {
                free(results->refused[i].path);
                free(results->refused[i].reason);
        }
        for (size_t i = 0; i < results->n_notices; i++)
                free(results->notices[i]);
        free(results->notices);
        free(results->good);
        free(results->refused);
        free(reading);
        return NULL;
}

RuleResults *rule_reading_results(RuleReading *reading) {
        return &reading->results;
}

static time_t monotonic_now(void) {
        struct timespec t = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec;
}

/* -- files ------------------------------------------------------------------------------------- */

static int refuse(RuleReading *reading, RuleFolder folder, const char *path, bool is_folder,
                  const char *reason) {
        RuleResults *results = &reading->results;
        RuleRefusal *list = reallocarray(results->refused, results->n_refused + 1, sizeof(*list));
        RuleRefusal *refusal;

        if (!list)
                return -ENOMEM;
        results->refused = list;
        refusal = &list[results->n_refused++];
        *refusal = (RuleRefusal){ .folder = folder };
        refusal->path = strdup(path);
        refusal->reason = strdup(reason);
        if (!refusal->path || !refusal->reason)
                return -ENOMEM;
        if (!is_folder)
                refusal->name = strrchr(refusal->path, '/') + 1;
        return 0;
}

static int take(RuleReading *reading, RuleFolder folder, RuleFile **file) {
        RuleResults *results = &reading->results;
        RuleGood *list = reallocarray(results->good, results->n_good + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        results->good = list;
        results->n_decisions += (*file)->n_decisions;
        list[results->n_good++] = (RuleGood){ folder, TAKE_PTR(*file) };
        return 0;
}

static int note_mask(RuleReading *reading, const RuleSource *source) {
        RuleResults *results = &reading->results;
        char **list = reallocarray(results->notices, results->n_notices + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        results->notices = list;
        if (asprintf(&list[results->n_notices], "%s is %s: it masks %s, which does not count.", source->path,
                     source->is_null ? "a link to /dev/null" : "empty", source->masks) < 0)
                return -ENOMEM;
        results->n_notices++;
        return 0;
}

static int read_source(RuleReading *reading, const RuleSource *source) {
        _cleanup_(rule_file_freep) RuleFile *file = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (source->reason)
                return refuse(reading, source->folder, source->path, !source->name,
                              source->reason);
        if (source->masks)
                return note_mask(reading, source);
        r = rule_file_parse(source->path, (Blob){ source->data, source->size }, &file, &reason);
        if (r == -EBADMSG)
                return refuse(reading, source->folder, source->path, false, reason);
        if (r < 0)
                return r;
        if (file->n_decisions > RULES_MAX - reading->results.n_decisions)
                return refuse(reading, source->folder, source->path, false,
                              "the files have more decisions together than the daemon takes");
        return take(reading, source->folder, &file);
}

int rule_reading_new(const RuleFolders *folders, RuleReading **ret) {
        _cleanup_(rule_reading_freep) RuleReading *reading = calloc(1, sizeof(*reading));
        _cleanup_(rule_sources_done) RuleSources sources = { 0 };
        int r;

        if (!reading)
                return -ENOMEM;
        reading->deadline = monotonic_now() + (time_t) read_sec;
        r = rule_folders_read(folders, &sources);
        for (size_t i = 0; r == 0 && i < sources.n_items; i++)
                r = read_source(reading, &sources.items[i]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reading);
        return 0;
}

/* -- certificates ------------------------------------------------------------------------------ */

/* The file that is being judged is not good. */
static int refuse_judged(RuleReading *reading, const char *what) {
        RuleResults *results = &reading->results;
        RuleGood *good = &results->good[reading->at_file];
        const RuleCertificate *c = &good->file->certificates[reading->at_certificate];
        char digest[SHA256_HEX_SIZE], reason[SHA256_HEX_SIZE + 80];
        int r;

        hex_encode(c->sha256, SHA256_SIZE, digest);
        (void) snprintf(reason, sizeof(reason), "certificate %s: %s", digest, what);
        r = refuse(reading, good->folder, good->file->path, false, reason);

        results->n_decisions -= good->file->n_decisions;
        (void) rule_file_free(good->file);
        results->n_good--;
        memmove(good, good + 1, (results->n_good - reading->at_file) * sizeof(*good));
        reading->at_certificate = 0;
        return r;
}

static int judge_next(RuleReading *reading);

/* Nothing of the reading may be in hand: it may be gone when this returns. */
static void end(RuleReading *reading, int error) {
        reading->done(reading, error, reading->userdata);
}

static void on_judged(JudgeCall *call, int error, Facts *facts, void *userdata) {
        RuleReading *reading = userdata;
        int r;

        reading->call = NULL;
        if (error == -ENOMEM)
                r = error;
        else if (error < 0)
                r = refuse_judged(reading, "the worker that reads certificates failed on it");
        else if (!facts->leaf)
                r = refuse_judged(reading, "it cannot be read");
        else
                r = rule_file_learn(reading->results.good[reading->at_file].file,
                                    reading->at_certificate++, facts->leaf);
        if (r == 0)
                r = judge_next(reading);
        if (r <= 0)
                end(reading, r);
}

/* What it says of itself is all that is wanted; the endpoint is any, since a question has one. */
static int ask_judge(RuleReading *reading, const RuleFile *file) {
        const RuleCertificate *c = &file->certificates[reading->at_certificate];
        const Decision *d = &file->decisions[0];
        const char *reason = NULL;
        Question question = {
                .endpoint = &reading->endpoint,
                .chain = &reading->der,
                .n_chain = 1,
                .now = (int64_t) time(NULL),
                .checks = CHECK_ALL,
        };
        int r;

        if (endpoint_set(d->host, strlen(d->host), d->port, &reading->endpoint, &reason) < 0)
                return -EINVAL;
        reading->der = (Blob){ c->der, c->der_size };
        r = judges_ask(reading->judges, 0, &question, on_judged, reading, &reading->call);
        return r < 0 ? r : 1;
}

/* The file with the next certificate that nobody has looked into; NULL: there is none left. */
static const RuleFile *next_file(RuleReading *reading) {
        const RuleResults *results = &reading->results;

        for (; reading->at_file < results->n_good; reading->at_file++) {
                const RuleFile *file = results->good[reading->at_file].file;

                if (reading->at_certificate < file->n_certificates)
                        return file;
                reading->at_certificate = 0;
        }
        return NULL;
}

/* 1: a judge is at work; 0: all is read; -errno. */
static int judge_next(RuleReading *reading) {
        const RuleFile *file;
        int r = 0;

        while (r == 0 && (file = next_file(reading))) {
                if (monotonic_now() < reading->deadline)
                        return ask_judge(reading, file);
                r = refuse_judged(reading, "to read all files takes too long");
        }
        return r;
}

bool rule_reading_wants_judges(const RuleReading *reading) {
        for (size_t i = 0; i < reading->results.n_good; i++)
                if (reading->results.good[i].file->n_certificates > 0)
                        return true;
        return false;
}

void rule_reading_run(RuleReading *reading, Judges *judges, RuleReadingDone done, void *userdata) {
        int r;

        reading->judges = judges;
        reading->done = done;
        reading->userdata = userdata;
        r = judge_next(reading);
        if (r <= 0)
                end(reading, r);
}
