/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The upgrade to TLS against servers that behave, that refuse, and that were tampered with. The
 * server's whole part is in the socket before we begin; what we said is read afterwards. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "client/cleanup.h"
#include "client/starttls.h"

#define SEC UINT64_C(1000000)

#define L10 "xxxxxxxxxx"
#define L100 L10 L10 L10 L10 L10 L10 L10 L10 L10 L10
#define L1000 L100 L100 L100 L100 L100 L100 L100 L100 L100 L100
#define L9000 L1000 L1000 L1000 L1000 L1000 L1000 L1000 L1000 L1000

#define XMPP_OPEN                                                                                  \
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "                               \
        "xmlns:stream='http://etherx.jabber.org/streams' to='host.example' version='1.0'>"
#define XMPP_START "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define XMPP_FEATURES                                                                              \
        "<?xml version='1.0'?><stream:stream id='1'><stream:features>"                             \
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"

#define LDAP_ASK "\x30\x1d\x02\x01\x01\x77\x18\x80\x16" "1.3.6.1.4.1.1466.20037"

typedef struct Row {
        const char *says;
        const char *protocol;
        const char *server; /* all that the server sends */
        const char *client; /* all that we must have said; NULL: not looked at */
        FaultKind fault;
        size_t server_size; /* 0: @server is a string */
        size_t client_size;
        const char *greeting; /* what is kept for who takes over; NULL: not looked at */
} Row;

#define BYTES_SERVER(text) .server = (text), .server_size = sizeof(text) - 1

