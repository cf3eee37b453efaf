/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an import says of certificates against what they show: nothing is accepted that the certificate
 * itself does not bear out, and nothing that is held gets wider. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/encoding.h"
#include "daemon/json.h"
#include "tests/methods.h"

static Methods *m;

static void setup(void) {
        const PkiSpec own = { .subject = "Private Root", .ca = true };
        PkiSpec spec = { .subject = "Weak Issuer", .ca = true, .digest = GNUTLS_DIG_SHA1 };
        const Pki *authority;

        m = methods_new();
        authority = m->authority;
        methods_add_certificate(m, "root", &own);
        spec.issuer = methods_certificate(m, "root");
        methods_add_certificate(m, "weak", &spec);
        methods_add_certificate(m, "between", &(PkiSpec){ .subject = "Between", .ca = true,
                                                          .issuer = authority });
        spec = (PkiSpec){ .name = "mail.example.org", .issuer = methods_certificate(m, "root") };
        methods_add_certificate(m, "private", &spec);
        spec.issuer = methods_certificate(m, "weak");
        methods_add_certificate(m, "under", &spec);
        spec.not_after = PKI_NOW - PKI_DAY;
        spec.issuer = methods_certificate(m, "between");
        methods_add_certificate(m, "late", &spec);
        spec.issuer = authority;
        methods_add_certificate(m, "direct", &spec);
        methods_add_certificate(m, "staple", &(PkiSpec){ .name = "mail.example.org",
                                                         .issuer = authority, .must_staple = true });
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

static const char *digest_of(const char *certificate) {
        static char hex[SHA256_HEX_SIZE];
        Blob der = pki_der(methods_certificate(m, certificate));
        uint8_t digest[SHA256_SIZE];

        ck_assert_int_eq(sha256(der.data, der.size, digest), 0);
        hex_encode(digest, sizeof(digest), hex);
        return hex;
}

/* An exception for @certificate at @port that claims @problems; @more: other fields of the call. */
static struct json_object *import(const char *certificate, unsigned port, const char *problems,
                                  const char *more) {
        _cleanup_free_ char *parameters = NULL;

        ck_assert_int_ge(asprintf(&parameters,
                                  "{'certificates':[@%s],'exceptions':[{'host':'mail.example.org',"
                                  "'port':%u,'action':'allow','problems':[%s],'certificate':'%s'}],"
                                  "%s'finish':true}",
                                  certificate, port, problems, digest_of(certificate), more),
                         0);
        return methods_call(m, "ImportExceptions", parameters);
}

static void expect(const char *sentence, const char *method, const char *path, const char *value,
                   const char *format, ...) _printf_(5, 6);
static void expect(const char *sentence, const char *method, const char *path, const char *value,
                   const char *format, ...) {
        char parameters[256];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(parameters, sizeof(parameters), format, ap);
        va_end(ap);
        methods_walk(m, &(Step){ sentence, 0, method, parameters, path, value }, 1);
}

/* -- claims ---------------------------------------------------------------------------------- */

#define UNCONFIRMED "unconfirmed"

static const struct {
        const char *sentence;
        const char *certificate;
        const char *claims;
        const char *outcome;
        const char *state;    /* as it is stored */
        const char *problems;
        const char *chain;    /* what the server shows then */
        const char *because;
} claims[] = {
        { "what a certificate that signs itself shows", "bad", "'self-signed','name-mismatch'",
          "added", "live", "[\"self-signed\",\"name-mismatch\"]", "@bad", "exception" },
        { "what it cannot have above it is left out", "bad",
          "'self-signed','name-mismatch','unknown-issuer','incomplete-chain','issuer-expired',"
          "'weak-signature','weak-key','distrusted-issuer','revocation-unknown'",
          "added", "live", "[\"self-signed\",\"name-mismatch\"]", "@bad", "exception" },
        { "what it does not show is left out", "bad", "'self-signed','name-mismatch','expired'",
          "added", "live", "[\"self-signed\",\"name-mismatch\"]", "@bad", "exception" },
        { "an unknown issuer is asked about", "private", "'unknown-issuer'", "added", UNCONFIRMED,
          "[\"unknown-issuer\"]", "@private,@root", UNCONFIRMED },
        { "and without the rest of the chain", "private", "'unknown-issuer','incomplete-chain'",
          "added", UNCONFIRMED, "[\"unknown-issuer\",\"incomplete-chain\"]", "@private",
          UNCONFIRMED },
        { "so is a weak signature above it", "under", "'unknown-issuer','weak-signature'", "added",
          UNCONFIRMED, "[\"unknown-issuer\",\"weak-signature\"]", "@under,@weak", UNCONFIRMED },
        { "and one of which only that is claimed", "under", "'weak-signature'", "added",
          UNCONFIRMED, "[\"weak-signature\"]", "@under,@weak", UNCONFIRMED },
        { "its date alone can be told", "late", "'expired'", "added", "live", "[\"expired\"]",
          "@late,@between", "exception" },
        { "that date covers no missing issuer", "late", "'expired'", "added", "live",
          "[\"expired\"]", "@late", "new-problem" },
        { "a missing issuer is asked about, however good the chain is", "late",
          "'expired','unknown-issuer','incomplete-chain'", "added", UNCONFIRMED,
          "[\"expired\",\"unknown-issuer\",\"incomplete-chain\"]", "@late,@between", UNCONFIRMED },
        { "so is a weak key that is not its own", "late", "'expired','weak-key'", "added",
          UNCONFIRMED, "[\"expired\",\"weak-key\"]", "@late,@between", UNCONFIRMED },
        { "an authority's has a known issuer", "direct", "'expired','unknown-issuer'", "added",
          "live", "[\"expired\"]", "@direct", "exception" },
        { "and if nothing else is claimed nothing is left", "direct", "'unknown-issuer'",
          "nothing-left", "", "", "@direct", "no-exception" },
        { "what a server did not staple is asked about", "staple", "'revocation-unknown'", "added",
          UNCONFIRMED, "[\"revocation-unknown\"]", "@staple", UNCONFIRMED },
};

START_TEST(a_claim_counts_as_far_as_the_certificate_bears_it_out) {
        _cleanup_(json_freep) struct json_object *reply = NULL;
        const unsigned port = 993;

        reply = import(claims[_i].certificate, port, claims[_i].claims, "");
        ck_assert_msg(strcmp(methods_at(reply, "outcomes.0"), claims[_i].outcome) == 0, "%s: %s",
                      claims[_i].sentence, json_object_to_json_string(reply));
        expect(claims[_i].sentence, "ListExceptions", "exceptions.0.state", claims[_i].state, "{}");
        expect(claims[_i].sentence, "ListExceptions", "exceptions.0.problems", claims[_i].problems,
               "{}");
        expect(claims[_i].sentence, "Verify", "because", claims[_i].because,
               "{" AT "'chain':[%s]}", claims[_i].chain);
}
END_TEST

/* -- what is held ---------------------------------------------------------------------------- */

#define UNDER "{" AT "'chain':[@under,@weak]}"

START_TEST(what_the_person_says_here_counts) {
        _cleanup_(json_freep) struct json_object *reply = NULL;

        reply = import("under", 993, "'unknown-issuer','weak-signature','issuer-expired'", "");
        ck_assert_str_eq(methods_at(reply, "outcomes.0"), "added");
        WALK({ "it is asked about", 0, "Verify", UNDER, "because", "unconfirmed" },
             { "and why is told", 0, "Verify", UNDER, "unconfirmed_because", "imported" },
             { "what is shown is confirmed", 0, "AddException",
               "{" AT "'problems':['unknown-issuer','weak-signature'],"
               "'chain':[@under,@weak]}",
               "exception.id", "1" },
             { "and no more than that", 0, "GetException", "{'id':1}", "exception.problems",
               "[\"unknown-issuer\",\"weak-signature\"]" },
             { "it is accepted", 0, "Verify", UNDER, "because", "exception" });
}
END_TEST

START_TEST(what_is_held_gets_no_wider) {
        _cleanup_(json_freep) struct json_object *same = NULL, *wider = NULL, *forced = NULL;

        WALK({ "a date is allowed", 0, "AddException",
               "{" AT "'problems':['expired'],'chain':[@late,@between]}", "exception.id", "1" });
        same = import("late", 993, "'expired'", "");
        ck_assert_str_eq(methods_at(same, "outcomes.0"), "held");
        wider = import("late", 993, "'expired','unknown-issuer','incomplete-chain'", "");
        ck_assert_str_eq(methods_at(wider, "outcomes.0"), "wider");
        ck_assert_str_eq(methods_at(wider, "stored"), "false");
        forced = import("late", 993, "'expired','unknown-issuer','incomplete-chain'",
                        "'replace':true,");
        ck_assert_str_eq(methods_at(forced, "outcomes.0"), "added");
        WALK({ "a missing issuer is still asked about", 0, "Verify", "{" AT "'chain':[@late]}",
               "verdict", "prompt" },
             { "what was allowed here is accepted", 0, "Verify",
               "{" AT "'chain':[@late,@between]}", "because", "exception" },
             { "as it was", 0, "GetException", "{'id':1}", "exception.problems",
               "[\"expired\"]" });
}
END_TEST

int main(void) {
        Suite *s = suite_create("live, imports");
        TCase *tc = tcase_create("imports");
        SRunner *runner = srunner_create(s);
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        suite_add_tcase(s, tc);
        tcase_set_timeout(tc, 300);
        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_loop_test(tc, a_claim_counts_as_far_as_the_certificate_bears_it_out, 0,
                            N_ELEMENTS(claims));
        tcase_add_test(tc, what_the_person_says_here_counts);
        tcase_add_test(tc, what_is_held_gets_no_wider);

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed != 0;
}
