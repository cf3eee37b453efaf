/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench SOCKET PEM HOST PROGRAM DIRECTORY CHAIN...: measures the daemon at SOCKET beside what it is compared
 * with, the two in turns, and prints medians and their ratio. PEM is a chain with problems that may
 * be allowed; PROGRAM is certexc; DIRECTORY is on the disk of the daemon's store. Each CHAIN is a server's
 * for all names of bench.example.org, an intermediate authority's and one's that the daemon believes.
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
#include <unistd.h>

#include "client/certexc.h"
#include "client/cleanup.h"
#include "tests/bench/samples.h"

#define ROUNDS 10
#define QUESTIONS 1000 /* in a round */
#define ADDS 40        /* in a round */
#define PROCESSES 6    /* in a round */
#define COLD 50        /* in a round */
#define CHAIN 3        /* certificates of a chain that is judged cold */
#define PORT 993
#define PING_SIZE 64

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

static void report(Bench *b, const char *ours, const char *theirs, double reach) {
        samples_report(&b->ours, ours, &b->theirs, theirs, reach);
}

/* -- certificates -------------------------------------------------------------------------- */

static gnutls_datum_t load_file(const char *path) {
        gnutls_datum_t data = {};

        if (gnutls_load_file(path, &data) < 0)
                bench_die(path, "cannot be read");
        return data;
}

static void load_chain(Bench *b, const char *path) {
        gnutls_datum_t pem = load_file(path);
        gnutls_x509_crt_t *certificates;

        if (gnutls_x509_crt_list_import2(&certificates, &b->n_chain, &pem, GNUTLS_X509_FMT_PEM,
                                         0) < 0)
                bench_die(path, "has no certificates");
        b->chain = calloc(b->n_chain, sizeof(*b->chain));
        if (!b->chain)
                bench_die("memory", "none left");
        for (unsigned i = 0; i < b->n_chain; i++) {
                if (gnutls_x509_crt_export2(certificates[i], GNUTLS_X509_FMT_DER, &b->chain[i]) < 0)
                        bench_die(path, "cannot be written as DER");
                gnutls_x509_crt_deinit(certificates[i]);
        }
        gnutls_free(certificates);
        gnutls_free(pem.data);
}

static void unload_chain(Bench *b) {
        for (unsigned i = 0; i < b->n_chain; i++)
                gnutls_free(b->chain[i].data);
        free(b->chain);
        b->chain = NULL;
        b->n_chain = 0;
}

static certexc_question *question_about(Bench *b, const char *host) {
        certexc_question *question;

        if (certexc_question_new(host, PORT, &question) < 0)
                bench_die(host, "is no host");
        for (unsigned i = 0; i < b->n_chain; i++)
                if (certexc_question_add_certificate(question, b->chain[i].data,
                                                     b->chain[i].size) < 0)
                        bench_die("memory", "none left");
        return question;
}

/* -- a warm verdict beside the kernel's socket --------------------------------------------- */

static void start_ping(Bench *b) {
        char ping[PING_SIZE];
        int fds[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                bench_die("socketpair", strerror(errno));
        pid = fork();
        if (pid < 0)
                bench_die("fork", strerror(errno));
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
        double begin = bench_now_usec();

        if (write(b->ping_fd, data, sizeof(data)) != sizeof(data) ||
            read(b->ping_fd, data, sizeof(data)) != sizeof(data))
                bench_die("ping", "broken");
        samples_add(&b->theirs, begin);
}

static void ask(Bench *b, certexc_question *question) {
        certexc_answer *answer;
        double begin = bench_now_usec();

        if (certexc_verify(b->client, question, &answer) < 0)
                bench_die("verify", certexc_client_error(b->client));
        samples_add(&b->ours, begin);
        (void) certexc_answer_free(answer);
}

/* What is asked most: a chain that the person has allowed. */
static void bench_warm(Bench *b) {
        certexc_question *question = question_about(b, b->host);
        certexc_answer *answer;

        if (certexc_verify(b->client, question, &answer) < 0 ||
            certexc_add_exception(b->client, answer, 0, 0, NULL, NULL) < 0)
                bench_die("allow", certexc_client_error(b->client));
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

/* -- a cold verdict beside the same verification in process --------------------------------- */

/* The authority that comes last in the chain, beside the system's. */
static gnutls_x509_trust_list_t trust_of(const Bench *b) {
        gnutls_x509_trust_list_t list;
        gnutls_x509_crt_t root;

        if (gnutls_x509_trust_list_init(&list, 0) < 0 ||
            gnutls_x509_trust_list_add_system_trust(list, 0, 0) < 0 ||
            gnutls_x509_crt_init(&root) < 0 ||
            gnutls_x509_crt_import(root, &b->chain[b->n_chain - 1], GNUTLS_X509_FMT_DER) < 0 ||
            gnutls_x509_trust_list_add_cas(list, &root, 1, 0) != 1)
                bench_die("trust", "cannot be loaded");
        return list;
}

static void verify_in_process(Bench *b, gnutls_x509_trust_list_t list, char *host) {
        char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
        gnutls_typed_vdata_st about[] = {
                { .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *) host },
                { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) purpose },
        };
        gnutls_x509_crt_t certificates[CHAIN];
        unsigned status = 0;
        double begin = bench_now_usec();

        for (unsigned i = 0; i < CHAIN; i++)
                if (gnutls_x509_crt_init(&certificates[i]) < 0 ||
                    gnutls_x509_crt_import(certificates[i], &b->chain[i], GNUTLS_X509_FMT_DER) < 0)
                        bench_die("chain", "cannot be read");
        if (gnutls_x509_trust_list_verify_crt2(list, certificates, CHAIN, about, N_ELEMENTS(about),
                                               0, &status, NULL) < 0 ||
            status != 0)
                bench_die(host, "is not verified");
        samples_add(&b->theirs, begin);
        for (unsigned i = 0; i < CHAIN; i++)
                gnutls_x509_crt_deinit(certificates[i]);
}

