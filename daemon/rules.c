/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: what the files of exceptions.d say is in force, with the last good reading of each. */
#include "config.h"

#include "daemon/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/authorities.h"
#include "daemon/judges.h"
#include "daemon/rule-reading.h"

struct Rules {
        sd_event *event;
        Judges *judges; /* for later readings; NULL until one needs them */
        RuleFolders folders;
        RulesRead read;
        void *userdata;
        RuleReading *reading; /* NULL: none is under way */
        int error;            /* of the last reading */
        RuleGood *held;       /* what @items are of */
        size_t n_held;
        Rule *items; /* by host, port, path, place */
        size_t n_items;
        char **warnings;
        size_t n_warnings;
        char **notices;
        size_t n_notices;
        size_t n_doubts; /* the first of them say why a denial may be missing */
        uint64_t generation;
        int64_t latest; /* the latest time that was seen */
};

/* -- from a reading to what is in force ---------------------------------------------------------- */

/* All that takes memory, before anything is changed. */
typedef struct Prepared {
        RuleGood *held; /* with room for the last good readings */
        Rule *items;
        char **warnings;
        size_t n_warnings;
        size_t n_doubts;
} Prepared;

static void sentences_free(char **sentences, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(sentences[i]);
        free(sentences);
}

static void prepared_done(Prepared *p) {
        free(p->held);
        free(p->items);
        sentences_free(p->warnings, p->n_warnings);
}

/* Whether @last stays in force in the place of what was refused. */
static bool stands_in(const RuleGood *last, const RuleRefusal *refusal) {
        const char *name;

        if (!last->file)
                return false;
        if (!refusal->name)
                return last->folder == refusal->folder;
        /* What was covered did not hold, and what covered it was taken away. */
        if (last->folder == RULES_ADMIN && refusal->folder == RULES_VENDOR)
                return false;
        name = strrchr(last->file->path, '/') + 1;
        return rule_same_place(last->folder, name, refusal->folder, refusal->name);
}

static bool has_last(const Rules *rules, const RuleRefusal *refusal) {
        for (size_t i = 0; i < rules->n_held; i++)
                if (stands_in(&rules->held[i], refusal))
                        return true;
        return false;
}

/* A folder that cannot be read may have any file more, and may cover any other. */
static bool is_covered(const Rules *rules, const RuleRefusal *refusal) {
        return refusal->name && has_last(rules, refusal);
}

static int review(const RuleRefusal *refusal, bool covered, Prepared *p) {
        const char *what = covered ? "What was read of it before stays in force"
                                      : "A denial may be missing, so that nothing is accepted by "
                                        "exception";
        char *warning;

        if (asprintf(&warning, "%s: %s. %s, until you mend it and reload the daemon.", refusal->path,
                     refusal->reason, what) < 0)
                return -ENOMEM;
        p->warnings[p->n_warnings++] = warning;
        p->n_doubts += !covered;
        return 0;
}

static int review_all(const Rules *rules, const RuleResults *results, bool covered, Prepared *p) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < results->n_refused; i++)
                if (is_covered(rules, &results->refused[i]) == covered)
                        r = review(&results->refused[i], covered, p);
        return r;
}

static int prepare(const Rules *rules, const RuleResults *results, Prepared *p) {
        int r;

        p->held = calloc(results->n_good + rules->n_held + 1, sizeof(*p->held));
        p->items = calloc(results->n_decisions + rules->n_items + 1, sizeof(*p->items));
        p->warnings = calloc(results->n_refused + 1, sizeof(*p->warnings));
        if (!p->held || !p->items || !p->warnings)
                return -ENOMEM;
        r = review_all(rules, results, false, p);
        return r < 0 ? r : review_all(rules, results, true, p);
}

/* The good files, and the last good readings of those that are not, move to @held; how many. */
static size_t gather(Rules *rules, RuleResults *results, RuleGood *held) {
        size_t n = 0;

        for (size_t i = 0; i < results->n_good; i++) {
                held[n] = results->good[i];
                held[n++].file = TAKE_PTR(results->good[i].file);
        }
        for (size_t i = 0; i < results->n_refused; i++)
                for (size_t j = 0; j < rules->n_held; j++)
                        if (stands_in(&rules->held[j], &results->refused[i])) {
                                held[n] = rules->held[j];
                                held[n++].file = TAKE_PTR(rules->held[j].file);
                        }
        return n;
}

static int by_endpoint(const void *a, const void *b) {
        const Rule *x = a, *y = b;
        int r = strcmp(x->decision.host, y->decision.host);

        if (r == 0)
                r = (int) x->decision.port - (int) y->decision.port;
        if (r == 0)
                r = strcmp(x->path, y->path);
        /* Within a file by their places, which this is for the moment. */
        return r != 0 ? r : x->decision.id < y->decision.id ? -1 : 1;
}