static const Row rows[] = {
        { "IMAP is upgraded", "imap", "* OK ready\r\na OK go\r\n", "a STARTTLS\r\n",
          .greeting = "* OK ready\r\n" },
        { "IMAP may tell of its capabilities first", "imap",
          "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n* CAPABILITY IMAP4rev1\r\na OK\r\n",
          "a STARTTLS\r\n", .greeting = "* OK ready\r\n" },
        { "a bare line feed ends a line, too", "imap", "* OK ready\na OK go\n", "a STARTTLS\r\n" },
        { "IMAP answers are read in either case", "imap", "* ok ready\r\na ok go\r\n" },
        { "PREAUTH is refused before anything is said", "imap", "* PREAUTH welcome\r\na OK\r\n", "",
          FAULT_UNSAFE },
        { "preauth in lower case is refused, too", "imap", "* preauth welcome\r\na OK\r\n", "",
          FAULT_UNSAFE },
        { "text behind IMAP's go-ahead is refused", "imap",
          "* OK ready\r\na OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", NULL, FAULT_UNSAFE },
        { "one byte behind IMAP's go-ahead is refused", "imap", "* OK ready\r\na OK go\r\n*", NULL,
          FAULT_UNSAFE },
        { "IMAP's NO is a refusal", "imap", "* OK ready\r\na NO sorry\r\n", NULL,
          FAULT_NO_STARTTLS },
        { "IMAP's BAD is a refusal", "imap", "* OK ready\r\na BAD what\r\n", NULL,
          FAULT_NO_STARTTLS },
        { "IMAP's BYE is no greeting", "imap", "* BYE busy\r\n", "", FAULT_PROTOCOL },
        { "an answer with another tag is none", "imap", "* OK ready\r\nb OK go\r\n", NULL,
          FAULT_PROTOCOL },
        { "OKAY is not OK", "imap", "* OKAY ready\r\na OK\r\n", "", FAULT_PROTOCOL },
        { "a continuation is no answer", "imap", "* OK ready\r\n+ go\r\n", NULL, FAULT_PROTOCOL },
        { "a line without an end is refused", "imap", "* OK " L9000 L9000 "\r\n", "",
          FAULT_PROTOCOL },
        { "a NUL in a line is refused", "imap", .client = "", .fault = FAULT_PROTOCOL,
          BYTES_SERVER("* OK\0 ready\r\na OK go\r\n") },
        { "a server that hangs up at once is told apart", "imap", "", "", FAULT_CLOSED },
        { "a server that hangs up in a line is told apart", "imap", "* OK rea", "", FAULT_CLOSED },
        { "a TLS alert where IMAP is due means TLS only", "imap", .client = "",
          .fault = FAULT_TLS_ONLY, BYTES_SERVER("\x15\x03\x01\x00\x02\x02\x46") },
        { "an SMTP server is no IMAP server", "imap", "220 mail ESMTP\r\n", "", FAULT_PROTOCOL },

        { "POP3 is upgraded", "pop3", "+OK ready <1.2@x>\r\n+OK go\r\n", "STLS\r\n",
          .greeting = "+OK ready <1.2@x>\r\n" },
        { "POP3's refusal is one", "pop3", "+OK ready\r\n-ERR no\r\n", NULL, FAULT_NO_STARTTLS },
        { "text behind POP3's go-ahead is refused", "pop3", "+OK\r\n+OK go\r\n+OK again\r\n", NULL,
          FAULT_UNSAFE },
        { "an angry POP3 greeting is no greeting", "pop3", "-ERR busy\r\n", "", FAULT_PROTOCOL },

        { "SMTP is upgraded", "smtp",
          "220 mail ESMTP\r\n250-mail\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 HELP\r\n220 go\r\n",
          "EHLO [127.0.0.1]\r\nSTARTTLS\r\n" },
        { "a long SMTP greeting is read to its end", "smtp",
          "220-mail\r\n220-be nice\r\n220 ESMTP\r\n250-mail\r\n250 STARTTLS\r\n220 go\r\n",
          .greeting = "220-mail\r\n220-be nice\r\n220 ESMTP\r\n" },
        { "a greeting that is too long to be kept is refused", "smtp",
          "220-" L1000 L1000 L1000 L1000 L1000 L1000 L1000 "\r\n220-" L1000 L1000 L1000 L1000 L1000 L1000 L1000
          "\r\n220 " L1000 L1000 L1000 "\r\n250-mail\r\n250 STARTTLS\r\n220 go\r\n", "", FAULT_PROTOCOL },
        { "SMTP without the offer is told apart", "smtp",
          "220 mail\r\n250-mail\r\n250 PIPELINING\r\n", "EHLO [127.0.0.1]\r\n",
          FAULT_NO_STARTTLS },
        { "an offer in the first line is the server's name and no offer", "smtp",
          "220 mail\r\n250-STARTTLS\r\n250 HELP\r\n", NULL, FAULT_NO_STARTTLS },
        { "STARTTLSX is no offer", "smtp", "220 mail\r\n250-mail\r\n250 STARTTLSX\r\n", NULL,
          FAULT_NO_STARTTLS },
        { "SMTP's 454 is a refusal", "smtp",
          "220 mail\r\n250-mail\r\n250 STARTTLS\r\n454 not now\r\n", NULL, FAULT_NO_STARTTLS },
        { "text behind SMTP's go-ahead is refused (CVE-2011-0411)", "smtp",
          "220 mail\r\n250-mail\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n", NULL,
          FAULT_UNSAFE },
        { "codes may not change within an answer", "smtp", "220 mail\r\n250-mail\r\n550 no\r\n",
          NULL, FAULT_PROTOCOL },
        { "554 is no SMTP greeting", "smtp", "554 go away\r\n", "", FAULT_PROTOCOL },
        { "two digits are no code", "smtp", "22 mail\r\n", "", FAULT_PROTOCOL },

        { "LMTP is upgraded", "lmtp", "220 mail LMTP\r\n250-mail\r\n250 STARTTLS\r\n220 go\r\n",
          "LHLO [127.0.0.1]\r\nSTARTTLS\r\n", .greeting = "220 mail LMTP\r\n" },
        { "LMTP without the offer is told apart", "lmtp", "220 mail\r\n250 mail\r\n", NULL, FAULT_NO_STARTTLS },
        { "text behind LMTP's go-ahead is refused", "lmtp",
          "220 mail\r\n250-mail\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n", NULL, FAULT_UNSAFE },

        { "FTP is upgraded", "ftp", "220 ready\r\n234 go\r\n", "AUTH TLS\r\n" },
        { "FTP's 534 is a refusal", "ftp", "220 ready\r\n534 no\r\n", NULL, FAULT_NO_STARTTLS },
        { "NNTP is upgraded", "nntp", "201 ready\r\n382 go\r\n", "STARTTLS\r\n" },
        { "NNTP's 580 is a refusal", "nntp", "200 ready\r\n580 no\r\n", NULL, FAULT_NO_STARTTLS },

        { "ManageSieve is upgraded", "sieve",
          "\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\nOK go\r\n", "STARTTLS\r\n",
          .greeting = "" },
        { "ManageSieve without the offer is told apart", "sieve",
          "\"IMPLEMENTATION\" \"x\"\r\nOK\r\n", "", FAULT_NO_STARTTLS },
        { "a literal from ManageSieve is refused", "sieve", "{3}\r\nOK\r\n", "", FAULT_PROTOCOL },

        { "XMPP is upgraded", "xmpp",
          XMPP_FEATURES "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
          XMPP_OPEN XMPP_START },
        { "XMPP without the offer is told apart", "xmpp",
          "<stream:stream><stream:features></stream:features>", XMPP_OPEN, FAULT_NO_STARTTLS },
        { "XMPP's failure is a refusal", "xmpp", XMPP_FEATURES "<failure/>", NULL,
          FAULT_NO_STARTTLS },
        { "text behind XMPP's go-ahead is refused", "xmpp",
          XMPP_FEATURES "<proceed xmlns='x'/><stream:features>", NULL, FAULT_UNSAFE },

        { "LDAP is upgraded", "ldap", .client = LDAP_ASK, .client_size = sizeof(LDAP_ASK) - 1,
          BYTES_SERVER("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00") },
        { "LDAP's result tells of a refusal", "ldap", .fault = FAULT_NO_STARTTLS,
          BYTES_SERVER("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00") },
        { "another LDAP message is no answer", "ldap", .fault = FAULT_PROTOCOL,
          BYTES_SERVER("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00") },
        { "an LDAP answer of two bytes is none", "ldap", .fault = FAULT_PROTOCOL,
          BYTES_SERVER("\x30\x02\x02\x01") },
        { "text behind LDAP's go-ahead is refused", "ldap", .fault = FAULT_UNSAFE,
          BYTES_SERVER("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30") },
};

