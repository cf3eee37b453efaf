/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc agent --notify on a terminal of its own, with a desktop that shows notifications on a private
 * bus, and without one. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/json.h"
#include "tests/on-bus.h"

#define SERVER    "org.freedesktop.Notifications"
#define SERVER_AT "/org/freedesktop/Notifications"

/* What the desktop was told. */
static struct {
        sd_bus *bus;
        unsigned n_shown, n_closed;
        uint32_t number, closed; /* the last ones */
        char summary[1024], body[8192], actions[256];
} desktop;

/* The terminal of the agent. */
static struct {
        pid_t pid;
        int fd;
        char text[65536];
        size_t size, mark; /* what was waited for is behind */
} terminal;

/* -- the desktop ------------------------------------------------------------------------------- */

static int on_notify(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *summary, *body, *action;

        ck_assert_int_ge(sd_bus_message_read(message, "susss", NULL, NULL, NULL, &summary, &body), 0);
        (void) snprintf(desktop.summary, sizeof(desktop.summary), "%s", summary);
        (void) snprintf(desktop.body, sizeof(desktop.body), "%s", body);
        desktop.actions[0] = '\0';
        ck_assert_int_ge(sd_bus_message_enter_container(message, 'a', "s"), 0);
        while (sd_bus_message_read(message, "s", &action) > 0)
                (void) strcat(strcat(desktop.actions, action), ";");
        desktop.n_shown++;
        return sd_bus_reply_method_return(message, "u", ++desktop.number);
}

