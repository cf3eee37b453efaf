/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what, and how a caller is known. */
#include "config.h"

#include <check.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "client/cleanup.h"
#include "daemon/access.h"
#include "daemon/decision.h"

static const struct {
        const char *sentence;
        uid_t uid;
        bool overflow;
        AccessKind kind;
        int64_t owner;
        int expected;
} rows[] = {
        { "one asks for oneself", 1000, false, ACCESS_ASK, 1000, 0 },
        { "one reads one's own", 1000, false, ACCESS_READ, 1000, 0 },
        { "one writes one's own", 1000, false, ACCESS_WRITE, 1000, 0 },
        { "nobody asks for another", 1000, false, ACCESS_ASK, 1001, -EACCES },
        { "nobody reads another's", 1000, false, ACCESS_READ, 1001, -EACCES },
        { "nobody writes another's", 1000, false, ACCESS_WRITE, 1001, -EACCES },
        { "nobody reads root's", 1000, false, ACCESS_READ, 0, -EACCES },
        { "nobody writes the system's", 1000, false, ACCESS_WRITE, OWNER_SYSTEM, -EACCES },
        { "nobody reads the system's", 1000, false, ACCESS_READ, OWNER_SYSTEM, -EACCES },
        { "root asks for another", 0, false, ACCESS_ASK, 1000, 0 },
        { "root reads another's", 0, false, ACCESS_READ, 1000, 0 },
        { "root writes another's", 0, false, ACCESS_WRITE, 1000, 0 },
        { "root writes the system's", 0, false, ACCESS_WRITE, OWNER_SYSTEM, 0 },
        { "root writes its own", 0, false, ACCESS_WRITE, 0, 0 },
        { "the overflow uid may ask", 65534, true, ACCESS_ASK, 65534, 0 },
        { "the overflow uid reads nothing", 65534, true, ACCESS_READ, 65534, -EACCES },
        { "the overflow uid writes nothing", 65534, true, ACCESS_WRITE, 65534, -EACCES },
        { "the overflow uid asks for nobody else", 65534, true, ACCESS_ASK, 1000, -EACCES },
        { "root writes nothing for the overflow uid", 0, false, ACCESS_WRITE, 65534, -EACCES },
        { "root looks after the store", 0, false, ACCESS_MANAGE, 0, 0 },
        { "nobody else looks after the store", 1000, false, ACCESS_MANAGE, 1000, -EACCES },
        { "the overflow uid does not look after the store", 65534, true, ACCESS_MANAGE, 65534,
          -EACCES },
        { "one is one's own agent", 1000, false, ACCESS_AGENT, 1000, 0 },
        { "root is its own", 0, false, ACCESS_AGENT, 0, 0 },
        { "nobody is another's agent", 1000, false, ACCESS_AGENT, 1001, -EACCES },
        { "not even root", 0, false, ACCESS_AGENT, 1000, -EACCES },
        { "nobody is the system's", 0, false, ACCESS_AGENT, OWNER_SYSTEM, -EACCES },
        { "the overflow uid is nobody's", 65534, true, ACCESS_AGENT, 65534, -EACCES },
        { "the uid whose low half is root's is not root", 65536, false, ACCESS_READ, 0, -EACCES },
        { "minus one as a uid is not the system", (uid_t) -1, true, ACCESS_WRITE, OWNER_SYSTEM,
          -EACCES },
};

START_TEST(test_access) {
        const Caller caller = { .uid = rows[_i].uid, .overflow = rows[_i].overflow };
        const char *reason = NULL;
        int r;

        r = access_check(&caller, rows[_i].kind, rows[_i].owner, &reason);
        ck_assert_msg(r == rows[_i].expected, "%s: %d", rows[_i].sentence, r);
        ck_assert_msg((r < 0) == (reason != NULL), "%s: the reason", rows[_i].sentence);
}
END_TEST