static void send_all(int fd, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

                ck_assert_int_gt(n, 0);
                data += n;
                size -= (size_t) n;
        }
}

START_TEST(an_upgrade) {
        const Row *row = &rows[_i];
        const size_t size = row->server_size > 0 ? row->server_size : strlen(row->server);
        const size_t client_size = row->client_size > 0 ? row->client_size
                                   : row->client        ? strlen(row->client)
                                                        : 0;
        _cleanup_(fault_done) Fault fault = {};
        char said[4096];
        ssize_t n;
        int fds[2], r;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        send_all(fds[1], row->server, size);
        (void) shutdown(fds[1], SHUT_WR);

        Greeting greeting = {};
        Stream stream = { .fd = fds[0], .deadline = stream_now() + 20 * SEC, .greeting = &greeting };
        r = starttls_upgrade(starttls_by_name(row->protocol), &stream, "host.example", &fault);
        ck_assert_msg((r < 0) == (row->fault != FAULT_NONE), "%s: %d, %s", row->says, r,
                      fault.reason ? fault.reason : "");
        ck_assert_msg(fault.kind == row->fault, "%s: %u, not %u: %s", row->says,
                      (unsigned) fault.kind, (unsigned) row->fault,
                      fault.reason ? fault.reason : "");
        if (r < 0)
                ck_assert_ptr_nonnull(fault.reason);
        if (row->greeting)
                ck_assert_msg(greeting.size == strlen(row->greeting) &&
                                      memcmp(greeting.text, row->greeting, greeting.size) == 0,
                              "%s: \"%.*s\" is kept", row->says, (int) greeting.size, greeting.text);

        (void) shutdown(fds[0], SHUT_WR);
        n = recv(fds[1], said, sizeof(said), MSG_WAITALL);
        ck_assert_int_ge(n, 0);
        if (row->client)
                ck_assert_msg((size_t) n == client_size && memcmp(said, row->client,
                                                                  client_size) == 0,
                              "%s: we said \"%.*s\"", row->says, (int) n, said);
        (void) close_fd(fds[0]);
        (void) close_fd(fds[1]);
}
END_TEST

