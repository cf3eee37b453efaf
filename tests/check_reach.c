/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which socket the library takes, and what it does when nobody or somebody else serves it. */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/library.h"

static int ask(certexc_client *client, certexc_answer **ret) {
        _cleanup_(certexc_question_freep) certexc_question *question = NULL;

        ck_assert_int_eq(certexc_question_new("imap.example.org", 993, &question), 0);
        return certexc_verify(client, question, ret);
}

static void expect_unreachable(const char *path, int error, const char *sentence) {
        _cleanup_(certexc_client_freep) certexc_client *client = NULL;
        certexc_answer *answer = NULL;

        ck_assert_int_eq(certexc_client_new(path, &client), 0);
        ck_assert_int_eq(ask(client, &answer), error);
        ck_assert_ptr_null(answer);
        ck_assert_int_eq(certexc_answer_verdict(answer), CERTEXC_PROMPT);
        ck_assert_msg(strstr(certexc_client_error(client), sentence), "%s",
                      certexc_client_error(client));
        ck_assert_msg(strstr(certexc_client_error(client), path), "%s",
                      certexc_client_error(client));
}

/* A socket that @uid bound and, with @listening, serves until it is killed. 0 or the child. */
static pid_t serve(const char *path, uid_t uid, bool listening) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int ready[2];
        char byte;
        pid_t pid;

        ck_assert_int_eq(pipe(ready), 0);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        pid = fork();
        if (pid == 0) {
                int fd;

                if (uid != getuid() && setuid(uid) < 0)
                        _exit(1);
                fd = socket(AF_UNIX, SOCK_STREAM, 0);
                if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
                    (listening && listen(fd, 8) < 0) || write(ready[1], "x", 1) != 1)
                        _exit(1);
                if (listening)
                        (void) pause();
                _exit(0);
        }
        (void) close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        (void) close(ready[0]);
        if (listening)
                return pid;
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        return 0;
}

START_TEST(a_daemon_that_is_not_there_accepts_nothing) {
        char directory[] = "/tmp/certexc-library-XXXXXX", path[64], longer[256] = "/tmp/";

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/socket", directory);
        expect_unreachable(path, -ENOTCONN, "there is no socket");
        (void) serve(path, getuid(), false);
        expect_unreachable(path, -ENOTCONN, "nobody listens");
        memset(longer + 5, 'a', 200);
        expect_unreachable(longer, -ENOTCONN, "File name too long");
        (void) unlink(path);
        (void) rmdir(directory);
}
END_TEST

/* Server and client, and what is said of it; uid 65534 is what the kernel shows of any stranger. */
static const struct {
        uid_t server, client;
        const char *sentence;
} forged[] = {
        { 54321, 0, "uid 54321" },
        { 54321, 65534, "uid 54321" },
        { 65534, 0, "cannot be seen who serves" },
        { 65534, 65534, "cannot be seen who serves" },
};

START_TEST(a_forged_server_socket_is_refused) {
        char directory[] = "/tmp/certexc-library-XXXXXX", path[64];
        pid_t pid;

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be another uid\n");
                return;
        }
        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_eq(chmod(directory, 0777), 0);
        (void) snprintf(path, sizeof(path), "%s/socket", directory);
        pid = serve(path, forged[_i].server, true);
        ck_assert_int_eq(chmod(path, 0666), 0);
        ck_assert_int_eq(seteuid(forged[_i].client), 0);
        expect_unreachable(path, -EPERM, forged[_i].sentence);
        ck_assert_int_eq(seteuid(0), 0);
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        (void) unlink(path);
        (void) rmdir(directory);
}
END_TEST

/* Connections that nobody takes, until no more fit. */
static void fill_backlog(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int r;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        do {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

                r = connect(fd, (struct sockaddr *) &address, sizeof(address));
        } while (r == 0);
        ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(a_daemon_that_hangs_is_not_waited_for) {
        char directory[] = "/tmp/certexc-library-XXXXXX", path[64];
        _cleanup_(certexc_client_freep) certexc_client *client = NULL;
        certexc_answer *answer = NULL;
        pid_t pid;

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/socket", directory);
        pid = serve(path, getuid(), true);
        ck_assert_int_eq(certexc_client_new(path, &client), 0);
        certexc_client_set_timeout(client, 50);
        ck_assert_int_eq(ask(client, &answer), -ETIMEDOUT);
        ck_assert_ptr_nonnull(strstr(certexc_client_error(client), "within 50 ms"));
        fill_backlog(path);
        ck_assert_int_eq(ask(client, &answer), -ETIMEDOUT);
        ck_assert_ptr_nonnull(strstr(certexc_client_error(client), "too busy"));
        ck_assert_ptr_null(answer);
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        (void) unlink(path);
        (void) rmdir(directory);
}
END_TEST

static void expect_socket(const char *given, const char *expected) {
        _cleanup_(certexc_client_freep) certexc_client *client = NULL;

        ck_assert_int_eq(certexc_client_new(given, &client), 0);
        ck_assert_str_eq(certexc_client_socket(client), expected);
}

START_TEST(the_socket_is_looked_for_in_order) {
        char directory[] = "/tmp/certexc-library-XXXXXX", folder[64], path[96];

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(folder, sizeof(folder), "%s/certexc", directory);
        (void) snprintf(path, sizeof(path), "%s/org.certexc1", folder);
        (void) unsetenv("CERTEXC_SOCKET");
        (void) unsetenv("XDG_RUNTIME_DIR");
        expect_socket(NULL, "/run/certexc/org.certexc1");
        (void) setenv("XDG_RUNTIME_DIR", directory, 1);
        expect_socket(NULL, "/run/certexc/org.certexc1");

        ck_assert_int_eq(mkdir(folder, 0700), 0);
        (void) serve(path, getuid(), false);
        expect_socket(NULL, path);
        (void) setenv("CERTEXC_SOCKET", "/nowhere", 1);
        expect_socket(NULL, "/nowhere");
        expect_socket("/elsewhere", "/elsewhere");
        (void) setenv("CERTEXC_SOCKET", "", 1);
        expect_socket(NULL, path);
        (void) unlink(path);
        (void) rmdir(folder);
        (void) rmdir(directory);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("reach");
        TCase *tcase = tcase_create("reach");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, a_daemon_that_is_not_there_accepts_nothing);
        tcase_add_test(tcase, a_daemon_that_hangs_is_not_waited_for);
        tcase_add_loop_test(tcase, a_forged_server_socket_is_refused, 0, N_ELEMENTS(forged));
        tcase_add_test(tcase, the_socket_is_looked_for_in_order);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
