/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker that is started before anybody asks, so that the first who does need not wait until it runs.
 * It has heard nothing yet and so may become anybody's; after that it is nobody else's any more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/cleanup.h"
#include "daemon/reaper.h"

typedef struct SpareJudge SpareJudge;

/* A worker that judges by the block @authorities_fd: its process, and our end of its socket. 0 or -errno. */
int judge_spawn(int program_fd, int authorities_fd, Process *ret, int *ret_fd);

/* Starts one, which goes by itself when nobody wants it for @idle_usec. @reaper outlives it. 0 or -errno. */
int spare_judge_new(sd_event *event, Reaper *reaper, int program_fd, int authorities_fd,
                    uint64_t idle_usec, SpareJudge **ret);
SpareJudge *spare_judge_free(SpareJudge *spare);
DEFINE_CLEANUP(SpareJudge *, spare_judge_free)

/* Whether it is there still, and the block @authorities_fd is its own. */
bool spare_judge_is_of(const SpareJudge *spare, int authorities_fd);

/* Its process, 0 if it is gone. */
pid_t spare_judge_pid(const SpareJudge *spare);

/* Hands it over; then only spare_judge_free() is left. */
void spare_judge_take(SpareJudge *spare, Process *ret, int *ret_fd);
