/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the methods refuse, each by its name, through the real socket; and that nothing of it is
 * stored. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/json.h"
#include "tests/methods.h"

#define INVALID_PARAMETER "org.varlink.service.InvalidParameter"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static Methods *m;

static const struct {
        const char *sentence;
        const char *method;
        const char *parameters;
        const char *error; /* without org.certexc1., or whole */
        const char *path;  /* a field of it */
        const char *value; /* and a part of its value */
} rows[] = {
        /* fields */
        { "a host is needed", "Verify", "{'port':993,'chain':[@bad]}", INVALID_PARAMETER,
          "parameter", "host" },
        { "a host is a string", "Verify", "{'host':7,'port':993,'chain':[@bad]}",
          INVALID_PARAMETER, "parameter", "host" },
        { "a port is needed", "Verify", "{'host':'a.example','chain':[@bad]}", INVALID_PARAMETER,
          "parameter", "port" },
        { "a port is a number", "Verify", "{'host':'a.example','port':'993','chain':[@bad]}",
          INVALID_PARAMETER, "parameter", "port" },
        { "a port is whole", "Verify", "{'host':'a.example','port':993.5,'chain':[@bad]}",
          INVALID_PARAMETER, "parameter", "port" },
        { "a chain is an array", "Verify", "{" AT "'chain':@bad}", INVALID_PARAMETER, "parameter",
          "chain" },
        { "a digest is a string", "Verify", "{" AT "'chain_sha256':7}", INVALID_PARAMETER,
          "parameter", "chain_sha256" },
        { "starttls is true or false", "Verify", "{" AT "'chain':[@bad],'starttls':'imap'}",
          INVALID_PARAMETER, "parameter", "starttls" },
        { "a parameter that nobody knows", "Verify", "{" AT "'chain':[@bad],'colour':'red'}",
          INVALID_PARAMETER, "parameter", "colour" },
        { "a parameter of another method", "AddDenial", "{" AT SHOWN "'chain':[@bad]}",
          INVALID_PARAMETER, "parameter", "problems" },
        { "an owner is a number", "Verify", "{" AT "'chain':[@bad],'owner':'root'}",
          INVALID_PARAMETER, "parameter", "owner" },
        { "an owner below the system", "GetStatus", "{'owner':-2}", INVALID_PARAMETER, "parameter",
          "owner" },
        { "the uid that is none", "GetStatus", "{'owner':4294967295}", INVALID_PARAMETER,
          "parameter", "owner" },
        { "a method that nobody knows", "Allow", "{}", "org.varlink.service.MethodNotFound",
          "method", "Allow" },
        { "a monitor without more", "Monitor", "{}", "org.varlink.service.ExpectedMore", NULL,
          NULL },

        /* endpoints; the spellings of hosts are in a table of their own */
        { "a port below zero", "Verify", "{'host':'a.example','port':-1,'chain':[@bad]}",
          "InvalidPort", "port", "-1" },
        { "a port past the last", "Verify", "{'host':'a.example','port':65536,'chain':[@bad]}",
          "InvalidPort", "port", "65536" },
        { "a port past every number of ports", "Verify",
          "{'host':'a.example','port':4294968289,'chain':[@bad]}", "InvalidPort", "port",
          "4294968289" },
        { "an exception for no port", "AddException",
          "{'host':'a.example','port':0," SHOWN "'chain':[@bad]}", "InvalidPort", "port", "0" },
        { "a denial for no port", "AddDenial", "{'host':'a.example','port':0,'chain':[@bad]}",
          "InvalidPort", "port", "0" },
        { "an empty host", "AddException", "{'host':'','port':993," SHOWN "'chain':[@bad]}",
          "InvalidHost", "reason", "" },

        /* chains; more of them in check_presented */
        { "neither chain nor digest", "Verify", "{'host':'a.example','port':993}", "ChainUnknown",
          NULL, NULL },
        { "a digest that nobody showed", "Verify", "{" AT "'chain_sha256':'" ZEROS "'}",
          "ChainUnknown", NULL, NULL },
        { "a digest that is none", "Verify", "{" AT "'chain_sha256':'abc'}", "InvalidRequest",
          "field", "chain_sha256" },
        { "a digest of another chain", "Verify",
          "{" AT "'chain':[@bad],'chain_sha256':'" ZEROS "'}", "InvalidRequest", "reason",
          "not the digest" },
        { "an empty chain", "Verify", "{" AT "'chain':[]}", "InvalidChain", "certificate", "-1" },
        { "an empty certificate", "Verify", "{" AT "'chain':[@bad,'']}", "InvalidChain", "reason",
          "empty" },
        { "the index of the bad one", "Verify", "{" AT "'chain':[@bad,@good,'x']}", "InvalidChain",
          "certificate", "2" },
        { "a certificate that is a number", "Verify", "{" AT "'chain':[7]}", "InvalidChain",
          "reason", "not a string" },
        { "PEM in place of DER", "Verify",
          "{" AT "'chain':['-----BEGIN CERTIFICATE-----\\nMAA=\\n']}", "InvalidChain", "reason",
          "PEM" },
        { "no base64", "Verify", "{" AT "'chain':['***']}", "InvalidChain", "reason", "base64" },
        { "no DER", "Verify", "{" AT "'chain':['aGVsbG8=']}", "InvalidChain", "reason", "DER" },
        { "a staple that is none", "Verify", "{" AT "'chain':[@bad],'staple':'aGVsbG8='}",
          "InvalidRequest", "field", "staple" },
        { "a chain that kills the judge", "Verify", "{" AT "'chain':[@crash]}", "JudgeFailed",
          "reason", "died" },
        { "a chain that stops the judge", "Verify", "{" AT "'chain':[@spin]}", "JudgeFailed",
          "reason", "" },
        { "an exception for what kills it", "AddException", "{" AT SHOWN "'chain':[@crash]}",
          "JudgeFailed", "reason", "died" },

        /* consent */
        { "problems must be named", "AddException", "{" AT "'chain':[@bad]}", INVALID_PARAMETER,
          "parameter", "problems" },
        { "a problem with a NUL behind it", "AddException",
          "{" AT "'problems':['self-signed\\u0000','name-mismatch'],'chain':[@bad]}",
          "InvalidRequest", "field", "problems" },
        { "a problem that is none", "AddException", "{" AT "'problems':['ugly'],'chain':[@bad]}",
          "InvalidRequest", "field", "problems" },
        { "a problem that is a number", "AddException", "{" AT "'problems':[1],'chain':[@bad]}",
          "InvalidRequest", "field", "problems" },
        { "too few problems shown", "AddException",
          "{" AT "'problems':['self-signed'],'chain':[@bad]}", "ProblemsChanged", "problems",
          "name-mismatch" },
        { "too many problems shown", "AddException",
          "{" AT "'problems':['self-signed','name-mismatch','expired'],'chain':[@bad]}",
          "ProblemsChanged", "problems", "self-signed" },
        { "a problem shown where there is none", "AddException",
          "{" AT "'problems':['expired'],'chain':[@good]}", "ProblemsChanged", "problems", "[]" },
        { "an exception for what is right", "AddException", "{" AT "'problems':[],'chain':[@good]}",
          "NothingToExcept", NULL, NULL },
        { "an exception for what nobody may", "AddException",
          "{" AT "'problems':['bad-signature'],'chain':[@never]}", "NotExceptable", "problems",
          "bad-signature" },

        /* ends, pins and fingerprints */
        { "an end that has passed", "AddException", "{" AT SHOWN "'chain':[@bad],'until':1}",
          "InvalidRequest", "field", "until" },
        { "an end that is now", "AddException",
          "{" AT SHOWN "'chain':[@bad],'until':1767225600}", "InvalidRequest", "reason", "passed" },
        { "an end in microseconds", "AddException",
          "{" AT SHOWN "'chain':[@bad],'until':1767225600000000}", "InvalidRequest", "reason",
          "9999" },
        { "a date and a session", "AddException",
          "{" AT SHOWN "'chain':[@bad],'until':1767225700,'session':true}", "InvalidRequest",
          "field", "session" },
        { "a session of one who is not logged in", "AddException",
          "{" AT SHOWN "'chain':[@bad],'session':true}", "InvalidRequest", "field", "session" },
        { "a denial's end that has passed", "AddDenial", "{" AT "'chain':[@bad],'until':1}",
          "InvalidRequest", "field", "until" },
        { "a pin that is none", "AddException", "{" AT SHOWN "'chain':[@bad],'pin':'name'}",
          "InvalidRequest", "field", "pin" },
        { "a fingerprint that is none", "AddException",
          "{" AT SHOWN "'chain':[@bad],'fingerprint':'ab:cd'}", "InvalidRequest", "field",
          "fingerprint" },
        { "a fingerprint of another", "AddException",
          "{" AT SHOWN "'chain':[@bad],'fingerprint':'" ZEROS "'}", "FingerprintMismatch", "sha256",
          "" },
        { "a denial's fingerprint of another", "AddDenial",
          "{" AT "'chain':[@bad],'fingerprint':'" ZEROS "'}", "FingerprintMismatch", "key_sha256",
          "" },

        /* what is not there */
        { "an exception without an id", "GetException", "{}", INVALID_PARAMETER, "parameter",
          "id" },
        { "an id below zero", "GetException", "{'id':-1}", INVALID_PARAMETER, "parameter", "id" },
        { "an exception that is not there", "GetException", "{'id':1}", "NotFound", NULL, NULL },
        { "the largest id", "GetException", "{'id':9223372036854775807}", "NotFound", NULL, NULL },
        { "revoking what is not there", "RevokeException", "{'id':1}", "NotFound", NULL, NULL },
        { "revoking nothing", "RevokeException", "{'id':0}", "NotFound", NULL, NULL },
        { "a certificate that is not there", "GetCertificate", "{'sha256':'" ZEROS "'}", "NotFound",
          NULL, NULL },
        { "a certificate by half a digest", "GetCertificate", "{'sha256':'abcd'}",
          "InvalidRequest", "field", "sha256" },
        { "the history of what is not there", "GetHistory", "{'id':1}", "NotFound", NULL, NULL },
        { "a list at a port of no host", "ListExceptions", "{'port':993}", "InvalidRequest",
          "field", "port" },
        { "a list at no port", "ListExceptions", "{'host':'a.example','port':0}", "InvalidPort",
          "port", "0" },
        { "a list at no host", "ListExceptions", "{'host':'a b'}", "InvalidHost", "host", "a b" },
};

