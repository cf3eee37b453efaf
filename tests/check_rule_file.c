/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of exceptions.d, read: what each decision in it becomes, and by which sentence a slip of the pen is
 * refused. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/rule-file.h"
#include "tests/exports.h"

static Pki *one, *two;

static void set_up(void) {
        one = pki_new(&(PkiSpec){ .name = "one.example.org" });
        two = pki_new(&(PkiSpec){ .name = "two.example.org" });
}

static void tear_down(void) {
        one = pki_free(one);
        two = pki_free(two);
}

static int parse(const char *text, RuleFile **ret, char **ret_reason) {
        return rule_file_parse("/etc/x.json", (Blob){ (const uint8_t *) text, strlen(text) }, ret,
                               ret_reason);
}

/* @text with the first @old as @new (free()). */
static char *replace(const char *text, const char *old, const char *new) {
        const char *at = strstr(text, old);
        char *copy;

        ck_assert_msg(at, "%s is in the text", old);
        ck_assert_int_gt(asprintf(&copy, "%.*s%s%s", (int) (at - text), text, new, at + strlen(old)),
                         0);
        return copy;
}

/* -- what a decision becomes ------------------------------------------------------------------- */

static const struct {
        const char *sentence;
        const char *action;
        const char *more;
        DecisionAction is;
        DecisionPin pin;
        DecisionState state;
        ProblemSet problems;
        int64_t until; /* 0: for ever */
} becomes[] = {
        { "an exception", "allow", "'problems':['expired','self-signed'],", DECISION_ALLOW,
          PIN_CERTIFICATE, STATE_LIVE, PROBLEM_EXPIRED | PROBLEM_SELF_SIGNED, 0 },
        { "one with all that an export says", "allow",
          "'state':'live','pin':'key','problems':['expired'],'until':2000000000,'created':1700000000,",
          DECISION_ALLOW, PIN_KEY, STATE_LIVE, PROBLEM_EXPIRED, 2000000000 },
        { "one that waited to be confirmed still does", "allow",
          "'state':'unconfirmed','problems':['expired'],", DECISION_ALLOW, PIN_CERTIFICATE,
          STATE_UNCONFIRMED, PROBLEM_EXPIRED, 0 },
        { "one for nothing that is said allows nothing", "allow", "", DECISION_ALLOW, PIN_CERTIFICATE,
          STATE_UNCONFIRMED, 0, 0 },
        { "a denial", "deny", "", DECISION_DENY, PIN_CERTIFICATE, STATE_LIVE, 0, 0 },
        { "a denial refuses also where it was unconfirmed", "deny", "'state':'unconfirmed',",
          DECISION_DENY, PIN_CERTIFICATE, STATE_LIVE, 0, 0 },
        { "a denial of a key, of everything", "deny", "'pin':'key','problems':['expired'],",
          DECISION_DENY, PIN_KEY, STATE_LIVE, 0, 0 },
};

START_TEST(what_it_becomes) {
        const ExportRow row = { .action = becomes[_i].action, .more = becomes[_i].more, .pki = one };
        _cleanup_free_ char *text = export_text(&row, 1), *reason = NULL;
        _cleanup_(rule_file_freep) RuleFile *file = NULL;
        const Decision *d;
        int r = parse(text, &file, &reason);

        ck_assert_msg(r == 0, "%s: %s", becomes[_i].sentence, reason ? reason : "no reason");
        ck_assert_uint_eq(file->n_decisions, 1);
        d = file->decisions;
        ck_assert_int_eq(d->owner, OWNER_SYSTEM);
        ck_assert_str_eq(d->host, "mail.example.org");
        ck_assert_uint_eq(d->port, 993);
        ck_assert_int_eq(d->action, becomes[_i].is);
        ck_assert_int_eq(d->pin, becomes[_i].pin);
        ck_assert_msg(d->state == becomes[_i].state, "%s: %d", becomes[_i].sentence, (int) d->state);
        ck_assert_uint_eq(d->problems, becomes[_i].problems);
        ck_assert_int_eq(d->end, becomes[_i].until ? END_DATE : END_NEVER);
        ck_assert_int_eq(d->until, becomes[_i].until);
        ck_assert_ptr_nonnull(rule_file_certificate(file, d->certificate_sha256));
}
END_TEST

