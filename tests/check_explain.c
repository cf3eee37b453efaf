/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people read about an answer. The answers come from a server of one reply, through the
 * library, so that what is explained is what a daemon can say. */
#include "config.h"

#include <check.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "client/certexc.h"
#include "client/cleanup.h"
#include "client/encoding.h"
#include "client/explain.h"

/* 2026-11-21 12:00:00 UTC */
#define NOW INT64_C(1795262400)

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define AA "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:"
#define FINGERPRINT_A AA "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA"

#define CERTIFICATE(subject)                                                                       \
        "{\"sha256\":\"" A64 "\",\"key_sha256\":\"" B64 "\",\"subject\":\"" subject "\","          \
        "\"issuer\":\"CN=issuer\",\"serial\":\"2a\",\"names\":[\"a.example\",\"b.example\"],"      \
        "\"not_before\":1790000000,\"not_after\":1795000000}"

#define EXCEPTION(action, end, state)                                                              \
        "{\"id\":7,\"owner\":1000,\"action\":\"" action "\",\"host\":\"imap.example.org\","        \
        "\"port\":993,\"pin\":\"certificate\",\"problems\":[\"expired\",\"self-signed\"],"         \
        "\"end\":" end ",\"state\":\"" state "\",\"created\":1790000000,\"changed\":1790000000,"   \
        "\"certificate\":" CERTIFICATE("CN=old") "}"

#define PROBLEM(name, can, at, value)                                                              \
        "{\"name\":\"" name "\",\"exceptable\":" can ",\"certificate\":" at ",\"value\":\"" value  \
        "\"}"

#define CHANGE(kind, due, end)                                                                     \
        "\"change\":{\"kind\":\"" kind "\",\"known_from\":\"seen\",\"since\":1790000000,"              \
        "\"old_was_due\":" due ",\"fields\":[\"subject\"],\"old\":{\"sha256\":\"" A64 "\","            \
        "\"key_sha256\":\"" B64 "\",\"subject\":\"CN=old\",\"issuer\":\"CN=issuer\","                 \
        "\"serial\":\"2a\",\"names\":[],\"not_before\":1790000000,\"not_after\":" end "}}"

typedef struct Row {
        const char *says;
        const char *fields; /* of the reply, without host, port and chain_sha256 */
        const char *wanted[9];
        const char *unwanted[6];
} Row;