/* Spellings of hosts: what Verify answers as the host, or NULL and a part of the reason. */
static const struct {
        const char *sentence;
        const char *host; /* as JSON */
        const char *canonical;
} hosts[] = {
        { "upper case", "'IMAP.Example.ORG'", "imap.example.org" },
        { "a trailing dot", "'imap.example.org.'", "imap.example.org" },
        { "an international name", "'b\\u00fccher.example'", "xn--bcher-kva.example" },
        { "the same as an A-label", "'XN--bcher-KVA.example'", "xn--bcher-kva.example" },
        { "ideographic full stops", "'imap\\u3002example\\u3002org'", "imap.example.org" },
        { "an underscore", "'_dmarc.example.org'", "_dmarc.example.org" },
        { "an IPv4 address", "'192.0.2.1'", "192.0.2.1" },
        { "an IPv4 address in IPv6", "'::ffff:192.0.2.1'", "192.0.2.1" },
        { "an IPv6 address", "'2001:DB8:0:0::1'", "2001:db8::1" },
        { "a fake A-label", "'xn--a-ecp.ru.xn--'", NULL },
        { "254 characters",
          "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
          NULL },
        { "an embedded NUL", "'mail.example.org\\u0000.evil.example'", NULL },
        { "a space", "'mail example.org'", NULL },
        { "a space before", "' mail.example.org'", NULL },
        { "a line feed behind", "'mail.example.org\\n'", NULL },
        { "half an address", "'127.1'", NULL },
        { "a hexadecimal address", "'0x7f.1'", NULL },
        { "an octal address", "'0177.0.0.1'", NULL },
        { "an address as one number", "'2130706433'", NULL },
        { "a zone", "'fe80::1%eth0'", NULL },
        { "a port behind it", "'mail.example.org:993'", NULL },
        { "a wildcard", "'*.example.org'", NULL },
        { "an empty label", "'mail..example.org'", NULL },
        { "a dot alone", "'.'", NULL },
        { "an URL", "'https://mail.example.org/'", NULL },
        { "control characters", "'mail\\u001b[31m.example.org'", NULL },
};

