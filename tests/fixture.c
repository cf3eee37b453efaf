/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon for tests. */
#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/fixture.h"

#define ARGUMENTS_MAX 32U
#define REPLY_BYTES_MAX (64U * 1024U * 1024U)

static void __attribute__((noreturn)) _printf_(1, 2) give_up(const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void) vfprintf(stderr, format, args);
        va_end(args);
        (void) fputc('\n', stderr);
        abort();
}

/* -- the daemon -------------------------------------------------------------------------- */

static char *text_new(const char *a, const char *b) {
        char *text;

        if (asprintf(&text, "%s%s", a, b) < 0)
                give_up("Out of memory");
        return text;
}

Fixture *fixture_new(void) {
        const char *folder = getenv("TMPDIR");
        Fixture *f = calloc(1, sizeof(*f));

        if (!f)
                give_up("Out of memory");
        f->directory = text_new(folder ? folder : "/tmp", "/certexc-test-XXXXXX");
        if (!mkdtemp(f->directory) || chmod(f->directory, 0755) < 0)
                give_up("Cannot make %s: %m", f->directory);
        f->socket_path = text_new(f->directory, "/run/org.certexc1");
        f->how = (LaunchHow) LAUNCH_HOW_INIT;
        f->launch.pid_fd = f->launch.notify_fd = -1;
        return f;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
        return remove(path);
}

