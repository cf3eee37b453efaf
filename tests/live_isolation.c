/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real daemon while two uids do all that they can at once. One asks without a pause what the daemon knows
 * already, long chains and short ones, which costs the loop and no judge; the other one asks about chains that are
 * new to its judge, adds, and asks for prompts that nobody answers. Both leave answers unread, and their connections
 * come and go. Another uid is answered all the same. How quickly is told and not judged, but for "never";
 * `live_isolation bench` asks more often, and tells whether the figure of HACKING.md is reached;
 * `live_isolation SOCKET` does it to a daemon that is there already.
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/encoding.h"
#include "daemon/limits.h"
#include "tests/fixture.h"
#include "tests/pki.h"

/* Uids that need not exist. */
#define HOSTILE 61000U
#define HONEST  61001U
#define TIRELESS 61002U

/* A measurement takes some seconds, as an attack does: what a uid may do at once, before it has to rest
 * (JUDGE_BURST_USEC, LONG_TURN_BURST_USEC), fills a larger part of the first second. */
#define QUESTIONS       500U
#define QUESTIONS_BENCH 150000U
#define RATIO_TO_REACH  3.0

/* Of so many questions one comes over a new connection. */
#define NEW_CONNECTION 50U

/* How many times each connection of a hostile one sends something before it counts as at work. */
#define WARM_UP 20U

typedef enum Kind { SAME, LONG_SAME, LONG_NEW, NEW, ADD, ASK, DEAF, AGENT, KINDS } Kind;

static const struct {
        bool reads;
        const char *method;
} kinds[KINDS] = {
        [SAME] = { true, "Verify" },
        [LONG_SAME] = { true, "Verify" },
        [LONG_NEW] = { true, "Verify" },
        [NEW] = { true, "Verify" },
        [ADD] = { true, "AddException" },
        [ASK] = { true, "Ask" },
        [DEAF] = { false, "GetStatus" },
        [AGENT] = { true, "RegisterAgent" },
};

/* How many connections of each kind. The second is in full swing before the first begins, so that it waits
 * for its judge no more. */
static const struct {
        uid_t uid;
        unsigned n[KINDS];
} hostile_ones[] = {
        { HOSTILE, { [LONG_SAME] = 12, [LONG_NEW] = 2, [NEW] = 12, [ADD] = 12, [ASK] = 8, [DEAF] = 10, [AGENT] = 1 } },
        { TIRELESS, { [SAME] = 32, [LONG_SAME] = 20, [DEAF] = 8 } },
};
#define HOSTILE_ONES (sizeof(hostile_ones) / sizeof(*hostile_ones))

typedef struct Attacker {
        Peer *peer;
        Kind kind;
        char *text; /* what is being sent, and how far */
        size_t size, at;
        unsigned n_sent;
} Attacker;

static Fixture *f;
static unsigned long *n_calls; /* of each hostile one, seen by all */
static char *chain, *chains; /* one certificate, and as many as a chain may have bytes */

static void die(const char *what) {
        (void) fprintf(stderr, "live_isolation: %s\n", what);
        exit(EXIT_FAILURE);
}

/* -- certificates -------------------------------------------------------------------------- */

static void make_chains(void) {
        static char names[FACTS_NAMES_MAX][256];
        const char *list[FACTS_NAMES_MAX + 1] = { NULL };
        _cleanup_(pki_freep) Pki *plain = pki_new(&(PkiSpec){ .name = "mail.example.org" });
        _cleanup_(pki_freep) Pki *wordy = NULL;
        Blob der = pki_der(plain);
        char *p;

        for (unsigned i = 0; i < FACTS_NAMES_MAX; i++) {
                (void) snprintf(names[i], sizeof(names[i]), "a%0240d.example.org", (int) i);
                for (unsigned dot = 50; dot < 240; dot += 50)
                        names[i][dot] = '.';
                list[i] = names[i];
        }
        wordy = pki_new(&(PkiSpec){ .subject = "wordy", .names = list });
        chain = malloc(BASE64_SIZE(der.size) + 3);
        p = chains = malloc(2 * CHAIN_BYTES_MAX);
        if (!chain || !chains)
                die("there is no memory");

        *chain = '"';
        base64_encode(der.data, der.size, chain + 1);
        (void) strcat(chain, "\"");
        der = pki_der(wordy);
        for (size_t n = der.size; n <= CHAIN_BYTES_MAX; n += der.size) {
                p += sprintf(p, "%s\"", n > der.size ? "," : "");
                base64_encode(der.data, der.size, p);
                p = strchr(p, '\0');
                p += sprintf(p, "\"");
        }
}

