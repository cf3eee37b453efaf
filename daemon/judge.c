/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judge: a process that answers questions about chains and can do nothing else. */
#include "config.h"

#include "daemon/judge.h"

#include <gnutls/gnutls.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>

#include "daemon/authorities.h"
#include "daemon/frames.h"
#include "daemon/limits.h"
#include "daemon/sandbox.h"

/* -- one question --------------------------------------------------------------------------- */

#ifdef CERTEXC_TESTING
/* Faults on purpose, by the leaf's common name. */
static void obey_test_certificate(const Facts *facts) {
        if (!facts->leaf)
                return;

        if (strstr(facts->leaf->subject, "CN=certexc-test-crash"))
                abort();
        if (strstr(facts->leaf->subject, "CN=certexc-test-spin"))
                for (volatile bool forever = true; forever;)
                        ;
}

static unsigned cpu_msec(void) {
        const char *text = getenv("CERTEXC_TEST_JUDGE_CPU_MSEC");

        return text ? (unsigned) strtoul(text, NULL, 10) : JUDGE_CPU_SEC * 1000U;
}
#else
static void obey_test_certificate(const Facts *facts) {
}

static unsigned cpu_msec(void) {
        return JUDGE_CPU_SEC * 1000U;
}
#endif

/* Starts the count of processor time; when it is used up the kernel ends the process. 0: stops. */
static int limit_cpu(unsigned msec) {
        const struct itimerval timer = {
                .it_value = { .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000 },
        };

        return setitimer(ITIMER_PROF, &timer, NULL) < 0 ? -errno : 0;
}

static int judge_question(Blob bytes, const Authorities *authorities, unsigned msec,
                          uint8_t **ret, size_t *ret_size) {
        _cleanup_(question_freep) QuestionBytes *question = NULL;
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        Question asked;
        int r;

        r = limit_cpu(msec);
        if (r < 0)
                return r;

        r = question_read(bytes, &question);
        if (r < 0)
                return r;
        asked = *question_get(question);
        asked.blocked = authorities_blocked(authorities);
        asked.lists = authorities_lists(authorities);
        r = problems_find(&asked, authorities, &facts);
        if (r < 0)
                return r;
        obey_test_certificate(facts);
        r = facts_write(facts, ret, ret_size);
        if (r < 0)
                return r;

        return limit_cpu(0);
}

/* -- the whole life ------------------------------------------------------------------------- */

/* An answer that cannot be had ends the judge: its owner's next question gets a fresh one. */
static int answer_questions(Frames *frames, const Authorities *authorities) {
        unsigned msec = cpu_msec();
        int r;

        for (;;) {
                uint8_t *answer = NULL;
                size_t size = 0;
                Blob bytes;

                r = frames_receive(frames, &bytes);
                if (r < 0)
                        return r == -EPIPE ? 0 : r;
                r = judge_question(bytes, authorities, msec, &answer, &size);
                if (r < 0)
                        return r;
                r = frames_send(frames, answer, size);
                if (r < 0)
                        return r;
        }
}

/* Makes the libraries open and set up what they do on first use, while that is still possible. */
static int warm_up(void) {
        uint8_t digest[SHA256_SIZE];

        /* One heap is enough; to make a second one the C library would look at the processors. */
        (void) mallopt(M_ARENA_MAX, 1);
        (void) mallopt(M_TRIM_THRESHOLD, 1024 * 1024);

        /* Even the conversion of UTC reads the time zone first. */
        if (setenv("TZ", "UTC0", 1) < 0)
                return -ENOMEM;
        tzset();

        if (gnutls_global_init() < 0)
                return -EIO;
        return sha256("", 0, digest);
}

int judge_run(void) {
        _cleanup_(authorities_freep) Authorities *authorities = NULL;
        _cleanup_(frames_done) Frames frames = FRAMES_INIT;
        int r;

        frames.fd = JUDGE_SOCKET_FD;
        frames.max = QUESTION_BYTES_MAX;
        (void) prctl(PR_SET_NAME, "certexcd-judge", 0, 0, 0);

        r = authorities_open(JUDGE_AUTHORITIES_FD, &authorities);
        if (r < 0)
                return EXIT_FAILURE;
        (void) close(JUDGE_AUTHORITIES_FD);

        r = warm_up();
        if (r < 0)
                return EXIT_FAILURE;
        r = sandbox_enter_judge();
        if (r < 0)
                return EXIT_FAILURE;
        return answer_questions(&frames, authorities) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