static void setup(void) {
        m = methods_new();
}

/* After all refusals nothing is stored, and the daemon is the same that was started. */
static void teardown(void) {
        _cleanup_(json_freep) struct json_object *list = NULL, *history = NULL, *status = NULL;

        list = methods_call(m, "ListExceptions", "{'all':true}");
        ck_assert_str_eq(methods_at(list, "exceptions"), "[]");
        history = methods_call(m, "GetHistory", "{}");
        ck_assert_str_eq(methods_at(history, "entries"), "[]");
        status = methods_call(m, "GetStatus", "{}");
        ck_assert_str_eq(methods_at(status, "counts.bytes"), "0");
        ck_assert_str_eq(methods_at(status, "store"), "ok");
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

START_TEST(test_refused) {
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                const char *error;

                reply = methods_call(m, rows[i].method, rows[i].parameters);
                error = reply_error(reply);
                if (!strchr(rows[i].error, '.') && strncmp(error, "org.certexc1.", 13) == 0)
                        error += 13;
                ck_assert_msg(strcmp(error, rows[i].error) == 0, "%s: %s", rows[i].sentence,
                              json_object_to_json_string(reply));
                if (!rows[i].path)
                        continue;
                ck_assert_msg(strstr(methods_at(reply, rows[i].path), rows[i].value) &&
                                      *methods_at(reply, rows[i].path),
                              "%s: %s", rows[i].sentence, json_object_to_json_string(reply));
        }
}
END_TEST

