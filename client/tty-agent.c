/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pkttyagent, from its start to its end. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tty-agent.h"

/* polkit itself may have to be started first. */
#define READY_MSEC 25000

struct TtyAgent {
        pid_t pid;
};

/* In the child: what it asks it writes to the terminal itself, and what else it says is not ours to
 * print. */
static void become_agent(const char *program, int ready_fd, pid_t parent) {
        char number[16];
        int null;

        /* Who is killed leaves nobody behind that reads from the terminal. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
            fcntl(ready_fd, F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);
        (void) snprintf(number, sizeof(number), "%d", ready_fd);
        (void) execl(program, program, "--notify-fd", number, "--fallback", (char *) NULL);
        _exit(EXIT_FAILURE);
}

/* It closes its end when polkit knows it, and when it ends. */
static void wait_until_ready(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        while (poll(&p, 1, READY_MSEC) < 0 && errno == EINTR)
                ;
}

TtyAgent *tty_agent_new(const char *program) {
        _cleanup_fd_ int ready = -1, theirs = -1;
        _cleanup_(tty_agent_freep) TtyAgent *agent = NULL;
        pid_t parent = getpid();
        int pair[2];

        /* It is about input: what certexc prints may go anywhere. */
        if (!isatty(STDIN_FILENO) || access(program, X_OK) < 0)
                return NULL;
        agent = calloc(1, sizeof(*agent));
        if (!agent || pipe2(pair, O_CLOEXEC) < 0)
                return NULL;
        ready = pair[0];
        theirs = pair[1];
        agent->pid = fork();
        if (agent->pid == 0)
                become_agent(program, theirs, parent);
        if (agent->pid < 0)
                return NULL;
        theirs = close_fd(theirs);
        wait_until_ready(ready);
        return TAKE_PTR(agent);
}

TtyAgent *tty_agent_free(TtyAgent *agent) {
        if (!agent)
                return NULL;
        if (agent->pid > 0) {
                (void) kill(agent->pid, SIGTERM);
                (void) kill(agent->pid, SIGCONT);
                while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        free(agent);
        return NULL;
}