/* A host that was not asked about before: nothing is known of it. */
static void verify_cold(Bench *b, const char *host) {
        certexc_question *question = question_about(b, host);
        certexc_answer *answer;
        double begin = bench_now_usec();

        if (certexc_verify(b->client, question, &answer) < 0)
                bench_die("verify", certexc_client_error(b->client));
        samples_add(&b->ours, begin);
        if (certexc_answer_verdict(answer) != CERTEXC_ACCEPT)
                bench_die(host, "is not accepted");
        (void) certexc_answer_free(answer);
        (void) certexc_question_free(question);
}

static void bench_cold(Bench *b, const char *path) {
        const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        gnutls_x509_trust_list_t list;
        char host[64], title[64];

        load_chain(b, path);
        if (b->n_chain != CHAIN)
                bench_die(path, "has not three certificates");
        list = trust_of(b);
        for (int round = 0; round < ROUNDS; round++)
                for (int i = 0; i < COLD; i++) {
                        (void) snprintf(host, sizeof(host), "h%u.bench.example.org", b->n_added++);
                        verify_in_process(b, list, host);
                        verify_cold(b, host);
                }
        (void) snprintf(title, sizeof(title), "cold verdict, %.*s", (int) strcspn(name, "."), name);
        report(b, title, "GnuTLS in process", 1.35);
        gnutls_x509_trust_list_deinit(list, 1);
        unload_chain(b);
}

/* -- a durable add beside a commit and a sync ---------------------------------------------- */

static void sql(Bench *b, const char *text) {
        if (sqlite3_exec(b->db, text, NULL, NULL, NULL) != SQLITE_OK)
                bench_die(text, sqlite3_errmsg(b->db));
}

static void open_disk(Bench *b) {
        char path[4096];

        (void) snprintf(path, sizeof(path), "%s/bench.db", b->directory);
        if (sqlite3_open(path, &b->db) != SQLITE_OK)
                bench_die(path, sqlite3_errmsg(b->db));
        sql(b, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB) STRICT;");
        (void) snprintf(path, sizeof(path), "%s/bench.log", b->directory);
        b->log_fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
        if (b->log_fd < 0)
                bench_die(path, strerror(errno));
}

static void add(Bench *b) {
        certexc_answer *answer;
        certexc_question *question;
        char host[64];
        double begin;

        (void) snprintf(host, sizeof(host), "host-%u.example", b->n_added++);
        question = question_about(b, host);
        if (certexc_verify(b->client, question, &answer) < 0)
                bench_die("verify", certexc_client_error(b->client));
        begin = bench_now_usec();
        if (certexc_add_exception(b->client, answer, 0, 0, NULL, NULL) < 0)
                bench_die("add", certexc_client_error(b->client));
        samples_add(&b->ours, begin);
        (void) certexc_answer_free(answer);
        (void) certexc_question_free(question);
}

static void commit(Bench *b) {
        char line[256];
        double begin = bench_now_usec();

        sql(b, "INSERT INTO t (x) VALUES (randomblob(300))");
        memset(line, 'x', sizeof(line));
        if (write(b->log_fd, line, sizeof(line)) != sizeof(line) || fdatasync(b->log_fd) < 0)
                bench_die("log", strerror(errno));
        samples_add(&b->theirs, begin);
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
        double begin = bench_now_usec();
        int status, null;
        pid_t pid = fork();

        if (pid < 0)
                bench_die("fork", strerror(errno));
        if (pid == 0) {
                null = open("/dev/null", O_RDWR);
                (void) dup2(null, STDOUT_FILENO);
                (void) execv(argv[0], (char *const *) argv);
                _exit(127);
        }
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 1)
                bench_die(argv[0], "could not tell");
        samples_add(samples, begin);
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
                bench_die(pem_path, "cannot be verified");
        return status == 0 ? 0 : 3;
}

int main(int argc, char **argv) {
        Bench b = {};

        if (argc == 4 && strcmp(argv[1], "gnutls") == 0)
                return verify_alone(argv[2], argv[3]);
        if (argc < 6)
                bench_die("usage", "bench SOCKET PEM HOST PROGRAM DIRECTORY CHAIN...");

        b = (Bench){ .socket = argv[1], .pem = argv[2], .host = argv[3], .program = argv[4],
                     .directory = argv[5], .self = "/proc/self/exe" };
        if (certexc_client_new(b.socket, &b.client) < 0)
                bench_die(b.socket, "no client can be made for it");
        load_chain(&b, b.pem);
        bench_warm(&b);
        bench_add(&b);
        bench_process(&b);
        unload_chain(&b);
        for (int i = 6; i < argc; i++)
                bench_cold(&b, argv[i]);
        samples_done(&b.ours);
        samples_done(&b.theirs);
        return EXIT_SUCCESS;
}
