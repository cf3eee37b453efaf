/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What asks for a password at the terminal: when it is started, with what, and when it ends. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tty-agent.h"

/* In pkttyagent's place: notes what it was told, says that it is ready, and reads from the terminal. */
#define LISTENS "#!/bin/sh\necho \"$1 $3 $$\" >\"$0.said\"\neval \"exec $2>&-\"\nexec cat\n"
#define ENDS "#!/bin/sh\nexit 1\n"

static char directory[64], program[128], said[160];

static void write_program(const char *text) {
        FILE *file = fopen(program, "we");

        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(chmod(program, 0700), 0);
}

static void setup(void) {
        (void) strcpy(directory, "/tmp/certexc-agent-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(program, sizeof(program), "%s/agent", directory);
        (void) snprintf(said, sizeof(said), "%s.said", program);
}

static void teardown(void) {
        (void) unlink(said);
        (void) unlink(program);
        (void) rmdir(directory);
}

/* The pid that it noted, 0 if it did not say what it should have been told. */
static pid_t noted(void) {
        FILE *file = fopen(said, "re");
        int pid = 0, n;

        if (!file)
                return 0;
        n = fscanf(file, "--notify-fd --fallback %d", &pid);
        (void) fclose(file);
        return n == 1 ? pid : 0;
}

/* -- at a terminal, in a child --------------------------------------------------------------- */

static int listens(void) {
        TtyAgent *agent = tty_agent_new(program);
        pid_t pid = noted();
        bool lives = pid > 0 && kill(pid, 0) == 0;

        (void) tty_agent_free(agent);
        return agent && lives && kill(pid, 0) < 0 && errno == ESRCH ? 0 : 1;
}

static int ends(void) {
        _cleanup_(tty_agent_freep) TtyAgent *agent = tty_agent_new(program);

        return agent ? 0 : 1;
}

static int is_not_started(void) {
        return tty_agent_new(program) || noted() > 0 ? 1 : 0;
}

static int input_is_elsewhere(void) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && close(null) == 0 ? is_not_started() : 1;
}

static int output_is_elsewhere(void) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        return null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && close(null) == 0 ? listens() : 1;
}

static int is_killed(void) {
        static TtyAgent *agent;

        agent = tty_agent_new(program);
        return agent ? kill(getpid(), SIGKILL) : 1;
}

static const struct {
        const char *sentence, *program;
        int (*at_terminal)(void);
        int status;
} rows[] = {
        { "it is started, listens, and ends with us", LISTENS, listens, 0 },
        { "it is started also where output goes elsewhere", LISTENS, output_is_elsewhere, 0 },
        { "it is not started where input comes from elsewhere", LISTENS, input_is_elsewhere, 0 },
        { "one that is not there is not started", NULL, is_not_started, 0 },
        { "one that ends at once is not waited for", ENDS, ends, 0 },
        { "it does not outlive one that is killed", LISTENS, is_killed, SIGKILL },
};

START_TEST(at_a_terminal) {
        int terminal, status;
        char buffer[256];
        pid_t pid;

        if (rows[_i].program)
                write_program(rows[_i].program);
        pid = forkpty(&terminal, NULL, NULL, NULL);
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(rows[_i].at_terminal());
        /* Until nobody has the terminal open any more. */
        while (read(terminal, buffer, sizeof(buffer)) > 0)
                ;
        ck_assert_int_eq(errno, EIO);
        (void) close(terminal);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(status == rows[_i].status, "%s: %d", rows[_i].sentence, status);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("tty-agent");
        TCase *tcase = tcase_create("tty-agent");
        SRunner *runner;
        int failed;

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, at_a_terminal, 0, N_ELEMENTS(rows));
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
