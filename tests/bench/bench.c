/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench SOCKET PEM HOST PROGRAM DIRECTORY: measures the daemon at SOCKET beside what it is compared
 * with, the two in turns, and prints medians and their ratio. PEM is a chain with problems that may
 * be allowed; PROGRAM is certexc; DIRECTORY is on the disk of the daemon's store.
 * bench gnutls PEM HOST: what a program without the daemon does, as a process to be timed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/certexc.h"
#include "client/cleanup.h"

#define ROUNDS 10
#define QUESTIONS 1000 /* in a round */
#define ADDS 40        /* in a round */
#define PROCESSES 6    /* in a round */
#define PORT 993
#define PING_SIZE 64

/* The times of one thing, in microseconds. */
typedef struct Samples {
        double *items;
        size_t n;
} Samples;

/* What is measured beside what. */
typedef struct Bench {
        const char *socket, *pem, *host, *program, *directory, *self;
        certexc_client *client;
        gnutls_datum_t *chain;
        unsigned n_chain;
        int ping_fd;
        int log_fd;
        sqlite3 *db;
        unsigned n_added;
        Samples ours, theirs;
} Bench;

static void die(const char *what, const char *why) {
        (void) fprintf(stderr, "bench: %s: %s\n", what, why);
        exit(EXIT_FAILURE);
}

static double now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static void sample(Samples *s, double begin) {
        double end = now_usec();

        s->items = reallocarray(s->items, s->n + 1, sizeof(*s->items));
        if (!s->items)
                die("memory", "none left");
        s->items[s->n++] = end - begin;
}