START_TEST(test_hosts) {
        for (size_t i = 0; i < N_ELEMENTS(hosts); i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                char parameters[512];

                (void) snprintf(parameters, sizeof(parameters),
                                "{'host':%s,'port':993,'chain':[@bad]}", hosts[i].host);
                reply = methods_call(m, "Verify", parameters);
                if (hosts[i].canonical) {
                        ck_assert_msg(strcmp(methods_at(reply, "host"), hosts[i].canonical) == 0,
                                      "%s: %s", hosts[i].sentence,
                                      json_object_to_json_string(reply));
                        continue;
                }
                ck_assert_msg(strcmp(reply_error(reply), "org.certexc1.InvalidHost") == 0,
                              "%s: %s", hosts[i].sentence, json_object_to_json_string(reply));
                ck_assert_msg(*methods_at(reply, "reason"), "%s: a reason", hosts[i].sentence);
        }
}
END_TEST

/* Others than the owner, the administrator among them, and those who may be anybody. */
static const struct {
        const char *sentence;
        uid_t uid;
        const char *method;
        const char *parameters;
} denied[] = {
        { "another's list", 4711, "ListExceptions", "{'owner':0}" },
        { "the system's list", 4711, "ListExceptions", "{'owner':-1}" },
        { "another's exception", 4711, "GetException", "{'id':1,'owner':0}" },
        { "another's history", 4711, "GetHistory", "{'owner':4712}" },
        { "another's certificate", 4711, "GetCertificate", "{'sha256':'" ZEROS "','owner':0}" },
        { "another's status", 4711, "GetStatus", "{'owner':0}" },
        { "a verdict for another", 4711, "Verify", "{" AT "'chain':[@bad],'owner':0}" },
        { "an exception for another", 4711, "AddException",
          "{" AT SHOWN "'chain':[@bad],'owner':0}" },
        { "an exception for the system", 4711, "AddException",
          "{" AT SHOWN "'chain':[@bad],'owner':-1}" },
        { "a denial for the system", 4711, "AddDenial", "{" AT "'chain':[@bad],'owner':-1}" },
        { "revoking for another", 4711, "RevokeException", "{'id':1,'owner':0}" },
        { "the overflow uid's exception", 65534, "AddException", "{" AT SHOWN "'chain':[@bad]}" },
        { "the overflow uid's denial", 65534, "AddDenial", "{" AT "'chain':[@bad]}" },
        { "the overflow uid's list", 65534, "ListExceptions", "{}" },
        { "the overflow uid's status", 65534, "GetStatus", "{}" },
        { "root's exception for the overflow uid", 0, "AddException",
          "{" AT SHOWN "'chain':[@bad],'owner':65534}" },
};