static int on_close(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        ck_assert_int_ge(sd_bus_message_read(message, "u", &desktop.closed), 0);
        desktop.n_closed++;
        return sd_bus_reply_method_return(message, "");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", on_notify, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CloseNotification", "u", "", on_close, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void start_desktop(void) {
        memset(&desktop, 0, sizeof(desktop));
        desktop.bus = private_bus_open();
        ck_assert_int_ge(sd_bus_add_object_vtable(desktop.bus, NULL, SERVER_AT, SERVER, vtable, NULL), 0);
        ck_assert_int_ge(sd_bus_request_name(desktop.bus, SERVER, 0), 0);
}

static void press(sd_bus *from, const char *action) {
        ck_assert_int_ge(sd_bus_emit_signal(from, SERVER_AT, SERVER, "ActionInvoked", "us", desktop.number,
                                            action), 0);
        ck_assert_int_ge(sd_bus_flush(from), 0);
}

/* -- the terminal ------------------------------------------------------------------------------ */

static void start_agent(void) {
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/certexc", getenv("CERTEXC_BUILD_DIR") ?: ".");
        memset(&terminal, 0, sizeof(terminal));
        terminal.pid = forkpty(&terminal.fd, NULL, NULL, NULL);
        ck_assert_int_ge(terminal.pid, 0);
        if (terminal.pid == 0) {
                (void) setenv("CERTEXC_SOCKET", m->fixture->socket_path, 1);
                (void) setenv("LC_ALL", "C.UTF-8", 1);
                (void) setenv("NO_COLOR", "1", 1);
                (void) setenv("COLUMNS", "200", 1);
                (void) unsetenv("XDG_SESSION_ID");
                (void) execl(path, "certexc", "agent", "--notify", NULL);
                _exit(127);
        }
}

static void type(const char *text) {
        ck_assert_int_eq(write(terminal.fd, text, strlen(text)), (ssize_t) strlen(text));
}

/* Whatever comes next, to the desktop or to the terminal. */
static void turn(void) {
        struct pollfd fds[2] = { { .fd = terminal.fd, .events = POLLIN } };
        ssize_t n;

        /* It may be what is waited for. */
        if (desktop.bus && sd_bus_process(desktop.bus, NULL) > 0)
                return;
        fds[1].fd = desktop.bus ? sd_bus_get_fd(desktop.bus) : -1;
        fds[1].events = POLLIN;
        ck_assert_msg(poll(fds, 2, FIXTURE_WAIT_MSEC) > 0, "nothing comes any more: %s",
                      terminal.text + terminal.mark);
        if (!fds[0].revents)
                return;
        n = read(terminal.fd, terminal.text + terminal.size, sizeof(terminal.text) - 1 - terminal.size);
        ck_assert_msg(n > 0, "the agent has ended: %s", terminal.text);
        terminal.size += (size_t) n;
}

static void wait_for_text(const char *text) {
        const char *found;

        while (!(found = strstr(terminal.text + terminal.mark, text)))
                turn();
        terminal.mark = (size_t) (found - terminal.text) + strlen(text);
}

static void wait_for(const unsigned *count, unsigned n) {
        while (*count < n)
                turn();
        ck_assert_uint_eq(*count, n);
}

static void end_agent(void) {
        int status;

        (void) kill(terminal.pid, SIGTERM);
        while (desktop.bus && waitpid(terminal.pid, &status, WNOHANG) == 0)
                if (sd_bus_process(desktop.bus, NULL) == 0)
                        (void) sd_bus_wait(desktop.bus, 10000);
        if (!desktop.bus)
                ck_assert_int_eq(waitpid(terminal.pid, &status, 0), terminal.pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", terminal.text);
        terminal.fd = close_fd(terminal.fd);
}

static void set_up(void) {
        on_bus_setup();
        start_desktop();
        start_agent();
        wait_for_text("Waiting for questions");
}

static void tear_down(void) {
        end_agent();
        desktop.bus = sd_bus_flush_close_unref(desktop.bus);
        on_bus_teardown();
}

/* -- questions --------------------------------------------------------------------------------- */

static Peer *asker(const char *certificate) {
        char parameters[256];

        (void) snprintf(parameters, sizeof(parameters),
                        "{'host':'mail.example.org','port':993,'chain':[@%s]}", certificate);
        return on_bus_asker(parameters);
}

START_TEST(what_is_shown_is_ours) {
        _cleanup_(peer_freep) Peer *peer = NULL;

        methods_add_certificate(m, "markup", &(PkiSpec){ .subject = "<b>Your bank & you</b>",
                                                         .name = "elsewhere.example" });
        peer = asker("markup");
        wait_for(&desktop.n_shown, 1);
        ck_assert_str_eq(desktop.summary, "A program wants to connect to mail.example.org:993");
        ck_assert_str_eq(desktop.actions, "not-now;Not now;");
        ck_assert_ptr_null(strpbrk(desktop.body, "<>\""));
        ck_assert_ptr_nonnull(strstr(desktop.body, "&quot;certexc agent&quot; runs"));
        ck_assert_ptr_null(strstr(desktop.body, "bank"));
        ck_assert_ptr_null(strstr(desktop.body, "elsewhere"));
        wait_for_text("\n> ");
}
END_TEST

START_TEST(a_click_puts_it_off_and_nothing_else) {
        _cleanup_(peer_freep) Peer *peer = asker("bad");
        sd_bus *stranger = private_bus_open();

        wait_for(&desktop.n_shown, 1);
        wait_for_text("\n> ");
        press(desktop.bus, "default");
        press(desktop.bus, "allow");
        press(stranger, "not-now");
        (void) sd_bus_flush_close_unref(stranger);
        desktop.number++;
        press(desktop.bus, "not-now"); /* of another notification */
        desktop.number--;
        type("look\n");
        wait_for_text("\n> ");
        ck_assert_uint_eq(desktop.n_closed, 0);

        press(desktop.bus, "not-now");
        wait_for_text("Refused for now");
        on_bus_ck_asked(peer, "prompt", "dismissed");
        wait_for(&desktop.n_closed, 1);
        ck_assert_uint_eq(desktop.closed, desktop.number);
}
END_TEST

START_TEST(it_goes_when_the_question_does) {
        _cleanup_(peer_freep) Peer *peer = asker("bad"), *gone = NULL;

        wait_for(&desktop.n_shown, 1);
        wait_for_text("\n> ");
        type("look\n");
        wait_for_text("\n> ");
        type("yes\n");
        wait_for_text("\n> ");
        type("always\n");
        wait_for_text("Allowed");
        on_bus_ck_asked(peer, "accept", "answered");
        wait_for(&desktop.n_closed, 1);
        ck_assert_uint_eq(desktop.closed, 1);

        gone = asker("other");
        wait_for(&desktop.n_shown, 2);
        wait_for_text("\n> ");
        gone = peer_free(gone);
        wait_for_text("Nobody waits for this any more.");
        wait_for(&desktop.n_closed, 2);
        ck_assert_uint_eq(desktop.closed, 2);
}
END_TEST

START_TEST(closed_on_the_desktop_it_is_no_answer) {
        _cleanup_(peer_freep) Peer *peer = asker("bad");

        wait_for(&desktop.n_shown, 1);
        ck_assert_int_ge(sd_bus_emit_signal(desktop.bus, SERVER_AT, SERVER, "NotificationClosed", "uu",
                                            desktop.number, 2), 0);
        wait_for_text("\n> ");
        type("never\n");
        wait_for_text("Refused for good");
        on_bus_ck_asked(peer, "reject", "answered");
        ck_assert_uint_eq(desktop.n_closed, 0);
}
END_TEST

START_TEST(it_goes_with_the_agent) {
        _cleanup_(peer_freep) Peer *peer = asker("bad");

        wait_for(&desktop.n_shown, 1);
        wait_for_text("\n> ");
        end_agent();
        wait_for(&desktop.n_closed, 1);
        on_bus_ck_asked(peer, "prompt", "no-agent");
        start_agent(); /* for the tear-down */
        wait_for_text("Waiting for questions");
}
END_TEST

static void wait_without_desktop(void) {
        _cleanup_(peer_freep) Peer *peer = asker("bad"), *again = NULL;

        wait_for_text("There are no notifications on this desktop");
        wait_for_text("\n> "); /* the question again */
        type("\n");
        on_bus_ck_asked(peer, "prompt", "dismissed");
        again = asker("other");
        wait_for_text("\n> ");
        type("never\n");
        on_bus_ck_asked(again, "reject", "answered");
        wait_for_text("Refused for good");
        ck_assert_ptr_null(strstr(strstr(terminal.text, "no notifications") + 1, "no notifications"));
}

START_TEST(without_a_desktop_there_is_the_terminal) {
        desktop.bus = sd_bus_flush_close_unref(desktop.bus);
        wait_without_desktop();
}
END_TEST

START_TEST(a_desktop_that_goes_away_is_not_missed) {
        desktop.bus = sd_bus_flush_close_unref(desktop.bus);
        private_bus_stop(b);
        wait_without_desktop();
        private_bus_start(b);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("notify");
        TCase *tcase = tcase_create("notify");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        private_bus_need();
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_set_timeout(tcase, 180);
        tcase_add_test(tcase, what_is_shown_is_ours);
        tcase_add_test(tcase, a_click_puts_it_off_and_nothing_else);
        tcase_add_test(tcase, it_goes_when_the_question_does);
        tcase_add_test(tcase, closed_on_the_desktop_it_is_no_answer);
        tcase_add_test(tcase, it_goes_with_the_agent);
        tcase_add_test(tcase, without_a_desktop_there_is_the_terminal);
        tcase_add_test(tcase, a_desktop_that_goes_away_is_not_missed);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