/* What a caller lacks, and what becomes of him once it is granted. */
static const struct {
        const char *sentence;
        uid_t uid;
        bool overflow;
        unsigned granted;
        AccessKind kind;
        int64_t owner;
        unsigned lacks;
} grants[] = {
        { "one's own lacks nothing", 1000, false, 0, ACCESS_WRITE, 1000, ACCESS_GRANT_NONE },
        { "root lacks nothing", 0, false, 0, ACCESS_WRITE, OWNER_SYSTEM, ACCESS_GRANT_NONE },
        { "the system's decisions", 1000, false, 0, ACCESS_WRITE, OWNER_SYSTEM,
          ACCESS_GRANT_SYSTEM },
        { "to read them", 1000, false, 0, ACCESS_READ, OWNER_SYSTEM, ACCESS_GRANT_SYSTEM },
        { "another's decisions", 1000, false, 0, ACCESS_READ, 1001, ACCESS_GRANT_OTHERS },
        { "root's are another's", 1000, false, 0, ACCESS_WRITE, 0, ACCESS_GRANT_OTHERS },
        { "one grant is not the other", 1000, false, ACCESS_GRANT_SYSTEM, ACCESS_READ, 1001,
          ACCESS_GRANT_OTHERS },
        { "nor the other one", 1000, false, ACCESS_GRANT_OTHERS, ACCESS_WRITE, OWNER_SYSTEM,
          ACCESS_GRANT_SYSTEM },
        { "the store", 1000, false, 0, ACCESS_MANAGE, 1000, ACCESS_GRANT_SYSTEM },
        { "the store in another's name needs both", 1000, false, 0, ACCESS_MANAGE, 1001,
          ACCESS_GRANT_SYSTEM },
        { "of which one is there", 1000, false, ACCESS_GRANT_SYSTEM, ACCESS_MANAGE, 1001,
          ACCESS_GRANT_OTHERS },
        { "the overflow uid cannot be granted anything", 65534, true, 0, ACCESS_WRITE,
          OWNER_SYSTEM, ACCESS_GRANT_NONE },
        { "nor its own list", 65534, true, 0, ACCESS_READ, 65534, ACCESS_GRANT_NONE },
        { "nobody is granted to write for the overflow uid", 1000, false, 0, ACCESS_WRITE, 65534,
          ACCESS_GRANT_NONE },
};

START_TEST(test_grants) {
        Caller caller = { .uid = grants[_i].uid,
                          .overflow = grants[_i].overflow,
                          .granted = grants[_i].granted };
        const char *reason = NULL;
        AccessGrant lacks;
        unsigned n = 0;

        lacks = access_lacks(&caller, grants[_i].kind, grants[_i].owner);
        ck_assert_msg(lacks == grants[_i].lacks, "%s: %d", grants[_i].sentence, (int) lacks);
        for (; lacks != ACCESS_GRANT_NONE && n < 2; n++) {
                ck_assert_int_lt(access_check(&caller, grants[_i].kind, grants[_i].owner, &reason),
                                 0);
                caller.granted |= lacks;
                lacks = access_check(&caller, grants[_i].kind, grants[_i].owner, &reason) < 0
                                ? access_lacks(&caller, grants[_i].kind, grants[_i].owner)
                                : ACCESS_GRANT_NONE;
        }
        if (n > 0)
                ck_assert_msg(access_check(&caller, grants[_i].kind, grants[_i].owner, &reason) == 0,
                              "%s: once granted", grants[_i].sentence);
}
END_TEST

/* What the peer of a socket that @uid made looks like, as another process sees it and tells. */
static Caller caller_of(uid_t uid) {
        Caller caller = {};
        int told[2], status;
        pid_t pid;

        ck_assert_int_eq(pipe(told), 0);
        pid = fork();
        if (pid == 0) {
                int pair[2];

                if (setresuid(uid, uid, uid) < 0 ||
                    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
                    caller_from_socket(pair[0], &caller) < 0 ||
                    write(told[1], &caller, sizeof(caller)) != (ssize_t) sizeof(caller))
                        _exit(1);
                _exit(0);
        }
        ck_assert_int_gt(pid, 0);
        close(told[1]);
        ck_assert_int_eq(read(told[0], &caller, sizeof(caller)), (ssize_t) sizeof(caller));
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(caller.pid, pid);
        close(told[0]);
        return caller;
}

START_TEST(test_caller) {
        Caller self = caller_of(getuid());

        ck_assert_uint_eq(self.uid, getuid());
        ck_assert(!self.overflow);
        if (getuid() != 0)
                return;

        ck_assert_uint_eq(caller_of(4711).uid, 4711);
        ck_assert(!caller_of(4711).overflow);
        ck_assert(!caller_of(65533).overflow);
        ck_assert(caller_of(65534).overflow);
        ck_assert(!caller_of(65535).overflow);
}
END_TEST

START_TEST(test_caller_needs_a_unix_socket) {
        Caller caller;
        int fd = dup(0);

        ck_assert_int_lt(caller_from_socket(fd, &caller), 0);
        close(fd);
}
END_TEST

START_TEST(test_user_name) {
        char name[CALLER_NAME_MAX] = "untouched";
        const struct passwd *root = getpwuid(0);

        ck_assert_int_eq(caller_user_name(4000000000U, name), 0);
        ck_assert_str_eq(name, "untouched");
        if (!root)
                return;
        ck_assert_int_eq(caller_user_name(0, name), 1);
        ck_assert_str_eq(name, root->pw_name);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("access");
        TCase *tcase = tcase_create("access");
        SRunner *runner;
        int failed;

        tcase_add_loop_test(tcase, test_access, 0, (int) N_ELEMENTS(rows));
        tcase_add_loop_test(tcase, test_grants, 0, N_ELEMENTS(grants));
        tcase_add_test(tcase, test_caller);
        tcase_add_test(tcase, test_caller_needs_a_unix_socket);
        tcase_add_test(tcase, test_user_name);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