START_TEST(test_denied) {
        for (size_t i = 0; i < N_ELEMENTS(denied); i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                reply = methods_call_as(m, denied[i].uid, denied[i].method, denied[i].parameters);
                ck_assert_msg(strcmp(reply_error(reply), "org.certexc1.AccessDenied") == 0,
                              "%s: %s", denied[i].sentence, json_object_to_json_string(reply));
                ck_assert_msg(*methods_at(reply, "reason"), "%s: a reason", denied[i].sentence);
        }
}
END_TEST

START_TEST(test_overflow_uid_may_ask) {
        _cleanup_(json_freep) struct json_object *first = NULL, *second = NULL, *good = NULL;
        _cleanup_(json_freep) struct json_object *by_root = NULL, *third = NULL;
        char parameters[256];

        first = methods_call_as(m, 65534, "Verify", "{" AT "'chain':[@bad]}");
        ck_assert_str_eq(methods_at(first, "verdict"), "prompt");
        (void) snprintf(parameters, sizeof(parameters), "{" AT "'chain_sha256':'%s'}",
                        methods_at(first, "chain_sha256"));
        second = methods_call_as(m, 65534, "Verify", parameters);
        ck_assert_msg(strcmp(reply_error(second), "org.certexc1.ChainUnknown") == 0,
                      "its chains are not remembered: another user may have the same number");

        by_root = methods_call(m, "Verify", "{" AT "'chain':[@bad],'owner':65534}");
        ck_assert_str_eq(methods_at(by_root, "verdict"), "prompt");
        third = methods_call_as(m, 65534, "Verify", parameters);
        ck_assert_msg(strcmp(reply_error(third), "org.certexc1.ChainUnknown") == 0,
                      "nor those that root shows in its name");

        good = methods_call_as(m, 65534, "Verify", "{" AT "'chain':[@good]}");
        ck_assert_str_eq(methods_at(good, "verdict"), "accept");
}
END_TEST

static TCase *case_new(const char *name) {
        TCase *tcase = tcase_create(name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 300);
        return tcase;
}

int main(void) {
        Suite *suite = suite_create("refusals");
        TCase *tcase = case_new("refused");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_test(tcase, test_refused);
        tcase_add_test(tcase, test_hosts);
        if (geteuid() == 0) {
                tcase_add_test(tcase, test_denied);
                tcase_add_test(tcase, test_overflow_uid_may_ask);
        } else {
                (void) fputs("Other uids: skipped, needs root\n", stderr);
        }
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