static int compare(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double quantile(Samples *s, double q) {
        qsort(s->items, s->n, sizeof(*s->items), compare);
        return s->items[(size_t) ((double) (s->n - 1) * q)];
}

/* Prints a row and forgets its samples. */
static void report(Bench *b, const char *ours, const char *theirs, double reach) {
        double x = quantile(&b->ours, 0.5), y = quantile(&b->theirs, 0.5);

        printf("%-34s %9.1f us (p99 %9.1f)\n", ours, x, quantile(&b->ours, 0.99));
        printf("  %-32s %9.1f us (p99 %9.1f)\n", theirs, y, quantile(&b->theirs, 0.99));
        printf("  ratio %.2f, to reach %.2f: %s\n", x / y, reach,
               x / y <= reach ? "reached" : "missed");
        (void) fflush(stdout);
        b->ours.n = b->theirs.n = 0;
}

/* -- certificates -------------------------------------------------------------------------- */

static gnutls_datum_t load_file(const char *path) {
        gnutls_datum_t data = {};

        if (gnutls_load_file(path, &data) < 0)
                die(path, "cannot be read");
        return data;
}

static void load_chain(Bench *b) {
        gnutls_datum_t pem = load_file(b->pem);
        gnutls_x509_crt_t *certificates;

        if (gnutls_x509_crt_list_import2(&certificates, &b->n_chain, &pem, GNUTLS_X509_FMT_PEM,
                                         0) < 0)
                die(b->pem, "has no certificates");
        b->chain = calloc(b->n_chain, sizeof(*b->chain));
        if (!b->chain)
                die("memory", "none left");
        for (unsigned i = 0; i < b->n_chain; i++) {
                if (gnutls_x509_crt_export2(certificates[i], GNUTLS_X509_FMT_DER, &b->chain[i]) < 0)
                        die(b->pem, "cannot be written as DER");
                gnutls_x509_crt_deinit(certificates[i]);
        }
        gnutls_free(certificates);
        gnutls_free(pem.data);
}

static certexc_question *question_about(Bench *b, const char *host) {
        certexc_question *question;

        if (certexc_question_new(host, PORT, &question) < 0)
                die(host, "is no host");
        for (unsigned i = 0; i < b->n_chain; i++)
                if (certexc_question_add_certificate(question, b->chain[i].data,
                                                     b->chain[i].size) < 0)
                        die("memory", "none left");
        return question;
}

/* -- a warm verdict beside the kernel's socket --------------------------------------------- */

static void start_ping(Bench *b) {
        char ping[PING_SIZE];
        int fds[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                die("socketpair", strerror(errno));
        pid = fork();
        if (pid < 0)
                die("fork", strerror(errno));
        if (pid == 0) {
                (void) close(fds[0]);
                while (read(fds[1], ping, sizeof(ping)) == sizeof(ping))
                        if (write(fds[1], ping, sizeof(ping)) != sizeof(ping))
                                break;
                _exit(EXIT_SUCCESS);
        }
        (void) close(fds[1]);
        b->ping_fd = fds[0];
}

static void ping(Bench *b) {
        char data[PING_SIZE] = "";
        double begin = now_usec();

        if (write(b->ping_fd, data, sizeof(data)) != sizeof(data) ||
            read(b->ping_fd, data, sizeof(data)) != sizeof(data))
                die("ping", "broken");
        sample(&b->theirs, begin);
}

static void ask(Bench *b, certexc_question *question) {
        certexc_answer *answer;
        double begin = now_usec();

        if (certexc_verify(b->client, question, &answer) < 0)
                die("verify", certexc_client_error(b->client));
        sample(&b->ours, begin);
        (void) certexc_answer_free(answer);
}

/* What is asked most: a chain that the person has allowed. */
static void bench_warm(Bench *b) {
        certexc_question *question = question_about(b, b->host);
        certexc_answer *answer;

        if (certexc_verify(b->client, question, &answer) < 0 ||
            certexc_add_exception(b->client, answer, 0, 0, NULL, NULL) < 0)
                die("allow", certexc_client_error(b->client));
        (void) certexc_answer_free(answer);
        start_ping(b);
        for (int round = 0; round < ROUNDS; round++) {
                for (int i = 0; i < QUESTIONS; i++)
                        ping(b);
                for (int i = 0; i < QUESTIONS; i++)
                        ask(b, question);
        }
        report(b, "warm verdict over the socket", "64 bytes there and back", 2.0);
        (void) certexc_question_free(question);
        (void) close(b->ping_fd);
        (void) wait(NULL);
}

/* -- a durable add beside a commit and a sync ---------------------------------------------- */

static void sql(Bench *b, const char *text) {
        if (sqlite3_exec(b->db, text, NULL, NULL, NULL) != SQLITE_OK)
                die(text, sqlite3_errmsg(b->db));
}

static void open_disk(Bench *b) {
        char path[4096];

        (void) snprintf(path, sizeof(path), "%s/bench.db", b->directory);
        if (sqlite3_open(path, &b->db) != SQLITE_OK)
                die(path, sqlite3_errmsg(b->db));
        sql(b, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB) STRICT;");
        (void) snprintf(path, sizeof(path), "%s/bench.log", b->directory);
        b->log_fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
        if (b->log_fd < 0)
                die(path, strerror(errno));
}

static void add(Bench *b) {
        certexc_answer *answer;
        certexc_question *question;
        char host[64];
        double begin;

        (void) snprintf(host, sizeof(host), "host-%u.example", b->n_added++);
        question = question_about(b, host);
        if (certexc_verify(b->client, question, &answer) < 0)
                die("verify", certexc_client_error(b->client));
        begin = now_usec();
        if (certexc_add_exception(b->client, answer, 0, 0, NULL, NULL) < 0)
                die("add", certexc_client_error(b->client));
        sample(&b->ours, begin);
        (void) certexc_answer_free(answer);
        (void) certexc_question_free(question);
}

static void commit(Bench *b) {
        char line[256];
        double begin = now_usec();

        sql(b, "INSERT INTO t (x) VALUES (randomblob(300))");
        memset(line, 'x', sizeof(line));
        if (write(b->log_fd, line, sizeof(line)) != sizeof(line) || fdatasync(b->log_fd) < 0)
                die("log", strerror(errno));
        sample(&b->theirs, begin);
}

static void bench_add(Bench *b) {
        open_disk(b);
        for (int round = 0; round < ROUNDS; round++) {
                for (int i = 0; i < ADDS; i++)
                        commit(b);
                for (int i = 0; i < ADDS; i++)
                        add(b);
        }
        report(b, "durable add", "one WAL/FULL commit, one fdatasync", 1.3);
        (void) sqlite3_close(b->db);
        (void) close(b->log_fd);
}

/* -- whole processes ----------------------------------------------------------------------- */

/* Runs a program that prints nowhere, and times it from fork to its end. */
static void process(Samples *samples, const char *const argv[]) {
        double begin = now_usec();
        int status, null;
        pid_t pid = fork();

        if (pid < 0)
                die("fork", strerror(errno));
        if (pid == 0) {
                null = open("/dev/null", O_RDWR);
                (void) dup2(null, STDOUT_FILENO);
                (void) execv(argv[0], (char *const *) argv);
                _exit(127);
        }
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 1)
                die(argv[0], "could not tell");
        sample(samples, begin);
}

static void bench_process(Bench *b) {
        char chain[4096], socket[4096];
        const char *ours[] = { b->program, socket, "check", b->host, chain, NULL };
        const char *theirs[] = { b->self, "gnutls", b->pem, b->host, NULL };

        (void) snprintf(chain, sizeof(chain), "--chain=%s", b->pem);
        (void) snprintf(socket, sizeof(socket), "--socket=%s", b->socket);
        for (int round = 0; round < ROUNDS; round++) {
                for (int i = 0; i < PROCESSES; i++)
                        process(&b->theirs, theirs);
                for (int i = 0; i < PROCESSES; i++)
                        process(&b->ours, ours);
        }
        report(b, "whole process certexc check --chain", "load the system's trust, verify", 0.3);
}

/* What every mail program does by itself: load the system's authorities, verify the chain. */
static int verify_alone(const char *pem_path, char *host) {
        char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
        gnutls_typed_vdata_st about[] = {
                { .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *) host },
                { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) purpose },
        };
        gnutls_datum_t pem = load_file(pem_path);
        gnutls_x509_trust_list_t list;
        gnutls_x509_crt_t *certificates;
        unsigned n = 0, status = 0;

        if (gnutls_x509_trust_list_init(&list, 0) < 0 ||
            gnutls_x509_trust_list_add_system_trust(list, 0, 0) <= 0 ||
            gnutls_x509_crt_list_import2(&certificates, &n, &pem, GNUTLS_X509_FMT_PEM, 0) < 0 ||
            gnutls_x509_trust_list_verify_crt2(list, certificates, n, about, N_ELEMENTS(about), 0,
                                               &status, NULL) < 0)
                die(pem_path, "cannot be verified");
        return status == 0 ? 0 : 3;
}

int main(int argc, char **argv) {
        Bench b = {};

        if (argc == 4 && strcmp(argv[1], "gnutls") == 0)
                return verify_alone(argv[2], argv[3]);
        if (argc != 6)
                die("usage", "bench SOCKET PEM HOST PROGRAM DIRECTORY");

        b = (Bench){ .socket = argv[1], .pem = argv[2], .host = argv[3], .program = argv[4],
                     .directory = argv[5], .self = "/proc/self/exe" };
        if (certexc_client_new(b.socket, &b.client) < 0)
                die(b.socket, "no client can be made for it");
        load_chain(&b);
        bench_warm(&b);
        bench_add(&b);
        bench_process(&b);
        return EXIT_SUCCESS;
}