START_TEST(a_silent_server_ends_with_a_time_out_for_every_protocol) {
        const char *name = starttls_name((unsigned) _i);
        _cleanup_(fault_done) Fault fault = {};
        int fds[2], r;

        ck_assert_ptr_nonnull(name);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);

        Stream stream = { .fd = fds[0], .deadline = stream_now() + SEC / 20 };
        r = starttls_upgrade(starttls_by_name(name), &stream, "host.example", &fault);
        ck_assert_int_lt(r, 0);
        ck_assert_int_eq(fault.kind, FAULT_TIMEOUT);
        (void) close_fd(fds[0]);
        (void) close_fd(fds[1]);
}
END_TEST

START_TEST(lines_without_end_are_not_read_for_ever) {
        _cleanup_(fault_done) Fault fault = {};
        int fds[2], r, size = 1 << 20;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
        send_all(fds[1], "* OK ready\r\n", strlen("* OK ready\r\n"));
        for (unsigned i = 0; i < 257; i++)
                send_all(fds[1], "* nothing\r\n", strlen("* nothing\r\n"));

        Stream stream = { .fd = fds[0], .deadline = stream_now() + 20 * SEC };
        r = starttls_upgrade(starttls_by_name("imap"), &stream, "host.example", &fault);
        ck_assert_int_lt(r, 0);
        ck_assert_int_eq(fault.kind, FAULT_PROTOCOL);
        (void) close_fd(fds[0]);
        (void) close_fd(fds[1]);
}
END_TEST

START_TEST(plain_servers_are_recognised_by_their_greeting) {
        ck_assert_str_eq(starttls_protocol_name(starttls_guess("* OK hi", 993)), "imap");
        ck_assert_str_eq(starttls_protocol_name(starttls_guess("+OK hi", 995)), "pop3");
        ck_assert_str_eq(starttls_protocol_name(starttls_guess("220 hi", 465)), "smtp");
        ck_assert_str_eq(starttls_protocol_name(starttls_guess("220 hi", 21)), "ftp");
        ck_assert_str_eq(starttls_protocol_name(starttls_guess("220 hi", 24)), "lmtp");
        ck_assert_str_eq(starttls_protocol_name(starttls_guess("200 hi", 119)), "nntp");
        ck_assert_ptr_null(starttls_guess("SSH-2.0-OpenSSH", 22));
        ck_assert_ptr_null(starttls_guess("", 25));
        ck_assert_uint_eq(starttls_default_port(starttls_by_name("imap")), 143);
        ck_assert_uint_eq(starttls_default_port(starttls_by_name("pop3")), 110);
        ck_assert_uint_eq(starttls_default_port(starttls_by_name("smtp")), 587);
        ck_assert_ptr_null(starttls_by_name("IMAP"));
        ck_assert_ptr_null(starttls_by_name(""));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("starttls");
        TCase *tcase = tcase_create("starttls");
        SRunner *runner = srunner_create(suite);
        int n_protocols = 0, n_failed;

        while (starttls_name((unsigned) n_protocols))
                n_protocols++;
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, an_upgrade, 0, N_ELEMENTS(rows));
        tcase_add_loop_test(tcase, a_silent_server_ends_with_a_time_out_for_every_protocol, 0,
                            n_protocols);
        tcase_add_test(tcase, lines_without_end_are_not_read_for_ever);
        tcase_add_test(tcase, plain_servers_are_recognised_by_their_greeting);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
