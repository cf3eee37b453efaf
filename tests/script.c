/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scripted server. */
#include "config.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "tests/script.h"

#define CALLS_MAX 16U
#define CALL_BYTES_MAX 65536U
#define CONNECTIONS_MAX 16U

struct Script {
        const Step *steps;
        size_t n_steps;
        char directory[64];
        char path[80];
        int listener;
        int connections[CONNECTIONS_MAX];
        size_t n_connections;
        pthread_t thread;
        pthread_mutex_t lock;
        char *calls[CALLS_MAX];
        size_t n_calls;
};

/* The present connection, or the next one; -1 once the script is being freed. */
static int take_connection(Script *s, bool *again) {
        int fd;

        if (*again && s->n_connections > 0)
                return s->connections[s->n_connections - 1];
        fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                return -1;
        assert(s->n_connections < CONNECTIONS_MAX);
        s->connections[s->n_connections++] = fd;
        *again = true;
        return fd;
}

static void note_call(Script *s, const char *text) {
        char *copy = strdup(text);

        assert(copy);
        (void) pthread_mutex_lock(&s->lock);
        assert(s->n_calls < CALLS_MAX);
        s->calls[s->n_calls++] = copy;
        (void) pthread_mutex_unlock(&s->lock);
}

/* Reads one message; false at the end of the connection. */
static bool read_call(Script *s, int fd) {
        _cleanup_free_ char *text = malloc(CALL_BYTES_MAX);
        size_t size = 0;

        assert(text);
        do {
                ssize_t n = read(fd, text + size, CALL_BYTES_MAX - size);

                if (n <= 0)
                        return false;
                size += (size_t) n;
        } while (text[size - 1] != '\0');
        note_call(s, text);
        return true;
}

static void *play(void *data) {
        Script *s = data;
        bool again = false;

        for (size_t i = 0; i < s->n_steps; i++) {
                const Step *step = &s->steps[i];
                int fd = take_connection(s, &again);

                if (fd < 0)
                        return NULL;
                /* A client that connects anew ends the connection before. */
                while (step->kind != STEP_HANG_UP && !read_call(s, fd)) {
                        again = false;
                        fd = take_connection(s, &again);
                        if (fd < 0)
                                return NULL;
                }
                if (step->kind == STEP_REPLY)
                        (void) send(fd, step->reply, strlen(step->reply) + 1, MSG_NOSIGNAL);
                else if (step->kind != STEP_SILENT)
                        (void) shutdown(fd, SHUT_RDWR);
                again = step->kind == STEP_REPLY;
        }
        return NULL;
}

Script *script_new(const Step *steps, size_t n) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Script *s = calloc(1, sizeof(*s));
        int r;

        assert(s);
        s->steps = steps;
        s->n_steps = n;
        (void) strcpy(s->directory, "/tmp/certexc-script-XXXXXX");
        if (!mkdtemp(s->directory))
                abort();
        (void) snprintf(s->path, sizeof(s->path), "%s/socket", s->directory);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);

        s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r = bind(s->listener, (struct sockaddr *) &address, sizeof(address));
        if (r < 0 || listen(s->listener, 8) < 0)
                abort();
        (void) pthread_mutex_init(&s->lock, NULL);
        if (pthread_create(&s->thread, NULL, play, s) != 0)
                abort();
        return s;
}

void script_free(Script *s) {
        (void) shutdown(s->listener, SHUT_RDWR);
        for (size_t i = 0; i < s->n_connections; i++)
                (void) shutdown(s->connections[i], SHUT_RDWR);
        (void) pthread_join(s->thread, NULL);
        for (size_t i = 0; i < s->n_connections; i++)
                (void) close(s->connections[i]);
        for (size_t i = 0; i < s->n_calls; i++)
                free(s->calls[i]);
        (void) close(s->listener);
        (void) unlink(s->path);
        (void) rmdir(s->directory);
        (void) pthread_mutex_destroy(&s->lock);
        free(s);
}

const char *script_path(const Script *s) {
        return s->path;
}

size_t script_n_calls(const Script *s) {
        size_t n;

        (void) pthread_mutex_lock((pthread_mutex_t *) &s->lock);
        n = s->n_calls;
        (void) pthread_mutex_unlock((pthread_mutex_t *) &s->lock);
        return n;
}

const char *script_call(const Script *s, size_t i) {
        return i < script_n_calls(s) ? s->calls[i] : "";
}