static size_t list_rules(const RuleGood *held, size_t n_held, Rule *items) {
        size_t n = 0;

        for (size_t i = 0; i < n_held; i++) {
                const RuleFile *file = held[i].file;

                for (size_t j = 0; j < file->n_decisions; j++) {
                        const Decision *d = &file->decisions[j];

                        items[n] = (Rule){ *d, rule_file_certificate(file, d->certificate_sha256),
                                           file->path };
                        items[n].decision.id = n;
                        n++;
                }
        }
        if (n > 0)
                qsort(items, n, sizeof(*items), by_endpoint);
        for (size_t i = 0; i < n; i++)
                items[i].decision.id = RULE_ID_FIRST + i;
        return n;
}

static void drop_held(Rules *rules) {
        for (size_t i = 0; i < rules->n_held; i++)
                (void) rule_file_free(rules->held[i].file);
        free(rules->held);
        free(rules->items);
        sentences_free(rules->warnings, rules->n_warnings);
        sentences_free(rules->notices, rules->n_notices);
}

/* All of it from one moment to the next, or nothing. 0 or -ENOMEM. */
static int put_in_force(Rules *rules, RuleResults *results) {
        _cleanup_(prepared_done) Prepared p = { 0 };
        size_t n_held, n_items;
        int r;

        r = prepare(rules, results, &p);
        if (r < 0)
                return r;
        n_held = gather(rules, results, p.held);
        n_items = list_rules(p.held, n_held, p.items);
        if (n_items > 0 || rules->n_items > 0 || (p.n_doubts > 0) != rules_is_doubtful(rules))
                rules->generation++;

        drop_held(rules);
        rules->held = TAKE_PTR(p.held);
        rules->n_held = n_held;
        rules->items = TAKE_PTR(p.items);
        rules->n_items = n_items;
        rules->warnings = TAKE_PTR(p.warnings);
        rules->n_warnings = p.n_warnings;
        p.n_warnings = 0;
        rules->notices = TAKE_PTR(results->notices);
        rules->n_notices = results->n_notices;
        results->n_notices = 0;
        rules->n_doubts = p.n_doubts;
        return 0;
}

/* -- reading ----------------------------------------------------------------------------------- */

static void on_read(RuleReading *reading, int error, void *userdata) {
        Rules *rules = userdata;

        rules->error = error < 0 ? error : put_in_force(rules, rule_reading_results(reading));
        rules->reading = rule_reading_free(reading);
        if (rules->read)
                rules->read(rules, rules->error, rules->userdata);
}

/* Judges that believe nobody: what certificates say of themselves is all that they are asked. */
static int open_judges(sd_event *event, Judges **ret) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *none = NULL;
        _cleanup_(judges_freep) Judges *judges = NULL;
        int fd, r;

        r = judges_new(event, NULL, &judges);
        if (r < 0)
                return r;
        r = authorities_builder_new(&none);
        if (r < 0)
                return r;
        r = authorities_builder_seal(none, &fd);
        if (r < 0)
                return r;
        judges_set_authorities(judges, fd);
        *ret = TAKE_PTR(judges);
        return 0;
}

/* With a judge's worker on @event, if one is needed. */
static int start_reading(Rules *rules, sd_event *event, Judges **judges) {
        _cleanup_(rule_reading_freep) RuleReading *reading = NULL;
        int r;

        r = rule_reading_new(&rules->folders, &reading);
        if (r == 0 && !*judges && rule_reading_wants_judges(reading))
                r = open_judges(event, judges);
        if (r < 0)
                return r;
        (void) rule_reading_free(rules->reading);
        rules->reading = TAKE_PTR(reading);
        rule_reading_run(rules->reading, *judges, on_read, rules);
        return 0;
}

void rules_reload(Rules *rules) {
        int r = start_reading(rules, rules->event, &rules->judges);

        if (r < 0)
                rules->read(rules, r, rules->userdata);
}

/* Nobody is served yet: a loop of its own turns until all is read. */
static int read_first(Rules *rules) {
        _cleanup_(sd_event_unrefp) sd_event *loop = NULL;
        _cleanup_(judges_freep) Judges *judges = NULL;
        int r;

        r = sd_event_new(&loop);
        if (r >= 0)
                r = start_reading(rules, loop, &judges);
        while (r >= 0 && rules->reading)
                r = sd_event_run(loop, UINT64_MAX);
        rules->reading = rule_reading_free(rules->reading);
        return r < 0 ? r : rules->error;
}