/* A call about port @port of a host. New text. */
static char *call_about(Kind kind, unsigned port) {
        const char *rest = kind == ADD   ? ",\"problems\":[\"expired\",\"self-signed\"]"
                           : kind == ASK ? ",\"timeout\":600"
                                         : "";
        char *text;
        int n;

        if (kind == AGENT || kind == DEAF)
                n = asprintf(&text, "{\"method\":\"org.certexc1.%s\",\"more\":true}", kinds[kind].method);
        else
                n = asprintf(&text,
                             "{\"method\":\"org.certexc1.%s\",\"parameters\":{\"host\":"
                             "\"mail.example.org\",\"port\":%u,\"chain\":[%s]%s}}",
                             kinds[kind].method, port,
                             kind == LONG_SAME || kind == LONG_NEW ? chains : chain, rest);
        if (n < 0)
                die("there is no memory");
        return text;
}

/* -- the hostile one ----------------------------------------------------------------------- */

static void attack(Attacker *a, unsigned long *calls) {
        static unsigned port;
        bool same = a->kind == SAME || a->kind == LONG_SAME || a->kind == DEAF;
        ssize_t n;

        if (!a->text) {
                a->text = call_about(a->kind, same ? 1 : 1 + ++port % 65535);
                a->size = strlen(a->text) + 1;
                a->at = 0;
        }
        n = send(a->peer->fd, a->text + a->at, a->size - a->at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return;
        a->at += (size_t) n;
        if (a->at < a->size)
                return;
        a->n_sent++;
        ++*calls;
        if (!same || a->kind == AGENT) {
                free(a->text);
                a->text = NULL;
        }
        a->at = 0;
}

static void come_back(Attacker *a) {
        (void) peer_free(a->peer);
        a->peer = NULL;
        free(a->text);
        a->text = NULL;
        while (!a->peer)
                if (peer_try_new(f, &a->peer) < 0)
                        a->peer = NULL;
}

static void take_turns(Attacker *attackers, unsigned n, unsigned long *calls) {
        static char answers[1024 * 1024];
        struct pollfd polls[CONNECTIONS_PER_UID_MAX];

        for (unsigned i = 0; i < n; i++) {
                bool done = attackers[i].kind == AGENT && attackers[i].n_sent > 0;

                polls[i] = (struct pollfd){ .fd = attackers[i].peer->fd, .events = done ? 0 : POLLOUT };
                if (kinds[attackers[i].kind].reads)
                        polls[i].events |= POLLIN;
        }
        if (poll(polls, n, 100) < 0)
                return;
        for (unsigned i = 0; i < n; i++) {
                if (polls[i].revents & POLLIN)
                        (void) recv(polls[i].fd, answers, sizeof(answers), MSG_DONTWAIT);
                if (polls[i].revents & (POLLHUP | POLLERR))
                        come_back(&attackers[i]);
                else if (polls[i].revents & POLLOUT)
                        attack(&attackers[i], calls);
        }
}

/* Never ends; tells @ready when it is in full swing. */
static void be_hostile(unsigned which, int ready) {
        Attacker attackers[CONNECTIONS_PER_UID_MAX] = { 0 };
        const uid_t uid = hostile_ones[which].uid;
        unsigned n = 0, rounds = 0;

        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                _exit(EXIT_FAILURE);
        for (Kind kind = 0; kind < KINDS; kind++)
                for (unsigned i = 0; i < hostile_ones[which].n[kind]; i++)
                        attackers[n++] = (Attacker){ .peer = peer_new(f), .kind = kind };
        for (;;) {
                Peer *more = NULL;

                take_turns(attackers, n, &n_calls[which]);
                if (peer_try_new(f, &more) == 0)
                        (void) peer_free(more);
                if (++rounds == WARM_UP * n)
                        (void) write(ready, "", 1);
        }
}

static pid_t start_hostile(unsigned which) {
        char byte;
        int ends[2];
        pid_t pid;

        if (pipe(ends) < 0)
                die("there is no pipe");
        pid = fork();
        if (pid == 0)
                be_hostile(which, ends[1]);
        (void) close(ends[1]);
        if (pid < 0 || read(ends[0], &byte, 1) != 1)
                die("a hostile one did not begin");
        (void) close(ends[0]);
        return pid;
}

/* -- the honest one ------------------------------------------------------------------------ */

static double now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static Peer *connect_as(uid_t uid) {
        Peer *peer;

        if (seteuid(uid) < 0)
                die("cannot become another user");
        peer = peer_new(f);
        if (seteuid(0) < 0)
                die("cannot become root again");
        return peer;
}

static double ask(Peer *peer, const char *question) {
        double begin = now_usec(), end;
        _cleanup_free_ char *answer = NULL;

        if (!peer_send(peer, question))
                die("FAILED: the connection of another uid was closed");
        answer = peer_read(peer, FIXTURE_WAIT_MSEC);
        end = now_usec();
        if (!answer)
                die("FAILED: another uid was not answered");
        if (!strstr(answer, "\"verdict\"")) {
                (void) fprintf(stderr, "%s\n", answer);
                die("FAILED: another uid was refused");
        }
        return end - begin;
}

static int compare(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* The time that 99 of 100 of @n questions take at most. */
static double p99(unsigned n, double *ret_median) {
        _cleanup_free_ char *question = call_about(NEW, 993);
        double *times = calloc(n, sizeof(*times)), found;
        Peer *peer = connect_as(HONEST);

        if (!times)
                die("there is no memory");
        (void) ask(peer, question);
        for (unsigned i = 0; i < n; i++) {
                if (i % NEW_CONNECTION == 0) {
                        (void) peer_free(peer);
                        peer = connect_as(HONEST);
                }
                times[i] = ask(peer, question);
        }
        (void) peer_free(peer);
        qsort(times, n, sizeof(*times), compare);
        found = times[(n - 1) * 99 / 100];
        *ret_median = times[(n - 1) / 2];
        free(times);
        return found;
}

int main(int argc, char **argv) {
        bool bench = argc > 1 && strcmp(argv[1], "bench") == 0, own = argc == 1 || bench;
        unsigned n = bench ? QUESTIONS_BENCH : QUESTIONS;
        double quiet, loud, quiet_median, loud_median, begin;
        pid_t hostile[HOSTILE_ONES];

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be two other users\n");
                return 77;
        }
        make_chains();
        f = fixture_new();
        f->how.quiet = true;
        if (own) {
                fixture_start(f, NULL);
        } else {
                free(f->socket_path);
                f->socket_path = strdup(argv[1]);
        }

        quiet = p99(n, &quiet_median);
        n_calls = mmap(NULL, HOSTILE_ONES * sizeof(*n_calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (n_calls == MAP_FAILED)
                die("there is no memory");
        for (unsigned i = HOSTILE_ONES; i-- > 0;)
                hostile[i] = start_hostile(i);
        for (unsigned i = 0; i < HOSTILE_ONES; i++)
                n_calls[i] = 0;
        begin = now_usec();
        loud = p99(n, &loud_median);
        begin = now_usec() - begin;
        for (unsigned i = 0; i < HOSTILE_ONES; i++) {
                (void) kill(hostile[i], SIGKILL);
                (void) waitpid(hostile[i], NULL, 0);
        }

        printf("another uid's p99 while hostile ones are at their limits %9.1f us (median %9.1f)\n", loud,
               loud_median);
        printf("  quiet                            %9.1f us (median %9.1f)\n", quiet, quiet_median);
        printf("  (the hostile ones sent %.0f calls a second that keep a judge busy, and %.0f that do not)\n",
               (double) n_calls[0] * 1e6 / begin, (double) n_calls[1] * 1e6 / begin);
        printf("  ratio %.2f", loud / quiet);
        if (bench)
                printf(", to reach %.2f: %s", RATIO_TO_REACH,
                       loud / quiet <= RATIO_TO_REACH ? "reached" : "missed");
        putchar('\n');

        if (own && fixture_stop(f) != 0)
                die("FAILED: the daemon did not end well");
        f = fixture_free(f);
        free(chain);
        free(chains);
        return EXIT_SUCCESS;
}