/* Of these the certificate is not in the file. */
static const struct {
        const char *sentence;
        const char *action;
        const char *more;
        const char *reason; /* NULL: it is taken */
        DecisionState state;
} bare[] = {
        { "what is known by its digest alone can be denied", "deny", "", NULL, STATE_LIVE },
        { "but is asked about before it is allowed", "allow", "'problems':['expired'],", NULL,
          STATE_UNCONFIRMED },
        { "its key is not known", "deny", "'pin':'key',",
          "decisions[0].pin: it pins a key, and the certificate is not in the file", 0 },
};

START_TEST(without_its_certificate) {
        const ExportRow row = { .action = bare[_i].action, .more = bare[_i].more, .pki = one };
        _cleanup_free_ char *whole = export_text(&row, 1), *reason = NULL, *text = NULL;
        _cleanup_(rule_file_freep) RuleFile *file = NULL;
        char *at = strstr(whole, "\"certificates\":[");
        int r;

        ck_assert_ptr_nonnull(at);
        at[strlen("\"certificates\":[")] = '\0';
        ck_assert_int_gt(asprintf(&text, "%s]}", whole), 0);
        r = parse(text, &file, &reason);
        if (bare[_i].reason) {
                ck_assert_int_eq(r, -EBADMSG);
                ck_assert_str_eq(reason, bare[_i].reason);
                return;
        }
        ck_assert_msg(r == 0, "%s: %s", bare[_i].sentence, reason ? reason : "no reason");
        ck_assert_int_eq(file->decisions[0].state, bare[_i].state);
        ck_assert_ptr_null(rule_file_certificate(file, file->decisions[0].certificate_sha256));
}
END_TEST

/* -- what is refused --------------------------------------------------------------------------- */

/* The file has two decisions, on its lines 2 and 3. */
static const struct {
        const char *sentence;
        const char *old, *new;
        const char *reason;
} refused[] = {
        { "a text that does not end", "]}\n", "", "line 6: " },
        { "a comma too many", "},\n{\"host\"", "},,\n{\"host\"", "line 2: " },
        { "a key that comes twice", "\"port\":993", "\"port\":993,\"port\":993", "line 2: " },
        { "another kind of file", "certexc-export", "certexc-list", "format: it is not certexc-export" },
        { "a file of the time to come", "\"version\":1", "\"version\":2",
          "version: a newer certexc wrote it" },
        { "no version", "\"version\":1,", "", "version: it is missing" },
        { "no decisions", "\"decisions\"", "\"decision\"", "decisions: it is missing" },
        { "a member that is none", "\"version\":1", "\"version\":1,\"lock\":true",
          "lock: there is no such field" },
        { "authorities and what is distrusted", "\"decisions\"",
          "\"authorities\":[{\"kind\":\"distrust\"}],\"decisions\"",
          "authorities: only decisions are taken from a file; import them, and take them out of it" },
        { "a slip of the pen that would prolong it", "\"port\":993,", "\"port\":993,\"untill\":1,",
          "decisions[0].untill: there is no such field" },
        { "a word that is none", "\"allow\"", "\"alow\"",
          "decisions[0].action: the action is neither allow nor deny" },
        { "no action", "\"action\":\"deny\",", "", "decisions[1].action: it is missing" },
        { "a port that is none", "993", "0", "decisions[0].port: the port is not one of 1 to 65535" },
        { "a port as text", "993", "\"993\"", "decisions[0].port: it is not a whole number" },
        { "a host that is none", "mail.example.org", "mail example",
          "decisions[0].host: " },
        { "a problem that is none", "self-signed", "self-sighed",
          "decisions[0].problems: one of the problems is no problem's name" },
        { "a problem that nobody may allow", "self-signed", "revoked",
          "decisions[0].problems: one of them may be allowed by nobody" },
        { "a pin that is none", "\"action\":\"deny\"", "\"pin\":\"name\",\"action\":\"deny\"",
          "decisions[1].pin: the pin is neither certificate nor key" },
        { "a state that is none", "\"action\":\"deny\"", "\"state\":\"revoked\",\"action\":\"deny\"",
          "decisions[1].state: the state is neither live nor unconfirmed" },
        { "a digest that is none", "\"certificate\":\"", "\"certificate\":\"x",
          "decisions[0].certificate: the certificate is not 64 hexadecimal digits" },
        { "a certificate of nobody", "{\"sha256\":\"",
          "{\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000000\","
          "\"der\":\"MAA=\"},{\"sha256\":\"",
          "certificates: there are more than decisions" },
        { "bytes that are no base64", "\"der\":\"", "\"der\":\"*",
          "certificates[0].der: it is no base64 of a certificate of lawful size" },
        { "no bytes at all", "\"der\":\"", "\"dex\":\"", "certificates[0].der: it is missing" },
        { "a decision that is no object", "{\"host\"", "7,{\"host\"", "decisions[0].host: " },
};

