/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real daemon while two uids do all that they can at once. One asks without a pause what the daemon knows
 * already, long chains and short ones, which costs the loop and no judge; the other one asks about chains that are
 * new to its judge, adds, and asks for prompts that nobody answers. Both leave answers unread, and their connections
 * come and go. Another uid is answered all the same. How quickly is told and not judged, but for "never".
 * `live_isolation bench` asks more often, goes through the kinds of attack one by one as well, since what does
 * everything at once does less of each, and tells whether the figure of HACKING.md is reached;
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
#define QUESTIONS_BENCH 100000U
#define RATIO_TO_REACH  3.0

/* Of so many questions one comes over a new connection. */
#define NEW_CONNECTION 50U

/* How long a hostile one does what it does before it counts as at work. */
#define WARM_UP_USEC 500000.0

/* How long a connection is there that says nothing. */
#define BRIEF_USEC 1000.0

typedef enum Kind { SAME, LONG_SAME, LONG_NEW, NEW, ADD, ASK, DEAF, AGENT, BRIEF, BUSY, KINDS } Kind;

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
        /* Nothing is sent: they come and go; or only keep a processor busy, as every program may. */
        [BRIEF] = { true, NULL },
        [BUSY] = { true, NULL },
};

static const uid_t hostile_uids[] = { HOSTILE, TIRELESS };
#define HOSTILE_ONES (sizeof(hostile_uids) / sizeof(*hostile_uids))

typedef unsigned Connections[KINDS]; /* of each kind */

/* The second uid is in full swing before the first begins, so that it waits for its judge no more. */
typedef struct Attack {
        const char *what;
        Connections n[HOSTILE_ONES];
        bool tireless;
} Attack;

static const Attack everything = {
        "everything at once",
        { { [LONG_SAME] = 12, [LONG_NEW] = 2, [NEW] = 12, [ADD] = 12, [ASK] = 8, [DEAF] = 10, [AGENT] = 1, [BRIEF] = 1 },
          { [SAME] = 32, [LONG_SAME] = 20, [DEAF] = 8, [BRIEF] = 1 } },
};

static const Attack attacks[] = {
        { "one question on many connections", { { [SAME] = 60 }, { [SAME] = 60 } } },
        { "one question, again and again", { { [SAME] = 1 }, { 0 } } },
        { "a long chain that is known", { { [LONG_SAME] = 30 }, { [LONG_SAME] = 30 } } },
        { "long chains that are new", { { [LONG_NEW] = 30 }, { [LONG_NEW] = 30 } } },
        { "chains that are new", { { [NEW] = 60 }, { [NEW] = 60 } } },
        { "additions", { { [ADD] = 60 }, { [ADD] = 60 } } },
        { "prompts that nobody answers", { { [ASK] = 60 }, { [ASK] = 60 } } },
        { "answers that nobody reads", { { [DEAF] = 60 }, { [DEAF] = 60 } } },
};

/* These ones never wait for anything, so that even the last does something about other programs' times. */
static const Attack busy_ones[] = {
        { "connections that come and go", { { [BRIEF] = 1 }, { [BRIEF] = 1 } }, .tireless = true },
        { "no question, a busy processor", { { [BUSY] = 1 }, { [BUSY] = 1 } }, .tireless = true },
};

typedef struct Attacker {
        Peer *peer;
        Kind kind;
        char *text; /* what is being sent, and how far */
        size_t size, at;
        unsigned n_sent;
        double next_usec; /* of a BRIEF one: when it goes */
} Attacker;

static Fixture *f;
static unsigned long *n_calls; /* of each hostile one, seen by all */
static char *chain, *chains; /* one certificate, and as many as a chain may have bytes */

static void die(const char *what) {
        (void) fprintf(stderr, "live_isolation: %s\n", what);
        exit(EXIT_FAILURE);
}

static double now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
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