static int set_folders(Rules *rules, const RuleFolders *folders) {
        rules->folders.owner = folders->owner;
        for (unsigned i = 0; i < _RULE_FOLDER_MAX; i++) {
                if (!folders->paths[i])
                        continue;
                rules->folders.paths[i] = strdup(folders->paths[i]);
                if (!rules->folders.paths[i])
                        return -ENOMEM;
        }
        return 0;
}

int rules_new(sd_event *event, const RuleFolders *folders, RulesRead read, void *userdata,
              Rules **ret) {
        _cleanup_(rules_freep) Rules *rules = calloc(1, sizeof(*rules));
        int r;

        if (!rules)
                return -ENOMEM;
        rules->event = sd_event_ref(event);
        r = set_folders(rules, folders);
        if (r == 0)
                r = read_first(rules);
        if (r < 0)
                return r;
        rules->read = read;
        rules->userdata = userdata;
        *ret = TAKE_PTR(rules);
        return 0;
}

Rules *rules_free(Rules *rules) {
        if (!rules)
                return NULL;

        (void) rule_reading_free(rules->reading);
        (void) judges_free(rules->judges);
        (void) sd_event_unref(rules->event);
        for (unsigned i = 0; i < _RULE_FOLDER_MAX; i++)
                free((char *) rules->folders.paths[i]);
        drop_held(rules);
        free(rules);
        return NULL;
}

bool rules_is_doubtful(const Rules *rules) {
        return rules->n_doubts > 0;
}

size_t rules_n_doubts(const Rules *rules) {
        return rules->n_doubts;
}

uint64_t rules_generation(const Rules *rules) {
        return rules->generation;
}

size_t rules_n_notices(const Rules *rules) {
        return rules->n_notices;
}

const char *rules_notice(const Rules *rules, size_t i) {
        return rules->notices[i];
}

size_t rules_n_warnings(const Rules *rules) {
        return rules->n_warnings;
}

const char *rules_warning(const Rules *rules, size_t i) {
        return rules->warnings[i];
}

/* -- looking up -------------------------------------------------------------------------------- */

/* What was over stays so, whatever the clock says later. */
static void see(Rules *rules, Rule *items, size_t n, int64_t now) {
        static const Session none = { 0 };

        if (now > rules->latest)
                rules->latest = now;
        for (size_t i = 0; i < n; i++)
                if (decision_has_ended(&items[i].decision, rules->latest, &none))
                        items[i].decision.state = STATE_ENDED;
}

size_t rules_all(Rules *rules, int64_t now, const Rule **ret) {
        see(rules, rules->items, rules->n_items, now);
        *ret = rules->items;
        return rules->n_items;
}

/* How many stand before all at @host and at @port or a higher one. */
static size_t count_before(const Rules *rules, const char *host, uint32_t port) {
        size_t low = 0, high = rules->n_items;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const Decision *d = &rules->items[middle].decision;
                int r = strcmp(d->host, host);

                if (r < 0 || (r == 0 && d->port < port))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

size_t rules_at(Rules *rules, const char *host, uint16_t port, int64_t now, const Rule **ret) {
        const size_t first = count_before(rules, host, port);
        const size_t end = count_before(rules, host, port == 0 ? UINT16_MAX + 1U : port + 1U);

        see(rules, rules->items + first, end - first, now);
        *ret = rules->items + first;
        return end - first;
}

const Rule *rules_get(Rules *rules, uint64_t id, int64_t now) {
        Rule *rule;

        if (id < RULE_ID_FIRST || id - RULE_ID_FIRST >= rules->n_items)
                return NULL;
        rule = &rules->items[id - RULE_ID_FIRST];
        see(rules, rule, 1, now);
        return rule;
}

const Rule *rules_denial(Rules *rules, const char *host, uint16_t port, const uint8_t *leaf_sha256,
                         const uint8_t *key_sha256, int64_t now) {
        const Rule *at;
        const size_t n = rules_at(rules, host, port, now, &at);

        for (size_t i = 0; i < n; i++)
                if (at[i].decision.action == DECISION_DENY && at[i].decision.state == STATE_LIVE &&
                    decision_matches(&at[i].decision, leaf_sha256, key_sha256))
                        return &at[i];
        return NULL;
}

const RuleCertificate *rules_certificate(const Rules *rules,
                                         const uint8_t sha256[static SHA256_SIZE]) {
        for (size_t i = 0; i < rules->n_held; i++) {
                const RuleCertificate *c = rule_file_certificate(rules->held[i].file, sha256);

                if (c)
                        return c;
        }
        return NULL;
}