static char *two_decisions(void) {
        const ExportRow rows[] = { { .action = "allow", .pki = one }, { .action = "deny", .pki = two } };

        return export_text(rows, 2);
}

static void expect_refusal(const char *sentence, const char *text, const char *expected) {
        _cleanup_(rule_file_freep) RuleFile *file = NULL;
        _cleanup_free_ char *reason = NULL;

        ck_assert_msg(parse(text, &file, &reason) == -EBADMSG, "%s", sentence);
        ck_assert_msg(strncmp(reason, expected, strlen(expected)) == 0, "%s: %s", sentence, reason);
        ck_assert_ptr_null(file);
}

START_TEST(what_is_refused) {
        _cleanup_free_ char *whole = two_decisions();
        _cleanup_free_ char *text = replace(whole, refused[_i].old, refused[_i].new);

        expect_refusal(refused[_i].sentence, text, refused[_i].reason);
}
END_TEST

START_TEST(a_certificate_that_was_exchanged) {
        const ExportRow rows[] = { { .action = "allow", .pki = one }, { .action = "deny", .pki = two } };
        const ExportRow other = { .action = "allow", .pki = two };
        _cleanup_free_ char *whole = export_text(rows, 2), *from = export_text(&other, 1), *text = NULL;
        char *der = strstr(whole, "\"der\":\""), *foreign = strstr(from, "\"der\":\"");

        ck_assert(der && foreign);
        *strstr(foreign + 7, "\"") = '\0';
        *der = '\0';
        ck_assert_int_gt(asprintf(&text, "%s%s%s", whole, foreign, strstr(der + 7, "\"")), 0);
        expect_refusal("its bytes are another's", text,
                       "certificates[0].der: its bytes are not those of the certificate that the "
                       "fingerprint names");
}
END_TEST

START_TEST(a_certificate_that_comes_twice) {
        const ExportRow row = { .action = "allow", .pki = one };
        const ExportRow rows[] = { row, row };
        _cleanup_free_ char *whole = export_text(rows, 2), *twice = NULL, *text = NULL;
        char *certificate = strstr(whole, "{\"sha256\"");

        ck_assert_ptr_nonnull(certificate);
        twice = strndup(certificate, (size_t) (strchr(certificate, '}') + 1 - certificate));
        ck_assert_int_gt(asprintf(&text, "%.*s%s,%s", (int) (certificate - whole), whole, twice,
                                  certificate),
                         0);
        expect_refusal("it is there already", text, "certificates: one comes twice");
}
END_TEST

