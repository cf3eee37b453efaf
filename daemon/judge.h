/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judge: the worker process's whole life, from its sandbox to the last question. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "daemon/problems.h"

/* The daemon's program runs itself again with this as argv[1]; see worker_dispatch(). */
#define JUDGE_ROLE "--worker=judge"

/* Descriptors that a judge starts with. */
#define JUDGE_SOCKET_FD 3
#define JUDGE_AUTHORITIES_FD 4

/* Enters the sandbox, answers questions until the socket is closed. Returns the exit status. */
int judge_run(void);

/* Questions as bytes for the way from the daemon to the judge, and back; like facts_write(). What
 * was read points into the bytes. */
typedef struct QuestionBytes QuestionBytes;

/* -EINVAL for a question that is above one of the bounds in limits.h. */
int question_write(const Question *question, uint8_t **ret, size_t *ret_size);
int question_read(Blob bytes, QuestionBytes **ret);
const Question *question_get(const QuestionBytes *q);
QuestionBytes *question_free(QuestionBytes *q);
DEFINE_CLEANUP(QuestionBytes *, question_free)

/* What the daemon knows of an answer before it comes. */
typedef struct Expected {
        bool has_leaf;
        uint8_t leaf_sha256[SHA256_SIZE];
        int64_t now;
} Expected;

/* 0 or -EIO. */
int question_expect(const Question *question, Expected *ret);

/* facts_read() for what a judge says, held against what it was asked: which certificate it judged,
 * and for when, is never its word. Returns 0, -EBADMSG, -ENOMEM. */
int answer_read(Blob bytes, const Expected *expected, Facts **ret);
