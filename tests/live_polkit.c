/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What polkit is asked, and what is made of what it says: a stand-in for it on a bus of the test's
 * own says yes, no, "somebody must authenticate", or nothing. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "client/bus-value.h"
#include "daemon/json.h"
#include "tests/methods.h"
#include "tests/private-bus.h"

#define POLKIT "org.freedesktop.PolicyKit1"

typedef enum Says {
        SAYS_YES,
        SAYS_NO,
        SAYS_DISMISSED,
        SAYS_CHALLENGE,
        SAYS_NOTHING,
        SAYS_NONSENSE,
} Says;

/* Shared with the stand-in. */
typedef struct Authority {
        volatile Says says;
        volatile unsigned n_asked, n_cancelled;
        char action[64], subject[64];
        volatile uint32_t flags;
} Authority;

static Methods *m;
static PrivateBus *b;
static sd_bus *bus;
static Authority *authority;
static pid_t stand_in;

/* -- the stand-in ------------------------------------------------------------------------------ */

static int on_check(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        const char *kind = NULL, *name = NULL, *action = NULL, *id = NULL;
        uint32_t flags = 0;

        if (sd_bus_message_enter_container(call, 'r', "sa{sv}") < 0 ||
            sd_bus_message_read(call, "sa{sv}", &kind, 1, &name, "s", &name) < 0 ||
            sd_bus_message_exit_container(call) < 0 || sd_bus_message_read(call, "s", &action) < 0 ||
            sd_bus_message_skip(call, "a{ss}") < 0 ||
            sd_bus_message_read(call, "us", &flags, &id) < 0)
                return -EINVAL;
        (void) snprintf(authority->action, sizeof(authority->action), "%s", action);
        (void) snprintf(authority->subject, sizeof(authority->subject), "%s", kind);
        authority->flags = flags;
        authority->n_asked++;
        switch (authority->says) {
        case SAYS_NOTHING:
                return 1;
        case SAYS_NONSENSE:
                return sd_bus_reply_method_return(call, "s", "yes");
        case SAYS_DISMISSED:
                return sd_bus_reply_method_return(call, "(bba{ss})", false, false, 2, "polkit.lang",
                                                  "C", "polkit.dismissed", "true");
        case SAYS_YES:
        case SAYS_NO:
        case SAYS_CHALLENGE:
        default:
                return sd_bus_reply_method_return(call, "(bba{ss})", authority->says == SAYS_YES,
                                                  authority->says == SAYS_CHALLENGE, 0);
        }
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        authority->n_cancelled++;
        return sd_bus_reply_method_return(call, "");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void __attribute__((noreturn)) run_stand_in(void) {
        sd_bus *with = private_bus_open();
        int r;

        r = sd_bus_add_object_vtable(with, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                     POLKIT ".Authority", vtable, NULL);
        if (r >= 0)
                r = sd_bus_request_name(with, POLKIT, 0);
        while (r >= 0) {
                r = sd_bus_process(with, NULL);
                if (r == 0)
                        r = sd_bus_wait(with, UINT64_MAX);
        }
        _exit(1);
}

static void start_stand_in(void) {
        stand_in = fork();
        ck_assert_int_ge(stand_in, 0);
        if (stand_in == 0)
                run_stand_in();
        private_bus_wait_for(bus, POLKIT);
}

static void stop_stand_in(void) {
        if (stand_in > 0) {
                (void) kill(stand_in, SIGKILL);
                (void) waitpid(stand_in, NULL, 0);
        }
        stand_in = 0;
}

/* -- the daemon -------------------------------------------------------------------------------- */

static void setup(void) {
        authority = mmap(NULL, sizeof(*authority), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(authority, MAP_FAILED);
        m = methods_new();
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        m->fixture->bus = true;
        b = private_bus_new(m->fixture->directory);
        bus = private_bus_open();
        start_stand_in();
        methods_start(m, PKI_NOW);
        private_bus_wait_for(bus, BUS_NAME);
}

static void teardown(void) {
        stop_stand_in();
        bus = sd_bus_flush_close_unref(bus);
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        b = private_bus_free(b);
        m = methods_free(m);
        (void) munmap(authority, sizeof(*authority));
}

static struct json_object *parameters_new(const char *text) {
        _cleanup_free_ char *call = methods_text(m, "Verify", text, false);
        struct json_object *message = json_tokener_parse(call), *in = NULL;

        ck_assert(json_object_object_get_ex(message, "parameters", &in));
        (void) json_object_get(in);
        (void) json_object_put(message);
        return in;
}

static struct json_object *call_as(uid_t uid, const char *method, const char *text,
                                   bool interactive) {
        _cleanup_(json_freep) struct json_object *in = parameters_new(text);

        return private_bus_call_as(b, uid, method, in, interactive);
}

#define SYSTEM "org.certexc1.manage-system"
#define OTHERS "org.certexc1.manage-others"
#define DENIED "org.certexc1.AccessDenied"

static const struct {
        const char *sentence;
        uid_t uid;
        Says says;
        const char *method, *parameters;
        bool interactive;
        const char *path, *value;
        const char *action; /* "" if polkit is not to be asked */
} rows[] = {
        { "one's own needs nobody's word", GAMES, SAYS_NO, "ListExceptions", "{}", false,
          "exceptions", "[]", "" },
        { "root needs nobody's word", 0, SAYS_NO, "ListExceptions", "{'owner':-1}", false,
          "exceptions", "[]", "" },
        { "a denial for the system, allowed", GAMES, SAYS_YES, "AddDenial",
          "{" AT "'chain':[@bad],'owner':-1}", false, "exception.owner", "-1", SYSTEM },
        { "which holds for others", OTHER, SAYS_NO, "Verify", "{" AT "'chain':[@bad]}", false,
          "because", "denial", "" },
        { "and shows who did it", 0, SAYS_NO, "GetHistory", "{'owner':-1}", false, "entries.0.by",
          "5", "" },
        { "the same, refused", GAMES, SAYS_NO, "AddDenial",
          "{" AT "'chain':[@other],'owner':-1}", false, "error", DENIED, SYSTEM },
        { "a grant is for one call", GAMES, SAYS_NO, "ListExceptions", "{'owner':-1}", false,
          "error", DENIED, SYSTEM },
        { "somebody would have to authenticate", GAMES, SAYS_CHALLENGE, "ListExceptions",
          "{'owner':-1}", false, "reason",
          "polkit wants an administrator to authenticate, and the call did not allow for that",
          SYSTEM },
        { "somebody would, and nothing there can ask them", GAMES, SAYS_CHALLENGE, "ListExceptions",
          "{'owner':-1}", true, "reason",
          "polkit wants an administrator to authenticate, and no program of this log-in session can ask "
          "for that; run \"pkttyagent\" in it, or do this as root (sudo)",
          SYSTEM },
        { "somebody was asked and did not", GAMES, SAYS_NO, "ListExceptions", "{'owner':-1}", true,
          "reason", "polkit does not authorize you to do this", SYSTEM },
        { "somebody was asked and did not want to", GAMES, SAYS_DISMISSED, "ListExceptions",
          "{'owner':-1}", true, "reason",
          "the question for an administrator's password was dismissed", SYSTEM },
        { "polkit speaks nonsense", GAMES, SAYS_NONSENSE, "ListExceptions", "{'owner':-1}", false,
          "reason", "polkit could not say whether you may", SYSTEM },
        { "another's list, allowed", GAMES, SAYS_YES, "ListExceptions", "{'owner':4}", false,
          "exceptions", "[]", OTHERS },
        { "another's list, refused", GAMES, SAYS_NO, "ListExceptions", "{'owner':4}", false, "error",
          DENIED, OTHERS },
        { "the store, allowed", GAMES, SAYS_YES, "Rebuild", "{}", true, "rebuild.missing", "0",
          SYSTEM },
        { "the store, refused", GAMES, SAYS_NO, "Rebuild", "{}", true, "error", DENIED, SYSTEM },
        { "what is one's own of it needs nobody", GAMES, SAYS_NO, "CheckStore", "{}", true,
          "check.whole", "false", "" },
        { "all of it, allowed", GAMES, SAYS_YES, "CheckStore", "{'deep':true}", true, "check.whole",
          "true", SYSTEM },
        { "all of it, refused", GAMES, SAYS_NO, "CheckStore", "{'deep':true}", true, "error", DENIED,
          SYSTEM },
        { "the overflow uid is beyond polkit", NOBODY, SAYS_YES, "AddException",
          "{" AT SHOWN "'chain':[@bad]}", true, "error", DENIED, "" },
        { "also in another's name", NOBODY, SAYS_YES, "ListExceptions", "{'owner':4}", true, "error",
          DENIED, "" },
        { "a wrong parameter comes first", GAMES, SAYS_YES, "GetStatus", "{'owner':-7}", false,
          "error", "org.varlink.service.InvalidParameter", "" },
};

START_TEST(test_answers) {
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                authority->says = rows[i].says;
                authority->n_asked = 0;
                authority->action[0] = '\0';
                reply = call_as(rows[i].uid, rows[i].method, rows[i].parameters, rows[i].interactive);
                ck_assert_msg(strcmp(methods_seen(reply, rows[i].path), rows[i].value) == 0,
                              "%s: %s", rows[i].sentence, json_object_to_json_string(reply));
                ck_assert_msg(strcmp(authority->action, rows[i].action) == 0, "%s: asked for %s",
                              rows[i].sentence, authority->action);
                ck_assert_msg(authority->n_asked == (*rows[i].action ? 1 : 0), "%s: asked %u times",
                              rows[i].sentence, authority->n_asked);
                if (*rows[i].action) {
                        ck_assert_str_eq(authority->subject, "system-bus-name");
                        ck_assert_uint_eq(authority->flags, rows[i].interactive ? 1 : 0);
                }
        }
}
END_TEST

/* The socket knows the uid alone, whatever polkit would say. */
START_TEST(test_socket) {
        authority->says = SAYS_YES;
        WALK({ "the system's over the socket", GAMES, "ListExceptions", "{'owner':-1}", "error",
               DENIED },
             { "another's over the socket", GAMES, "ListExceptions", "{'owner':4}", "error",
               DENIED });
        ck_assert_uint_eq(authority->n_asked, 0);
}
END_TEST

START_TEST(test_without_polkit) {
        _cleanup_(json_freep) struct json_object *over_bus = NULL, *over_socket = NULL;

        stop_stand_in();
        over_bus = call_as(GAMES, "Rebuild", "{}", true);
        over_socket = methods_call_as(m, GAMES, "Rebuild", "{}");
        ck_assert_str_eq(methods_seen(over_bus, "error"), DENIED);
        ck_assert_str_eq(methods_at(over_bus, "reason"), methods_at(over_socket, "reason"));
}
END_TEST

/* Calls that nobody answers: one waits for polkit, others of the same caller pass it. */
static int call_and_leave(void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL;
        _cleanup_(json_freep) struct json_object *owner = json_tokener_parse("{\"owner\":-1}");
        const InterfaceMember *method = interface_find(b->interface, 'm', "ListExceptions");
        sd_bus *with = private_bus_open();

        if (sd_bus_message_new_method_call(with, &ask, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                           "ListExceptions") < 0 ||
            bus_append_call(ask, method, owner) < 0 || sd_bus_send(with, ask, NULL) < 0)
                return 1;
        do {
                _cleanup_(json_freep) struct json_object *own = NULL;

                own = private_bus_call(b, with, "ListExceptions", NULL);
                if (*reply_error(own))
                        return 2;
        } while (authority->n_asked == 0);
        return 0;
}

START_TEST(test_caller_leaves) {
        authority->says = SAYS_NOTHING;
        ck_assert_int_eq(fixture_as(GAMES, call_and_leave, NULL), 0);
        /* What the daemon says to polkit comes before what it answers here. */
        while (authority->n_cancelled == 0) {
                _cleanup_(json_freep) struct json_object *in = parameters_new("{}");
                _cleanup_(json_freep) struct json_object *reply = NULL;

                reply = private_bus_call(b, bus, "GetStatus", in);
                ck_assert_str_eq(reply_error(reply), "");
        }
        ck_assert_uint_eq(authority->n_cancelled, 1);
}
END_TEST

/* -- certexc ----------------------------------------------------------------------------------- */

static const struct {
        const char *sentence;
        Says says;
        const char *arguments[4];
        int status;
        const char *action;
} lines[] = {
        { "the system's list, allowed", SAYS_YES, { "--owner=system", "list" }, 0, SYSTEM },
        { "the system's list, refused", SAYS_NO, { "--owner=system", "list" }, 1, SYSTEM },
        { "root's list", SAYS_YES, { "--owner=root", "--json", "list" }, 0, OTHERS },
        { "a denial taken back that is not there", SAYS_YES, { "--owner=system", "revoke", "9" }, 1,
          SYSTEM },
        { "all of the store", SAYS_YES, { "doctor", "--deep" }, 0, SYSTEM },
        { "made anew", SAYS_YES, { "doctor", "--rebuild", "--json" }, 0, SYSTEM },
        { "one's own goes over the socket, which is not there", SAYS_YES, { "--owner=games", "list" },
          1, "" },
};

static int run_certexc(void *userdata) {
        const char *build = getenv("CERTEXC_BUILD_DIR"), *const *arguments = userdata;
        char program[512], libraries[512];

        (void) snprintf(program, sizeof(program), "%s/.libs/certexc", build ? build : ".");
        (void) snprintf(libraries, sizeof(libraries), "%s/.libs", build ? build : ".");
        (void) setenv("LD_LIBRARY_PATH", libraries, 1);
        (void) unsetenv("XDG_RUNTIME_DIR");
        (void) unsetenv("CERTEXC_SOCKET");
        (void) freopen("/dev/null", "w", stdout);
        (void) execl(program, "certexc", arguments[0], arguments[1], arguments[2], NULL);
        return 127;
}

START_TEST(test_certexc) {
        for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
                int status;

                authority->says = lines[i].says;
                authority->action[0] = '\0';
                status = fixture_as(GAMES, run_certexc, (void *) lines[i].arguments);
                ck_assert_msg(status == lines[i].status, "%s: %d", lines[i].sentence, status);
                ck_assert_msg(strcmp(authority->action, lines[i].action) == 0, "%s: asked for %s",
                              lines[i].sentence, authority->action);
                ck_assert_msg(!*lines[i].action || authority->flags == 1, "%s: polkit may ask",
                              lines[i].sentence);
        }
}
END_TEST

/* A user's own daemon asks nobody: the user may all, and nobody else anything. */
START_TEST(test_user_mode) {
        const char *arguments[] = { "--user", "--replace-clock=1767225600", NULL };
        _cleanup_(json_freep) struct json_object *reply = NULL;

        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        fixture_start(m->fixture, arguments);
        private_bus_wait_for(bus, BUS_NAME);
        authority->says = SAYS_YES;
        reply = call_as(GAMES, "ListExceptions", "{'owner':-1}", true);
        ck_assert_str_eq(reply_error(reply), DENIED);
        ck_assert_uint_eq(authority->n_asked, 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("polkit");
        TCase *tcase = tcase_create("polkit");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        if (geteuid() != 0) {
                (void) fputs("SKIP: other uids need root\n", stderr);
                return 77;
        }
        private_bus_need();
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_answers);
        tcase_add_test(tcase, test_socket);
        tcase_add_test(tcase, test_without_polkit);
        tcase_add_test(tcase, test_caller_leaves);
        tcase_add_test(tcase, test_certexc);
        tcase_add_test(tcase, test_user_mode);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
