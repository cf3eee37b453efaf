/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One verdict per case on standard input, through the code that the daemon's worker runs.
 *
 * A case is header lines, "run", and then one line of answer:
 *
 *     case ID
 *     host NAME                 without it, names are not checked
 *     time EPOCH                instead of now
 *     purpose OID               without it, the leaf need not be a TLS server's
 *     flags N                   taken and not looked at
 *     trust|chain|distrust|crl|ocsp BYTES, then a new line and the bytes: PEM or DER; may repeat
 *     run
 *
 *     ID <TAB> ACCEPT|PROMPT|REJECT|ERROR <TAB> - <TAB> - <TAB> MICROSECONDS <TAB> PROBLEM,PROBLEM
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "daemon/problems.h"
#include "tests/block.h"

typedef struct Blobs {
        Blob *items;
        size_t n;
} Blobs;

typedef struct Case {
        char id[512];
        Endpoint endpoint;
        bool has_host;
        bool host_is_bad;
        bool has_purpose;
        int64_t time;
        Blobs trust, chain, distrust, crl, ocsp;
} Case;

static void *must_have(void *p) {
        if (p)
                return p;
        fputs("judge: out of memory\n", stderr);
        exit(2);
}

static void blobs_add(Blobs *list, const void *data, size_t size) {
        uint8_t *copy = must_have(malloc(size + 1));

        memcpy(copy, data, size);
        list->items = must_have(reallocarray(list->items, list->n + 1, sizeof(Blob)));
        list->items[list->n++] = (Blob){copy, size};
}

static void blobs_done(Blobs *list) {
        for (size_t i = 0; i < list->n; i++)
                free((void *) list->items[i].data);
        free(list->items);
        *list = (Blobs){0};
}

static void case_done(Case *c) {
        blobs_done(&c->trust);
        blobs_done(&c->chain);
        blobs_done(&c->distrust);
        blobs_done(&c->crl);
        blobs_done(&c->ocsp);
        *c = (Case){.time = time(NULL)};
}

/* Every PEM block of @text by itself; what holds none is taken as DER. */
static void add_pem_or_der(Blobs *list, const char *text, size_t size) {
        static const char begin[] = "-----BEGIN ";
        const char *p =
                size > 0 && text[0] == 0x30 ? NULL : memmem(text, size, begin, strlen(begin));

        if (!p) {
                blobs_add(list, text, size);
                return;
        }
        while (p) {
                size_t left = size - (size_t) (p - text);
                const char *next = left < 2 ? NULL : memmem(p + 1, left - 1, begin, strlen(begin));
                gnutls_datum_t in = {(unsigned char *) p,
                                     (unsigned) (next ? (size_t) (next - p) : left)};
                gnutls_datum_t out = {0};

                if (gnutls_pem_base64_decode2(NULL, &in, &out) >= 0)
                        blobs_add(list, out.data, out.size);
                else
                        blobs_add(list, in.data, in.size);
                gnutls_free(out.data);
                p = next;
        }
}

static char *read_bytes(const char *number, size_t *ret_size) {
        char *end = NULL;
        size_t size = strtoul(number, &end, 10);
        char *bytes;

        if (size > 64UL * 1024 * 1024) {
                fputs("judge: too many bytes\n", stderr);
                exit(2);
        }
        bytes = must_have(malloc(size + 1));
        if (fread(bytes, 1, size, stdin) != size) {
                fputs("judge: the input ends early\n", stderr);
                exit(2);
        }
        *ret_size = size;
        return bytes;
}

/* DESIGN's order for one that nobody has decided about. */
static const char *verdict_of(const Facts *facts) {
        return facts->problems == 0                  ? "ACCEPT"
               : facts->problems & problem_set_never ? "REJECT"
                                                     : "PROMPT";
}