static void take_turns(const Attack *how, Attacker *attackers, unsigned n, unsigned long *calls) {
        static char answers[1024 * 1024];
        struct pollfd polls[CONNECTIONS_PER_UID_MAX];
        int patience = 100;

        for (unsigned i = 0; i < n; i++) {
                bool done = !kinds[attackers[i].kind].method ||
                            (attackers[i].kind == AGENT && attackers[i].n_sent > 0);

                if (attackers[i].kind == BRIEF && (how->tireless || now_usec() > attackers[i].next_usec)) {
                        come_back(&attackers[i]);
                        attackers[i].next_usec = now_usec() + BRIEF_USEC;
                        ++*calls;
                }
                polls[i] = (struct pollfd){ .fd = attackers[i].peer->fd, .events = done ? 0 : POLLOUT };
                if (how->tireless)
                        patience = 0;
                if (kinds[attackers[i].kind].reads)
                        polls[i].events |= POLLIN;
        }
        if (poll(polls, n, patience) < 0)
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
static void __attribute__((noreturn)) be_hostile(const Attack *how, unsigned which, int ready) {
        Attacker attackers[CONNECTIONS_PER_UID_MAX] = { 0 };
        const uid_t uid = hostile_uids[which];
        double begin = now_usec();
        bool told = false;
        unsigned n = 0;

        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                _exit(EXIT_FAILURE);
        for (Kind kind = 0; kind < KINDS; kind++)
                for (unsigned i = 0; i < how->n[which][kind]; i++)
                        attackers[n++] = (Attacker){ .peer = peer_new(f), .kind = kind };
        for (;;) {
                take_turns(how, attackers, n, &n_calls[which]);
                if (!told && now_usec() - begin > WARM_UP_USEC) {
                        (void) write(ready, "", 1);
                        told = true;
                }
        }
}

static pid_t start_hostile(const Attack *how, unsigned which) {
        char byte;
        int ends[2];
        pid_t pid;

        if (pipe(ends) < 0)
                die("there is no pipe");
        pid = fork();
        if (pid == 0)
                be_hostile(how, which, ends[1]);
        (void) close(ends[1]);
        if (pid < 0 || read(ends[0], &byte, 1) != 1)
                die("a hostile one did not begin");
        (void) close(ends[0]);
        return pid;
}

/* -- the honest one ------------------------------------------------------------------------ */

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

/* How long questions take of which there are so many. */
typedef struct Times {
        double *usec;
        unsigned n;
} Times;

static void times_add(Times *times, double usec) {
        times->usec[times->n++] = usec;
}

/* So many of a hundred take no longer. */
static double times_of(Times *times, unsigned percent) {
        qsort(times->usec, times->n, sizeof(*times->usec), compare);
        return times->usec[(times->n - 1) * (size_t) percent / 100];
}

/* How long @n questions take, and those which a connection is opened for. */
static void ask_often(unsigned n, Times *ret, Times *ret_new) {
        _cleanup_free_ char *question = call_about(NEW, 993);
        Peer *peer = connect_as(HONEST);

        *ret = (Times){ .usec = calloc(n, sizeof(double)) };
        *ret_new = (Times){ .usec = calloc(n, sizeof(double)) };
        if (!ret->usec || !ret_new->usec)
                die("there is no memory");
        (void) ask(peer, question);
        for (unsigned i = 0; i < n; i++) {
                double begin = now_usec();

                if (i % NEW_CONNECTION > 0) {
                        times_add(ret, ask(peer, question));
                        continue;
                }
                (void) peer_free(peer);
                peer = connect_as(HONEST);
                (void) ask(peer, question);
                times_add(ret_new, now_usec() - begin);
        }
        (void) peer_free(peer);
}

/* Prints what it finds. The times of another uid under attack, as a part of those without. */
static double measure(const Attack *how, unsigned n) {
        double begin, ratio, ratio_new;
        Times quiet, quiet_new, loud, loud_new;
        pid_t hostile[HOSTILE_ONES];

        ask_often(n, &quiet, &quiet_new);
        for (unsigned i = HOSTILE_ONES; i-- > 0;)
                hostile[i] = start_hostile(how, i);
        for (unsigned i = 0; i < HOSTILE_ONES; i++)
                n_calls[i] = 0;
        begin = now_usec();
        ask_often(n, &loud, &loud_new);
        begin = now_usec() - begin;
        for (unsigned i = 0; i < HOSTILE_ONES; i++) {
                (void) kill(hostile[i], SIGKILL);
                (void) waitpid(hostile[i], NULL, 0);
        }

        ratio = times_of(&loud, 99) / times_of(&quiet, 99);
        ratio_new = times_of(&loud_new, 99) / times_of(&quiet_new, 99);
        printf("  %-31s %6.0f %6.0f %6.0f %6.0f %6.0f %6.0f %6.2f %6.0f %6.0f %6.2f\n", how->what,
               (double) n_calls[0] * 1e6 / begin, (double) n_calls[1] * 1e6 / begin,
               times_of(&quiet, 50), times_of(&loud, 50), times_of(&quiet, 99), times_of(&loud, 99),
               ratio, times_of(&quiet_new, 99), times_of(&loud_new, 99), ratio_new);
        (void) fflush(stdout);
        free(quiet.usec);
        free(quiet_new.usec);
        free(loud.usec);
        free(loud_new.usec);
        return ratio;
}

/* Goes through all kinds of attack. */
static void bench(void) {
        double worst = measure(&everything, QUESTIONS_BENCH);

        for (size_t i = 0; i < N_ELEMENTS(attacks); i++) {
                double ratio = measure(&attacks[i], QUESTIONS_BENCH);

                worst = ratio > worst ? ratio : worst;
        }
        printf("  the worst ratio is %.2f, to reach %.2f: %s\n"
               "  and while they keep the processors busy themselves:\n", worst, RATIO_TO_REACH,
               worst <= RATIO_TO_REACH ? "reached" : "missed");
        for (size_t i = 0; i < N_ELEMENTS(busy_ones); i++)
                (void) measure(&busy_ones[i], QUESTIONS_BENCH);
}

int main(int argc, char **argv) {
        bool all = argc > 1 && strcmp(argv[1], "bench") == 0, own = argc == 1 || all;

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be two other users\n");
                return 77;
        }
        make_chains();
        n_calls = mmap(NULL, HOSTILE_ONES * sizeof(*n_calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (n_calls == MAP_FAILED)
                die("there is no memory");
        f = fixture_new();
        f->how.quiet = true;
        if (own) {
                fixture_start(f, NULL);
        } else {
                free(f->socket_path);
                f->socket_path = strdup(argv[1]);
        }

        printf("what hostile uids do; how much of it each does in a second; how many microseconds another uid waits\n"
               "for an answer, in the middle and 99 times of 100, without it and with it; the same for a new connection\n"
               "  %-31s %6s %6s %13s %13s %6s %13s %6s\n",
               "", "first", "other", "median", "p99", "ratio", "new p99", "ratio");
        if (all)
                bench();
        else
                (void) measure(&everything, QUESTIONS);

        if (own && fixture_stop(f) != 0)
                die("FAILED: the daemon did not end well");
        f = fixture_free(f);
        free(chain);
        free(chains);
        return EXIT_SUCCESS;
}