START_TEST(an_export_without_authorities_says_so) {
        _cleanup_free_ char *whole = two_decisions(), *reason = NULL;
        _cleanup_free_ char *text = replace(whole, "\"certificates\":[", "\"authorities\":[],\"certificates\":[");
        _cleanup_(rule_file_freep) RuleFile *file = NULL;

        ck_assert_int_eq(parse(text, &file, &reason), 0);
        ck_assert_uint_eq(file->n_decisions, 2);
}
END_TEST

START_TEST(a_host_is_brought_to_its_form) {
        const ExportRow row = { .action = "deny", .host = "B\\u00dcCHER.example.", .port = 65535, .pki = one };
        _cleanup_free_ char *text = export_text(&row, 1), *reason = NULL;
        _cleanup_(rule_file_freep) RuleFile *file = NULL;

        ck_assert_int_eq(parse(text, &file, &reason), 0);
        ck_assert_str_eq(file->decisions[0].host, "xn--bcher-kva.example");
        ck_assert_uint_eq(file->decisions[0].port, 65535);
}
END_TEST

START_TEST(what_a_judge_says_is_every_decision_s) {
        const ExportRow rows[] = { { .action = "allow", .more = "'pin':'key','problems':['expired'],", .pki = one },
                                   { .action = "deny", .pki = two },
                                   { .action = "deny", .port = 25, .pki = one } };
        _cleanup_free_ char *text = export_text(rows, 3), *reason = NULL;
        _cleanup_(rule_file_freep) RuleFile *file = NULL;
        char none[] = "", *names[] = { NULL };
        CertificateFacts facts = { .key_sha256 = { 7 }, .subject = none, .issuer = none,
                                   .serial = none, .names = names };
        const RuleCertificate *c;

        ck_assert_int_eq(parse(text, &file, &reason), 0);
        c = rule_file_certificate(file, file->decisions[0].certificate_sha256);
        ck_assert_int_eq(rule_file_learn(file, (size_t) (c - file->certificates), &facts), 0);
        ck_assert_ptr_nonnull(c->facts);
        ck_assert_uint_eq(file->decisions[0].key_sha256[0], 7);
        ck_assert_uint_eq(file->decisions[1].key_sha256[0], 0);
        ck_assert_uint_eq(file->decisions[2].key_sha256[0], 7);
}
END_TEST

/* Each value counts one, each object and array as much as 16. */
static char *many_values(size_t n) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(f);
        (void) fputs("{\"format\":[0", f);
        for (size_t i = 1; i < n; i++)
                (void) fputs(",0", f);
        (void) fputs("]}", f);
        ck_assert_int_eq(fclose(f), 0);
        return text;
}

START_TEST(values_have_their_bound) {
        _cleanup_free_ char *text = many_values(RULE_VALUES_MAX - 2U * 16U - 1U);
        _cleanup_free_ char *more = many_values(RULE_VALUES_MAX - 2U * 16U - 1U + 1);

        expect_refusal("as many as there may be are only wrong", text, "format: it is not a string");
        expect_refusal("one more is too many", more, "line 1: it has too many values");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("rule-file");
        TCase *tcase = tcase_create("rule-file");
        SRunner *runner = srunner_create(suite);
        int failed;

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, what_it_becomes, 0, N_ELEMENTS(becomes));
        tcase_add_loop_test(tcase, without_its_certificate, 0, N_ELEMENTS(bare));
        tcase_add_loop_test(tcase, what_is_refused, 0, N_ELEMENTS(refused));
        tcase_add_test(tcase, a_certificate_that_was_exchanged);
        tcase_add_test(tcase, a_certificate_that_comes_twice);
        tcase_add_test(tcase, an_export_without_authorities_says_so);
        tcase_add_test(tcase, a_host_is_brought_to_its_form);
        tcase_add_test(tcase, what_a_judge_says_is_every_decision_s);
        tcase_add_test(tcase, values_have_their_bound);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
