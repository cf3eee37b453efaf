/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon CERTEXCD DIRECTORY PEM: the daemon from exec to its first verdict with many exceptions,
 * beside the same program that only says its version, and the memory that it has after many
 * verdicts. PEM is a chain with problems; DIRECTORY is the caller's to remove.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/certexc.h"
#include "client/cleanup.h"
#include "tests/bench/samples.h"
#include "tests/crowd.h"
#include "tests/launch.h"

#define EXCEPTIONS 10000U
#define OWNERS     10U
#define STARTS     15U
#define FEW_ASKED  10000U
#define MANY_ASKED 100000U
#define WAIT_MSEC  60000

/* What the first verdict may take longer, in microseconds. */
#define START_MORE_USEC 10000.0
/* What daemon and judge may have, in KiB. */
#define MEMORY_KIB 6144UL

typedef struct Daemon {
        const char *program;
        char state[4096], socket[4096], conf[4096];
        gnutls_datum_t der;
        Launch launch;
        certexc_client *client;
} Daemon;

static void start(Daemon *d) {
        const char *argv[] = { d->program, "--user", "--no-bus", d->state, d->socket, d->conf, NULL };
        LaunchHow how = LAUNCH_HOW_INIT;

        how.quiet = true;
        if (launch_start(argv, &how, &d->launch) < 0 ||
            launch_wait(&d->launch, "READY=1", WAIT_MSEC) < 0)
                bench_die(d->program, "does not start");
}

static void stop(Daemon *d) {
        (void) kill(d->launch.pid, SIGTERM);
        if (launch_wait_end(&d->launch, WAIT_MSEC) != 0)
                bench_die(d->program, "does not stop");
        launch_done(&d->launch);
}

static void ask(Daemon *d, unsigned i) {
        certexc_question *question;
        certexc_answer *answer;
        char host[64];

        (void) snprintf(host, sizeof(host), CROWD_HOST, 1 + i % (EXCEPTIONS / OWNERS));
        if (certexc_question_new(host, CROWD_PORT, &question) < 0 ||
            certexc_question_add_certificate(question, d->der.data, d->der.size) < 0 ||
            certexc_verify(d->client, question, &answer) < 0)
                bench_die(host, certexc_client_error(d->client));
        (void) certexc_answer_free(answer);
        (void) certexc_question_free(question);
}

/* -- from exec to the first verdict --------------------------------------------------------- */

static void time_start(Daemon *d, Samples *samples) {
        double begin = bench_now_usec();

        start(d);
        ask(d, 0);
        samples_add(samples, begin);
        stop(d);
}

static void time_version(const Daemon *d, Samples *samples) {
        const char *argv[] = { d->program, "--version", NULL };
        double begin = bench_now_usec();
        pid_t pid = fork();
        int status;

        if (pid < 0)
                bench_die("fork", strerror(errno));
        if (pid == 0) {
                (void) dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
                (void) execv(argv[0], (char *const *) argv);
                _exit(127);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0)
                bench_die(d->program, "does not say its version");
        samples_add(samples, begin);
}

static void bench_start(Daemon *d) {
        Samples ours = { 0 }, theirs = { 0 };
        double x, y;

        for (unsigned i = 0; i < STARTS; i++) {
                time_version(d, &theirs);
                time_start(d, &ours);
        }
        x = samples_median(&ours);
        y = samples_median(&theirs);
        printf("%-36s %9.1f us\n  %-34s %9.1f us\n  %.1f ms more, to reach %.1f: %s\n",
               "exec to verdict, 10000 exceptions", x, "exec to --version", y, (x - y) / 1000,
               START_MORE_USEC / 1000, x - y <= START_MORE_USEC ? "reached" : "missed");
        (void) fflush(stdout);
        samples_done(&ours);
        samples_done(&theirs);
}

/* -- memory ---------------------------------------------------------------------------------- */

/* Anonymous memory of one process, in KiB. */
static unsigned long anonymous_of(long pid) {
        char path[64], line[128];
        unsigned long kib = 0;
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
        file = fopen(path, "re");
        if (!file)
                bench_die(path, strerror(errno));
        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "Anonymous: %lu kB", &kib) == 1)
                        break;
        (void) fclose(file);
        return kib;
}

/* Of the daemon and its children, which are the judge of the one who asks and the importer. */
static unsigned long memory(const Daemon *d) {
        unsigned long kib = anonymous_of(d->launch.pid);
        char path[64];
        long child;
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long) d->launch.pid,
                        (long) d->launch.pid);
        file = fopen(path, "re");
        if (!file)
                bench_die(path, strerror(errno));
        while (fscanf(file, "%ld", &child) == 1)
                kib += anonymous_of(child);
        (void) fclose(file);
        return kib;
}

static void bench_memory(Daemon *d) {
        unsigned long few, many;

        start(d);
        for (unsigned i = 0; i < FEW_ASKED; i++)
                ask(d, i);
        few = memory(d);
        for (unsigned i = FEW_ASKED; i < MANY_ASKED; i++)
                ask(d, i);
        many = memory(d);
        printf("memory after %u verdicts, after %u: %lu KiB, %lu KiB; to reach %lu: %s\n", FEW_ASKED,
               MANY_ASKED, few, many, MEMORY_KIB, many <= MEMORY_KIB ? "reached" : "missed");
        stop(d);
}

/* -------------------------------------------------------------------------------------------- */

static void load_der(Daemon *d, const char *path) {
        gnutls_datum_t pem;

        if (gnutls_load_file(path, &pem) < 0 ||
            gnutls_pem_base64_decode2("CERTIFICATE", &pem, &d->der) < 0)
                bench_die(path, "is no certificate");
        gnutls_free(pem.data);
}

/* The first start makes the database. */
static void fill(Daemon *d) {
        const char *path = strchr(d->state, '=') + 1;
        _cleanup_fd_ int fd = -1;

        if (mkdir(path, 0700) < 0 || (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                bench_die(path, "cannot be made");
        if (crowd_write(fd, geteuid(), OWNERS, EXCEPTIONS / OWNERS) < 0)
                bench_die(path, "takes no journal");
        start(d);
        ask(d, 0);
        stop(d);
}

int main(int argc, char **argv) {
        Daemon d = { 0 };

        if (argc != 4)
                bench_die("usage", "daemon CERTEXCD DIRECTORY PEM");
        d.program = argv[1];
        (void) snprintf(d.state, sizeof(d.state), "--state-dir=%s/state", argv[2]);
        (void) snprintf(d.conf, sizeof(d.conf), "--conf-dir=%s/conf", argv[2]);
        (void) snprintf(d.socket, sizeof(d.socket), "--socket=%s/socket", argv[2]);
        if (certexc_client_new(strchr(d.socket, '=') + 1, &d.client) < 0)
                bench_die(d.socket, "no client can be made for it");
        load_der(&d, argv[3]);
        fill(&d);
        bench_start(&d);
        bench_memory(&d);
        (void) certexc_client_free(d.client);
        gnutls_free(d.der.data);
        return EXIT_SUCCESS;
}