static const Row rows[] = {
        { "accept is short",
          "\"verdict\":\"accept\",\"because\":\"no-problem\",\"problems\":[],\"new_problems\":[],"
          "\"leaf\":" CERTIFICATE("CN=x"),
          { "imap.example.org:993: accept. Nothing is wrong with the certificate.\n" },
          { "SHA-256", "Subject", "What is wrong" } },
        { "accept by an exception names it, its end and what it covers",
          "\"verdict\":\"accept\",\"because\":\"exception\",\"problems\":["
          PROBLEM("expired", "true", "0", "2026-01-01") "],\"new_problems\":[],\"exception\":"
          EXCEPTION("allow", "\"never\"", "live"),
          { "imap.example.org:993: accept.", "Exception 7 allows it for ever: expired, "
                                             "self-signed." },
          { "What is wrong" } },
        { "an exception that nothing needs any more may go",
          "\"verdict\":\"accept\",\"because\":\"no-problem\",\"problems\":[],\"new_problems\":[],"
          "\"obsolete\":true,\"exception\":" EXCEPTION("allow", "\"never\"", "live"),
          { "accept.", "Exception 7 is not needed any more: certexc revoke 7" },
          { "allows it" } },
        { "prompt tells every problem, its meaning, evidence, mender and advice",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("expired", "true", "0", "2026-01-01") ","
          PROBLEM("weak-key", "true", "2", "RSA 512") "],\"new_problems\":[],\"leaf\":"
          CERTIFICATE("CN=x"),
          { "imap.example.org:993: prompt.", "  expired\n    The server's certificate has "
                                             "passed its last day.\n",
            "Seen: \"2026-01-01\".\n", "Who can mend it: the server's administrator.\n",
            "Look at your computer's date first.", "Seen: \"RSA 512\", in certificate 3 of the "
                                                   "chain.\n",
            "    " FINGERPRINT_A "\n", "2026-11-18 11:06 (3 days ago)" },
          { "accept", "What changed", "nobody may allow" } },
        { "a new problem is marked, and the decision that lacks it is shown",
          "\"verdict\":\"prompt\",\"because\":\"new-problem\",\"problems\":["
          PROBLEM("expired", "true", "0", "") "," PROBLEM("weak-key", "true", "0", "")
          "],\"new_problems\":[\"weak-key\"],\"leaf\":" CERTIFICATE("CN=x") ",\"exception\":"
          EXCEPTION("allow", "\"date\",\"until\":1800000000", "live"),
          { "  expired\n", "  weak-key (new)\n", "The decision that nearly covers it\n",
            "until 2027-01-15 08:00", "exactly this certificate" },
          { "expired (new)", "Seen" } },
        { "a problem that is told twice is printed once",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("expired", "true", "0", "x") "," PROBLEM("expired", "true", "0", "x")
          "],\"new_problems\":[]",
          { "  expired\n    The server's certificate has passed its last day.\n    Seen: "
            "\"x\".\n", "It cannot be read." },
          { "date is right, the server's administrator forgot to renew the certificate: tell them. "
            "It is often mended within a few days.\n  expired" } },
        { "what changed is said in a sentence, with the old certificate",
          "\"verdict\":\"prompt\",\"because\":\"changed\",\"problems\":["
          PROBLEM("self-signed", "true", "0", "") "],\"new_problems\":[],\"leaf\":"
          CERTIFICATE("CN=new") ",\"change\":{\"kind\":\"replaced\",\"known_from\":\"exception\","
          "\"since\":1790000000,\"old_was_due\":false,\"fields\":[\"subject\"],\"old\":"
          CERTIFICATE("CN=old") "}",
          { "What changed\n", "  replaced: Neither the key nor an authority connects the",
            "  Subject     before: CN=old\n              now: CN=new\n",
            "  Issuer      as before: CN=issuer\n",
            "  Names       as before: a.example, b.example\n", "below proves nothing here: anybody",
            "  SHA-256 of the certificate before\n    " FINGERPRINT_A "\n",
            "The certificate that the server shows\n  Subject     CN=new\n", "Allowed" },
          { "Last seen" } },
        { "an old one that had expired was due",
          "\"verdict\":\"prompt\",\"because\":\"changed\",\"problems\":["
          PROBLEM("self-signed", "true", "0", "") "],\"new_problems\":[],\"leaf\":"
          CERTIFICATE("CN=new") "," CHANGE("reissued", "true", "1795000000"),
          { "  The old one expired on 2026-11-18 11:06 (3 days ago): a new one was due.\n",
            "Last seen" },
          { "be suspicious" } },
        { "an old one that would have expired soon was due",
          "\"verdict\":\"prompt\",\"because\":\"changed\",\"problems\":["
          PROBLEM("self-signed", "true", "0", "") "],\"new_problems\":[],\"leaf\":"
          CERTIFICATE("CN=new") "," CHANGE("reissued", "true", "1795300000"),
          { "  The old one would have expired on 2026-11-21 22:26 (in 10 hours): a new one was "
            "due.\n" },
          { "be suspicious" } },
        { "an old one that was good for years is reason for suspicion",
          "\"verdict\":\"prompt\",\"because\":\"changed\",\"problems\":["
          PROBLEM("self-signed", "true", "0", "") "],\"new_problems\":[],\"leaf\":"
          CERTIFICATE("CN=new") "," CHANGE("replaced", "false", "1860000000"),
          { "  The old one was good until 2028-12-09 18:40 (in 2 years): be suspicious.\n" },
          { "was due.\n" } },
        { "but not where the key is the same",
          "\"verdict\":\"prompt\",\"because\":\"changed\",\"problems\":["
          PROBLEM("self-signed", "true", "0", "") "],\"new_problems\":[],\"leaf\":"
          CERTIFICATE("CN=new") "," CHANGE("renewed", "false", "1860000000"),
          { "  The old one was good until 2028-12-09 18:40 (in 2 years).\n" },
          { "be suspicious" } },
        { "advice is told with its evidence",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("not-yet-valid", "true", "0", "") "],\"new_problems\":[],\"advice\":["
          "{\"id\":\"clock-before-store\",\"time\":1795262400},"
          "{\"id\":\"intercepted-by-antivirus\",\"name\":\"Avast\"},"
          "{\"id\":\"one-issuer-for-many\",\"name\":\"CN=\\u001b[2J\",\"hosts\":"
          "[\"a.example\",\"b.example\"]},{\"id\":\"from-the-future\"}]",
          { "What to know\n  This computer's clock was put back: it shows a time before "
            "2026-11-21 12:00, when", "bears the name of Avast, a program",
            "\"CN=\\u{1b}[2J\", also vouches for a.example, b.example, which" },
          { "\033", "from-the-future", "{" "name}" } },
        { "an authority that speaks for other names is not called unknown",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("unknown-issuer", "true", "-1", "bank.test (CN=Root)") "],\"new_problems\":[],"
          "\"advice\":[{\"id\":\"authority-limited\",\"name\":\"bank.test\",\"hosts\":"
          "[\"10.0.0.0/8\",\"example.org\"]}]",
          { "that may not speak for this name here.\n", "Seen: \"bank.test (CN=Root)\".",
            "imported to speak for 10.0.0.0/8, example.org alone. \"bank.test\" lies outside." },
          { "that this system does not know", "{" "hosts}" } },
        { "what was distrusted here is not said to have broken rules",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("distrusted-issuer", "true", "1", "CN=Mine") "],\"new_problems\":[],"
          "\"advice\":[{\"id\":\"distrusted-by-you\",\"name\":\"CN=Mine\"}]",
          { "It is, or comes from, what was distrusted on this computer.\n", "Seen: \"CN=Mine\", in certificate 2",
            "You said yourself that \"CN=Mine\" is not to be believed", "certexc authority list" },
          { "lost its trust", "broke its rules", "your provider" } },
        { "what is distrusted everywhere is, beside that",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("distrusted-issuer", "true", "1", "Symantec, whatever the date") "],\"new_problems\":[],"
          "\"advice\":[{\"id\":\"distrusted-by-administrator\",\"name\":\"CN=Mine\"}]",
          { "lost its trust", "broke its rules", "The administrator of this computer said that \"CN=Mine\"" },
          { "was distrusted on this computer" } },
        { "a time is told as people read it, with what stands behind it",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("issuer-expired", "true", "-1", "2021-01-01T00:00:00Z (CN=Root)") "],"
          "\"new_problems\":[]",
          { "Seen: \"2021-01-01 00:00 (CN=Root)\".", "outdated intermediate" },
          { "T00:00" } },
        { "where the clock is wrong nobody else is blamed",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("not-yet-valid", "true", "0", "2027-01-01T00:00:00Z") ","
          PROBLEM("issuer-expired", "true", "-1", "2027-01-01T00:00:00Z (CN=Root)") ","
          PROBLEM("revocation-unknown", "true", "0", "the list is from the future") ","
          PROBLEM("name-mismatch", "true", "0", "x") "],\"new_problems\":[],"
          "\"advice\":[{\"id\":\"clock-before-build\",\"time\":1795262400}]",
          { "clock is wrong, see below: put it right first.\n", "Check the server name",
            "clock is wrong: it shows a time before 2026-11-21 12:00" },
          { "outdated intermediate", "installed the certificate too early", "Try again later" } },
        { "reject says that nobody may allow it",
          "\"verdict\":\"reject\",\"because\":\"never-exceptable\",\"problems\":["
          PROBLEM("revoked", "false", "0", "") "],\"new_problems\":[]",
          { "imap.example.org:993: reject.", "revoked (nobody may allow this)\n" },
          { "accept", "prompt" } },
        { "a denial is named",
          "\"verdict\":\"reject\",\"because\":\"denial\",\"problems\":["
          PROBLEM("expired", "true", "0", "") "],\"new_problems\":[],\"exception\":"
          EXCEPTION("deny", "\"session\"", "live"),
          { "reject.", "The decision that refuses it\n", "denied", "until you log out",
            "Number      7\n" },
          { "nearly covers" } },
        { "a problem from the future is told, if not explained",
          "\"verdict\":\"prompt\",\"because\":\"from-the-future\",\"problems\":["
          PROBLEM("quantum-broken", "true", "0", "") "],\"new_problems\":[]",
          { "prompt.", "  quantum-broken\n", "older than the daemon" },
          { "accept", "(null)" } },
        { "a certificate cannot move a cursor or turn a line",
          "\"verdict\":\"prompt\",\"because\":\"no-exception\",\"problems\":["
          PROBLEM("name-mismatch", "true", "0", "\\u001b[2J\\u202egro.live") "],"
          "\"new_problems\":[],\"leaf\":" CERTIFICATE("CN=\\u001b]0;pwned\\u0007\\u009b31m\\u2066"
                                                      "\\nimap.example.org:993: accept."),
          { "Seen: \"\\u{1b}[2J\\u{202e}gro.live\".", "CN=\\u{1b}]0;pwned\\u{07}\\u{9b}31m"
                                                      "\\u{2066}\\u{0a}imap.example.org:993:" },
          { "\033", "\n  imap.example.org:993: accept", "\xe2\x80\xae", "\a", "\xc2\x9b" } },
};