Fixture *fixture_free(Fixture *f) {
        if (!f)
                return NULL;
        launch_done(&f->launch);
        (void) nftw(f->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(f->directory);
        free(f->socket_path);
        free(f);
        return NULL;
}

const char *fixture_path(Fixture *f, const char *name) {
        static char paths[4][512];
        static unsigned next;
        char *path = paths[next++ % 4];

        (void) snprintf(path, sizeof(paths[0]), "%s/%s", f->directory, name);
        return path;
}

/* Words before the daemon's own, from CERTEXC_TEST_WRAPPER ("valgrind -q"). */
static size_t add_wrapper(const char **argv) {
        static char words[1024];
        const char *wrapper = getenv("CERTEXC_TEST_WRAPPER");
        char *rest = NULL;
        size_t n = 0;

        (void) snprintf(words, sizeof(words), "%s", wrapper ? wrapper : "");
        for (char *w = strtok_r(words, " ", &rest); w && n < 8; w = strtok_r(NULL, " ", &rest))
                argv[n++] = w;
        return n;
}

static void touch(const char *path) {
        FILE *file = fopen(path, "ae");

        if (!file || fclose(file) != 0)
                give_up("Cannot write %s: %m", path);
}

void fixture_launch(Fixture *f, const char *const *arguments) {
        const char *build = getenv("CERTEXC_BUILD_DIR"), *argv[ARGUMENTS_MAX] = { NULL };
        _cleanup_free_ char *program = text_new(build ? build : ".", "/certexcd");
        _cleanup_free_ char *state = text_new("--state-dir=", fixture_path(f, "state"));
        _cleanup_free_ char *socket_option = text_new("--socket=", f->socket_path);
        _cleanup_free_ char *conf = text_new("--conf-dir=", fixture_path(f, "conf"));
        _cleanup_free_ char *trust = text_new("--trust-file=", fixture_path(f, "authorities.pem"));
        bool user = arguments && arguments[0] && strcmp(arguments[0], "--user") == 0;
        size_t n = add_wrapper(argv);
        int r;

        touch(fixture_path(f, "authorities.pem"));
        argv[n++] = program;
        argv[n++] = user ? "--user" : "--system";
        if (!f->bus)
                argv[n++] = "--no-bus";
        argv[n++] = state;
        argv[n++] = socket_option;
        argv[n++] = conf;
        argv[n++] = trust;
        for (size_t i = user ? 1 : 0; arguments && arguments[i] && n < ARGUMENTS_MAX - 1; i++)
                argv[n++] = arguments[i];

        launch_done(&f->launch);
        r = launch_start(argv, &f->how, &f->launch);
        if (r < 0)
                give_up("Cannot start %s: %s", program, strerror(-r));
}

void fixture_start(Fixture *f, const char *const *arguments) {
        int r;

        fixture_launch(f, arguments);
        r = launch_wait(&f->launch, "READY=1", FIXTURE_WAIT_MSEC);
        if (r < 0)
                give_up("The daemon %s", r == -ECHILD ? "ended before it was ready"
                                                      : "was not ready in time");
}

int fixture_stop(Fixture *f) {
        int status;

        if (f->launch.pid <= 0)
                give_up("The daemon does not run");
        (void) kill(f->launch.pid, SIGTERM);
        status = launch_wait_end(&f->launch, FIXTURE_WAIT_MSEC);
        if (status < 0)
                give_up("The daemon does not stop");
        launch_done(&f->launch);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int fixture_as(uid_t uid, int (*run)(void *userdata), void *userdata) {
        int status = 0;
        pid_t pid;

        (void) fflush(NULL);
        pid = fork();
        if (pid < 0)
                give_up("Cannot fork: %m");
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
                    setresuid(uid, uid, uid) < 0)
                        _exit(126);
                _exit(run(userdata));
        }
        if (waitpid(pid, &status, 0) < 0)
                give_up("Cannot wait: %m");
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* -- raw clients ------------------------------------------------------------------------- */

int peer_try_new(const Fixture *f, Peer **ret) {
        _cleanup_(peer_freep) Peer *peer = calloc(1, sizeof(*peer));
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (!peer)
                give_up("Out of memory");
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket_path);
        peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (peer->fd < 0 || connect(peer->fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        *ret = TAKE_PTR(peer);
        return 0;
}

Peer *peer_new(const Fixture *f) {
        Peer *peer = NULL;
        int r = peer_try_new(f, &peer);

        if (r < 0)
                give_up("Cannot connect to %s: %s", f->socket_path, strerror(-r));
        return peer;
}

Peer *peer_free(Peer *peer) {
        if (!peer)
                return NULL;
        (void) close_fd(peer->fd);
        varlink_buffer_done(&peer->buffer);
        free(peer);
        return NULL;
}

bool peer_send_bytes(Peer *peer, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = send(peer->fd, p, size, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                p += n;
                size -= (size_t) n;
        }
        return true;
}

bool peer_send(Peer *peer, const char *text) {
        return peer_send_bytes(peer, text, strlen(text) + 1);
}

/* Waits for bytes. 1, 0 when nothing came, -1 when the daemon hung up. */
static int peer_fill(Peer *peer, int timeout_msec) {
        struct pollfd fd = { .fd = peer->fd, .events = POLLIN };
        char chunk[65536];
        ssize_t n;

        if (poll(&fd, 1, timeout_msec) <= 0)
                return 0;
        n = recv(peer->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
        if (n <= 0)
                return -1;
        if (varlink_buffer_append(&peer->buffer, chunk, (size_t) n, REPLY_BYTES_MAX) < 0)
                give_up("The reply is endless");
        return 1;
}

char *peer_read(Peer *peer, int timeout_msec) {
        Blob text;

        while (varlink_buffer_take(&peer->buffer, &text) == 0)
                if (peer_fill(peer, timeout_msec) <= 0)
                        return NULL;
        return strndup((const char *) text.data, text.size);
}

struct json_object *peer_reply(Peer *peer, int timeout_msec) {
        _cleanup_free_ char *text = peer_read(peer, timeout_msec);
        struct json_object *reply = NULL;
        VarlinkFault fault;

        if (text &&
            varlink_parse((Blob){ (const uint8_t *) text, strlen(text) }, &reply, &fault) < 0)
                give_up("The daemon's reply is malformed: %s", text);
        return reply;
}

struct json_object *peer_call(Peer *peer, const char *text) {
        return peer_send(peer, text) ? peer_reply(peer, FIXTURE_WAIT_MSEC) : NULL;
}

bool peer_is_closed(Peer *peer, int timeout_msec) {
        int r;

        do
                r = peer_fill(peer, timeout_msec);
        while (r > 0);
        return r < 0;
}

const char *reply_error(struct json_object *reply) {
        struct json_object *error;

        if (!reply)
                return "(nothing)";
        return json_object_object_get_ex(reply, "error", &error) ? json_object_get_string(error)
                                                                 : "";
}

struct json_object *reply_field(struct json_object *reply, const char *name) {
        struct json_object *parameters, *field;

        if (!reply || !json_object_object_get_ex(reply, "parameters", &parameters) ||
            !json_object_object_get_ex(parameters, name, &field))
                return NULL;
        return field;
}
