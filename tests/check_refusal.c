/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Refusals in the words of protocols, and greetings that are said again: what is said, and the bounds of both. */
#include "config.h"

#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/greeting.h"
#include "client/refusal.h"
#include "client/tunnel-limits.h"

/* -- Refusals --------------------------------------------------------------------------------- */

static const struct {
        const char *says;
        const char *protocol, *text;
        bool later;
        const char *line;
} rows[] = {
        { "IMAP", "imap", "no", false, "* BYE [ALERT] certexc: no\r\n" },
        { "IMAP knows no later", "imap", "no", true, "* BYE [ALERT] certexc: no\r\n" },
        { "POP3", "pop3", "no", false, "-ERR [SYS/PERM] certexc: no\r\n" },
        { "POP3, to be tried again", "pop3", "no", true, "-ERR [SYS/TEMP] certexc: no\r\n" },
        { "SMTP", "smtp", "no", false, "554 5.7.0 certexc: no\r\n" },
        { "SMTP, to be tried again", "smtp", "no", true, "421 4.7.0 certexc: no\r\n" },
        { "LMTP", "lmtp", "no", false, "554 5.7.0 certexc: no\r\n" },
        { "NNTP, to be tried again", "nntp", "no", true, "400 certexc: no\r\n" },
        { "FTP", "ftp", "no", false, "421 certexc: no\r\n" },
        { "ManageSieve", "sieve", "no", false, "BYE \"certexc: no\"\r\n" },
        { "nothing ends ManageSieve's string", "sieve", "a \"b\" c\\", true, "BYE (TRYLATER) \"certexc: a 'b' c'\"\r\n" },
        { "a line stays one", "imap", "a\r\nb OK\tc", false, "* BYE [ALERT] certexc: a'u{0d}'u{0a}b OK'u{09}c\r\n" },
        { "nothing moves a cursor", "smtp", "\033[2J\xc2\x9b", false, "554 5.7.0 certexc: 'u{1b}[2J'u{9b}\r\n" },
        { "bytes that are no text", "smtp", "\xff", false, "554 5.7.0 certexc: 'x{ff}\r\n" },
};

START_TEST(a_refusal) {
        const RefusalProtocol *protocol = refusal_protocol(rows[_i].protocol);
        _cleanup_free_ char *line = NULL;

        ck_assert_ptr_nonnull(protocol);
        line = refusal_line(protocol, rows[_i].text, rows[_i].later);
        ck_assert_msg(line && strcmp(line, rows[_i].line) == 0, "%s: %s", rows[_i].says, line);
}
END_TEST

START_TEST(other_letters_are_written_in_ascii) {
        _cleanup_free_ char *line = refusal_line(refusal_protocol("imap"), "für l’été, 日本", false);

        ck_assert_ptr_nonnull(line);
        for (const char *p = line; *p; p++)
                ck_assert_msg((*p >= ' ' && *p <= '~') || *p == '\r' || *p == '\n', "%s", line);
        ck_assert_ptr_nonnull(strstr(line, " l"));
}
END_TEST

/* As long as lines may be, and one byte more in: the command at its beginning is there, the rest is cut. */
START_TEST(a_refusal_is_no_longer_than_a_line) {
        const size_t fixed = strlen("421 4.7.0 certexc: \r\n"), room = TUNNEL_LINE_MAX - fixed;
        char text[TUNNEL_LINE_MAX];

        for (size_t n = room - 1; n <= room + 1; n++) {
                _cleanup_free_ char *line = NULL;

                memset(text, 'x', n);
                text[n] = '\0';
                line = refusal_line(refusal_protocol("smtp"), text, true);
                ck_assert_ptr_nonnull(line);
                ck_assert_uint_eq(strlen(line), n <= room ? fixed + n : TUNNEL_LINE_MAX);
                ck_assert_str_eq(line + strlen(line) - 2, "\r\n");
        }
}
END_TEST

START_TEST(protocols_are_known_by_name_and_by_port) {
        ck_assert_ptr_null(refusal_protocol("gopher"));
        ck_assert_ptr_eq(refusal_protocol_by_port(993), refusal_protocol("imap"));
        ck_assert_ptr_eq(refusal_protocol_by_port(995), refusal_protocol("pop3"));
        ck_assert_ptr_eq(refusal_protocol_by_port(465), refusal_protocol("smtp"));
        ck_assert_ptr_null(refusal_protocol_by_port(443));
        ck_assert_ptr_null(refusal_protocol_by_port(0));
}
END_TEST

/* What a client says after it was refused, and what it hears. */
static const struct {
        const char *says;
        const char *protocol, *client, *heard;
} talks[] = {
        { "who hangs up hears the greeting", "imap", "", "* BYE [ALERT] certexc: no\r\n" },
        { "IMAP's commands are answered under their tags until the last", "imap", "1 NOOP\r\n2 logout\r\n3 NOOP\r\n",
          "* BYE [ALERT] certexc: no\r\n1 NO certexc: no\r\n2 OK bye\r\n" },
        { "what is no tag is not said again", "imap", "* X\r\n\033[2J NOOP\r\n\r\n(a NOOP\r\n",
          "* BYE [ALERT] certexc: no\r\n* NO certexc: no\r\n* NO certexc: no\r\n* NO certexc: no\r\n* NO certexc: no\r\n" },
        { "SMTP's are refused until QUIT", "smtp", "EHLO x\r\nQUIT\r\n",
          "554 5.7.0 certexc: no\r\n554 5.7.0 certexc: no\r\n221 2.0.0 bye\r\n" },
        { "QUITX is no QUIT", "pop3", "QUITX\r\nQUIT now\r\n",
          "-ERR [SYS/PERM] certexc: no\r\n-ERR [SYS/PERM] certexc: no\r\n+OK bye\r\n" },
};