static void answer(const Case *c, const char *verdict, int64_t usec, const Facts *facts) {
        const char *separator = "";

        printf("%s\t%s\t-\t-\t%" PRId64 "\t", c->id, verdict, usec);
        for (unsigned i = 0; facts && i < n_problem_infos; i++) {
                if (!(facts->problems & (ProblemSet) problem_infos[i].problem))
                        continue;
                printf("%s%s", separator, problem_infos[i].name);
                separator = ",";
        }
        printf("%s\n", facts && facts->problems == 0 ? "-" : facts ? "" : "-");
        fflush(stdout);
}

static int64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void explain(const Facts *facts) {
        for (size_t i = 0; i < facts->n_findings; i++)
                fprintf(stderr, "    %s [%d] %s\n", problem_info(facts->findings[i].problem)->name,
                        facts->findings[i].certificate, facts->findings[i].value);
}

static void run(const Case *c, bool verbose) {
        _cleanup_(authorities_freep) Authorities *trust =
                block_with_lists(c->trust.items, c->trust.n, c->crl.items, c->crl.n);
        _cleanup_(authorities_freep) Authorities *blocked =
                block_list_new(c->distrust.items, c->distrust.n);
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        Question q = {
                .endpoint = c->has_host ? &c->endpoint : NULL,
                .chain = c->chain.items,
                .n_chain = c->chain.n,
                .staple = c->ocsp.n > 0 ? c->ocsp.items[0] : (Blob){0},
                .now = c->time,
                .checks = CHECK_ALL,
                .any_purpose = !c->has_purpose,
                .blocked = blocked,
                .lists = authorities_lists(trust),
        };
        int64_t begin = now_usec();
        int r;

        r = c->host_is_bad ? -EINVAL : problems_find(&q, trust, &facts);
        answer(c, r < 0 ? "ERROR" : verdict_of(facts), now_usec() - begin, facts);
        if (verbose && facts)
                explain(facts);
}

static Blobs *list_for(Case *c, const char *line, const char **ret_number) {
        struct {
                const char *word;
                Blobs *list;
        } lists[] = {
                {"trust ", &c->trust}, {"chain ", &c->chain}, {"distrust ", &c->distrust},
                {"crl ", &c->crl},     {"ocsp ", &c->ocsp},
        };

        for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
                size_t n = strlen(lists[i].word);

                if (strncmp(line, lists[i].word, n) == 0) {
                        *ret_number = line + n;
                        return lists[i].list;
                }
        }
        return NULL;
}

static bool take_line(Case *c, char *line) {
        const char *number, *reason;
        Blobs *list = list_for(c, line, &number);

        if (list) {
                size_t size;
                _cleanup_free_ char *bytes = read_bytes(number, &size);

                add_pem_or_der(list, bytes, size);
        } else if (strncmp(line, "case ", 5) == 0) {
                case_done(c);
                snprintf(c->id, sizeof(c->id), "%s", line + 5);
        } else if (strncmp(line, "host ", 5) == 0) {
                c->has_host = true;
                c->host_is_bad =
                        endpoint_set(line + 5, strlen(line + 5), 443, &c->endpoint, &reason) < 0;
        } else if (strncmp(line, "time ", 5) == 0)
                c->time = strtoll(line + 5, NULL, 10);
        else if (strncmp(line, "purpose ", 8) == 0)
                c->has_purpose = true;
        else if (strncmp(line, "flags ", 6) != 0 && line[0])
                return false;
        return true;
}

int main(int argc, char **argv) {
        bool verbose = argc > 1 && strcmp(argv[1], "--explain") == 0;
        _cleanup_free_ char *line = NULL;
        size_t allocated = 0;
        ssize_t n;
        Case c = {.time = time(NULL)};

        while ((n = getline(&line, &allocated, stdin)) > 0) {
                if (line[n - 1] == '\n')
                        line[n - 1] = '\0';
                if (strcmp(line, "run") == 0) {
                        run(&c, verbose);
                        case_done(&c);
                } else if (!take_line(&c, line)) {
                        fprintf(stderr, "judge: not understood: %.60s\n", line);
                        case_done(&c);
                        return 2;
                }
        }
        case_done(&c);
        return 0;
}