typedef struct Server {
        const char *path;
        char *reply; /* with its NUL */
        int fd;
} Server;

static void *serve(void *p) {
        const Server *server = p;
        _cleanup_fd_ int fd = -1;
        char byte;

        fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                return NULL;
        do {
                if (read(fd, &byte, 1) != 1)
                        return NULL;
        } while (byte != '\0');
        (void) send(fd, server->reply, strlen(server->reply) + 1, MSG_NOSIGNAL);
        (void) read(fd, &byte, 1);
        return NULL;
}

/* Asks a server that gives @reply, and explains the answer. New text. */
static char *explained(const char *reply, const char *path) {
        static const uint8_t der[] = { 0x30, 0x00 };
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        Server server = { .path = path, .reply = (char *) reply };
        certexc_question *question = NULL;
        certexc_client *client = NULL;
        certexc_answer *answer = NULL;
        Output out = { .utf8 = true, .width = 200 };
        char *text = NULL;
        size_t size = 0;
        pthread_t thread;
        int r;

        memcpy(sa.sun_path, path, strlen(path));
        server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(server.fd, (struct sockaddr *) &sa, sizeof(sa)), 0);
        ck_assert_int_eq(listen(server.fd, 1), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, serve, &server), 0);

        ck_assert_int_eq(certexc_client_new(path, &client), 0);
        ck_assert_int_eq(certexc_question_new("imap.example.org", 993, &question), 0);
        ck_assert_int_eq(certexc_question_add_certificate(question, der, sizeof(der)), 0);
        r = certexc_verify(client, question, &answer);
        ck_assert_msg(r == 0, "%s", certexc_client_error(client));

        out.stream = open_memstream(&text, &size);
        explain_answer(&out, answer, NOW);
        (void) fclose(out.stream);

        (void) certexc_answer_free(answer);
        (void) certexc_question_free(question);
        (void) certexc_client_free(client);
        (void) pthread_join(thread, NULL);
        (void) close_fd(server.fd);
        return text;
}