static void talk(const char *protocol, const char *client, size_t size, char *heard, size_t room) {
        int in[2], out[2];
        ssize_t n;

        ck_assert_int_eq(pipe(in), 0);
        ck_assert_int_eq(pipe(out), 0);
        ck_assert_int_eq(write(in[1], client, size), (ssize_t) size);
        (void) close_fd(in[1]);
        refusal_say(refusal_protocol(protocol), "no", false, in[0], out[1]);
        (void) close_fd(in[0]);
        (void) close_fd(out[1]);
        n = read(out[0], heard, room - 1);
        ck_assert_int_ge(n, 0);
        heard[n] = '\0';
        (void) close_fd(out[0]);
}

START_TEST(a_talk) {
        char heard[4096];

        talk(talks[_i].protocol, talks[_i].client, strlen(talks[_i].client), heard, sizeof(heard));
        ck_assert_msg(strcmp(heard, talks[_i].heard) == 0, "%s: %s", talks[_i].says, heard);
}
END_TEST

/* So many commands are answered, and not one more; and a tag of so many characters is given back. */
START_TEST(a_talk_has_an_end) {
        char client[4096], heard[16384], tag[TUNNEL_TAG_MAX + 2];
        unsigned n = 0;
        size_t size = 0;

        for (unsigned i = 0; i <= TUNNEL_DRAIN_LINES; i++)
                size += (size_t) snprintf(client + size, sizeof(client) - size, "%u NOOP\r\n", i);
        talk("imap", client, size, heard, sizeof(heard));
        for (const char *p = heard; (p = strchr(p, '\n')); p++)
                n++;
        ck_assert_uint_eq(n, 1 + TUNNEL_DRAIN_LINES);

        memset(tag, 't', sizeof(tag));
        size = (size_t) snprintf(client, sizeof(client), "%.*s NOOP\r\n%.*s NOOP\r\n", (int) TUNNEL_TAG_MAX, tag,
                                 (int) TUNNEL_TAG_MAX + 1, tag);
        talk("imap", client, size, heard, sizeof(heard));
        ck_assert_ptr_nonnull(strstr(heard, "t NO certexc: no\r\n* NO certexc: no\r\n"));
}
END_TEST

/* -- Greetings -------------------------------------------------------------------------------- */

static const struct {
        const char *line, *kept;
} greetings[] = {
        { "* OK ready", "* OK ready\r\n" },
        { "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "* OK ready\r\n" },
        { "* OK [ALERT] [REFERRAL imap://x/] ready", "* OK ready\r\n" },
        { "* OK [ALERT]", "* OK \r\n" },
        { "* OK [ALERT ready", "* OK [ALERT ready\r\n" },
        { "* OK ready [ALERT]", "* OK ready [ALERT]\r\n" },
        { "* OK", "* OK\r\n" },
        { "* OK \033[2J\xc2\x9b\x7f", "* OK ?[2J???\r\n" },
};

START_TEST(a_greeting) {
        _cleanup_free_ Greeting *g = calloc(1, sizeof(*g));

        ck_assert_ptr_nonnull(g);
        ck_assert(greeting_add(g, greetings[_i].line));
        greeting_drop_codes(g, "* OK ");
        ck_assert_uint_eq(g->size, strlen(greetings[_i].kept));
        ck_assert_mem_eq(g->text, greetings[_i].kept, g->size);
}
END_TEST

START_TEST(a_greeting_is_kept_up_to_its_bound) {
        _cleanup_free_ Greeting *g = calloc(1, sizeof(*g));
        char line[GREETING_MAX];

        ck_assert_ptr_nonnull(g);
        memset(line, 'x', sizeof(line));
        line[sizeof(line) - 1] = '\0';
        ck_assert(!greeting_add(g, line));
        line[sizeof(line) - 2] = '\0';
        ck_assert(greeting_add(g, line));
        ck_assert_uint_eq(g->size, GREETING_MAX);
        ck_assert(!greeting_add(g, ""));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("refusal");
        TCase *tcase = tcase_create("refusal");
        SRunner *runner;
        int n_failed;

        (void) setlocale(LC_ALL, "C.UTF-8");
        tcase_add_loop_test(tcase, a_refusal, 0, N_ELEMENTS(rows));
        tcase_add_test(tcase, other_letters_are_written_in_ascii);
        tcase_add_test(tcase, a_refusal_is_no_longer_than_a_line);
        tcase_add_test(tcase, protocols_are_known_by_name_and_by_port);
        tcase_add_loop_test(tcase, a_talk, 0, N_ELEMENTS(talks));
        tcase_add_test(tcase, a_talk_has_an_end);
        tcase_add_loop_test(tcase, a_greeting, 0, N_ELEMENTS(greetings));
        tcase_add_test(tcase, a_greeting_is_kept_up_to_its_bound);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
