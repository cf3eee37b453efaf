/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting a judge, be it for a question or for whoever asks first. */
#include "config.h"

#include "daemon/judges-spare.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "daemon/judge.h"
#include "daemon/worker.h"

struct SpareJudge {
        Reaper *reaper;
        Process process;
        int fd;
        struct stat block; /* which one it has */
        sd_event_source *io;
        sd_event_source *timer;
};

int judge_spawn(int program_fd, int authorities_fd, Process *ret, int *ret_fd) {
        _cleanup_fd_ int ours = -1, theirs = -1;
        int r, pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = worker_spawn(program_fd, JUDGE_ROLE, NULL, theirs, authorities_fd, ret);
        if (r < 0)
                return r;
        *ret_fd = take_fd(&ours);
        return 0;
}

static void end(SpareJudge *spare) {
        spare->io = sd_event_source_disable_unref(spare->io);
        spare->timer = sd_event_source_disable_unref(spare->timer);
        spare->fd = close_fd(spare->fd);
        if (spare->process.pid > 0)
                reaper_end(spare->reaper, &spare->process);
}

/* It says nothing unasked: it has died, or lost its mind. */
static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        end(userdata);
        return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        end(userdata);
        return 0;
}

int spare_judge_new(sd_event *event, Reaper *reaper, int program_fd, int authorities_fd,
                    uint64_t idle_usec, SpareJudge **ret) {
        _cleanup_(spare_judge_freep) SpareJudge *spare = calloc(1, sizeof(*spare));
        int r;

        if (!spare)
                return -ENOMEM;
        spare->reaper = reaper;
        spare->process = (Process) PROCESS_INIT;
        spare->fd = -1;
        if (fstat(authorities_fd, &spare->block) < 0)
                return -errno;
        r = judge_spawn(program_fd, authorities_fd, &spare->process, &spare->fd);
        if (r == 0)
                r = sd_event_add_io(event, &spare->io, spare->fd, EPOLLIN, on_io, spare);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &spare->timer, CLOCK_MONOTONIC, idle_usec, 0,
                                               on_time, spare);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(spare);
        return 0;
}

SpareJudge *spare_judge_free(SpareJudge *spare) {
        if (!spare)
                return NULL;
        end(spare);
        free(spare);
        return NULL;
}

pid_t spare_judge_pid(const SpareJudge *spare) {
        return spare->process.pid;
}

bool spare_judge_is_of(const SpareJudge *spare, int authorities_fd) {
        struct stat st;

        return spare && spare->process.pid > 0 && fstat(authorities_fd, &st) == 0 &&
               st.st_dev == spare->block.st_dev && st.st_ino == spare->block.st_ino;
}

void spare_judge_take(SpareJudge *spare, Process *ret, int *ret_fd) {
        *ret = spare->process;
        spare->process = (Process) PROCESS_INIT;
        *ret_fd = take_fd(&spare->fd);
        end(spare);
}