START_TEST(an_answer_in_words) {
        const Row *row = &rows[_i];
        char directory[] = "/tmp/certexc-explain-XXXXXX", path[64], hex[SHA256_HEX_SIZE];
        _cleanup_free_ char *reply = NULL, *text = NULL;
        uint8_t digest[SHA256_SIZE];

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/s", directory);
        ck_assert_int_eq(sha256("\x30\x00", 2, digest), 0);
        hex_encode(digest, sizeof(digest), hex);
        ck_assert_int_gt(asprintf(&reply,
                                  "{\"parameters\":{\"host\":\"imap.example.org\",\"port\":993,"
                                  "\"chain_sha256\":\"%s\",%s}}", hex, row->fields), 0);
        text = explained(reply, path);
        (void) unlink(path);
        (void) rmdir(directory);

        for (size_t i = 0; i < N_ELEMENTS(row->wanted) && row->wanted[i]; i++)
                ck_assert_msg(strstr(text, row->wanted[i]), "%s: \"%s\" is missing in:\n%s",
                              row->says, row->wanted[i], text);
        for (size_t i = 0; i < N_ELEMENTS(row->unwanted) && row->unwanted[i]; i++)
                ck_assert_msg(!strstr(text, row->unwanted[i]), "%s: \"%s\" is in:\n%s", row->says,
                              row->unwanted[i], text);
}
END_TEST

START_TEST(endpoints_and_fingerprints_are_written_as_people_write_them) {
        char endpoint[EXPLAIN_ENDPOINT_MAX], fingerprint[EXPLAIN_FINGERPRINT_MAX];

        ck_assert_str_eq(explain_endpoint("a.example", 993, endpoint), "a.example:993");
        ck_assert_str_eq(explain_endpoint("::1", 993, endpoint), "[::1]:993");
        ck_assert_str_eq(explain_endpoint("::1", 0, endpoint), "::1");
        ck_assert_str_eq(explain_fingerprint(A64, fingerprint), FINGERPRINT_A);
        ck_assert_str_eq(explain_fingerprint("aa", fingerprint), "?");
        ck_assert_str_eq(explain_fingerprint(NULL, fingerprint), "?");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("explain");
        TCase *tcase = tcase_create("explain");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        (void) setlocale(LC_ALL, "C.UTF-8");
        (void) setenv("TZ", "UTC0", 1);
        tzset();
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, an_answer_in_words, 0, N_ELEMENTS(rows));
        tcase_add_test(tcase, endpoints_and_fingerprints_are_written_as_people_write_them);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
