/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking a responder: the program that speaks HTTP, its input and output, and its time. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/i18n.h"
#include "client/presented.h"
#include "client/responder.h"
#include "client/stream.h"

/* What it takes to end after its own time-out. */
#define GRACE_USEC (1000U * 1000U)

/* Of both ways of ending: an answer, or a sentence. */
typedef struct Exchange {
        uint8_t data[RESPONDER_ANSWER_MAX + 1];
        size_t size;
        char words[512];
        size_t n_words;
} Exchange;

static const char *program(void) {
        const char *given = secure_getenv("CERTEXC_OCSP_PROGRAM");

        return given && *given ? given : LIBEXECDIR "/certexc-ocsp";
}

/* Its standard input and output are one socket, its standard error another. */
static int start(const char *url, int talk_fd, int words_fd, pid_t *ret) {
        char *argv[] = { (char *) "certexc-ocsp", (char *) url, NULL };
        char *env[] = { (char *) "PATH=/usr/bin:/bin", (char *) "LC_ALL=C.UTF-8", NULL };
        posix_spawn_file_actions_t actions;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, talk_fd, STDIN_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, talk_fd, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, words_fd, STDERR_FILENO);
        if (r == 0)
                r = posix_spawn(ret, program(), &actions, NULL, argv, env);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* true while there may be more. */
static bool take(int fd, void *data, size_t max, size_t *size) {
        ssize_t n = recv(fd, (char *) data + *size, max - *size, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        *size += (size_t) n;
        return n > 0 && *size < max;
}

/* Until both have ended, or it is too late: 0 or -ETIMEDOUT. */
static int hear(Exchange *x, int talk_fd, int words_fd, uint64_t deadline) {
        struct pollfd fds[] = { { talk_fd, POLLIN, 0 }, { words_fd, POLLIN, 0 } };

        while (fds[0].fd >= 0 || fds[1].fd >= 0) {
                uint64_t now = stream_now();

                if (now >= deadline)
                        return -ETIMEDOUT;
                if (poll(fds, 2, (int) ((deadline - now) / 1000 + 1)) < 0 && errno != EINTR)
                        return -errno;
                if (fds[0].revents && !take(talk_fd, x->data, sizeof(x->data), &x->size))
                        fds[0].fd = -1;
                if (fds[1].revents &&
                    !take(words_fd, x->words, sizeof(x->words) - 1, &x->n_words))
                        fds[1].fd = -1;
        }
        return 0;
}

static int end(pid_t pid, bool kill_it) {
        int status = -1;

        if (kill_it)
                (void) kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int fail(char **ret_reason, const char *reason) {
        *ret_reason = strdup(reason);
        return *ret_reason ? -EIO : -ENOMEM;
}

/* The whole life of the program. */
static int run(const char *url, Blob request, Exchange *x, char **ret_reason) {
        _cleanup_fd_ int talk = -1, their_talk = -1, words = -1, their_words = -1;
        int pair[2], other[2], r, status;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(ret_reason, strerror(errno));
        talk = pair[0];
        their_talk = pair[1];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other) < 0)
                return fail(ret_reason, strerror(errno));
        words = other[0];
        their_words = other[1];

        /* It fits into the socket's buffer. */
        if (send(talk, request.data, request.size, MSG_NOSIGNAL) != (ssize_t) request.size ||
            shutdown(talk, SHUT_WR) < 0)
                return fail(ret_reason, strerror(errno));
        r = start(url, their_talk, their_words, &pid);
        if (r < 0)
                return fail(ret_reason, r == -ENOENT ? _("the program certexc-ocsp is not installed")
                                                     : strerror(-r));
        their_talk = close_fd(their_talk);
        their_words = close_fd(their_words);
        r = hear(x, talk, words, stream_now() + RESPONDER_TIMEOUT_MSEC * 1000U + GRACE_USEC);
        status = end(pid, r < 0);
        if (r < 0)
                return fail(ret_reason, _("it took too long"));
        x->words[strcspn(x->words, "\n")] = '\0';
        if (status != 0)
                return fail(ret_reason, *x->words ? x->words : _("the program that asks died"));
        return 0;
}

int responder_ask(const char *url, Blob request, uint8_t **ret, size_t *ret_size,
                  char **ret_reason) {
        _cleanup_free_ Exchange *x = calloc(1, sizeof(*x));
        uint8_t *copy;
        int r;

        if (!x)
                return -ENOMEM;
        r = run(url, request, x, ret_reason);
        if (r < 0)
                return r;
        if (x->size == 0)
                return fail(ret_reason, _("the answer is empty"));
        if (x->size > RESPONDER_ANSWER_MAX)
                return fail(ret_reason, _("the answer is larger than any"));
        if (!presented_is_element(x->data, x->size))
                return fail(ret_reason, _("what it answers is something else"));
        copy = malloc(x->size);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, x->data, x->size);
        *ret = copy;
        *ret_size = x->size;
        return 0;
}
