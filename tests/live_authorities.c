/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Authorities that people import and what they distrust, through the real socket: whose they are, what
 * they may speak for, who hears of it, and what becomes of it when the daemon is killed. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/methods.h"

static Methods *m;
static Pki *root; /* "root", which nobody believes yet; "mail" and "bank" are by it */

static void setup(void) {
        m = methods_new();
        methods_add_certificate(m, "root", &(PkiSpec){ .subject = "Private Root", .ca = true });
        root = (Pki *) methods_certificate(m, "root");
        methods_add_certificate(m, "mail",
                                &(PkiSpec){ .name = "mail.example.org", .issuer = root });
        methods_add_certificate(m, "bank", &(PkiSpec){ .name = "bank.test", .issuer = root });
        methods_add_certificate(m, "authority", &(PkiSpec){ .subject = "Authority", .ca = true,
                                                            .key_of = m->authority });
        methods_add_certificate(m, "old", &(PkiSpec){ .subject = "Old Root", .version = 1 });
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

#define MAIL         "{" AT "'chain':[@mail]}"
#define BANK         "{'host':'bank.test','port':993,'chain':[@bank]}"
#define GOOD         "{" AT "'chain':[@good]}"
#define IMPORT_ALL   "{'der':@root,'all_names':true}"
#define IMPORT_SOME  "{'der':@root,'only':['Example.ORG','10.0.0.0/8']}"
#define DISTRUST_KEY "{'der':@authority}"

START_TEST(an_owners_authority_is_the_owners) {
        WALK({ "nobody believes it", ALICE, "Verify", MAIL, "problems.0.name", "unknown-issuer" },
             { "nor him", BOB, "Verify", MAIL, "problems.0.name", "unknown-issuer" },
             { "she imports it", ALICE, "ImportAuthority", IMPORT_ALL, "authority.id", "1" },
             { "and is let through", ALICE, "Verify", MAIL, "because", "no-problem" },
             { "everywhere", ALICE, "Verify", BANK, "because", "no-problem" },
             { "he is not", BOB, "Verify", MAIL, "verdict", "prompt" },
             { "nor is root", 0, "Verify", MAIL, "verdict", "prompt" },
             { "unless root asks in her name", 0, "Verify",
               "{" AT "'chain':[@mail],'owner':4711}", "because", "no-problem" },
             { "she sees it", ALICE, "ListAuthorities", "{'origin':'own'}",
               "authorities.0.certificate.subject", "CN=Private Root" },
             { "he does not", BOB, "ListAuthorities", "{'origin':'own'}", "authorities", "[]" },
             { "again is no news", ALICE, "ImportAuthority", IMPORT_ALL, "already", "true" },
             { "he cannot remove it", BOB, "RemoveAuthority", "{'id':1}", "error",
               "org.certexc1.NotFound" },
             { "she can", ALICE, "RemoveAuthority", "{'id':1}", "authority.state", "removed" },
             { "and is asked again at once", ALICE, "Verify", MAIL, "verdict", "prompt" },
             { "removing twice is no error", ALICE, "RemoveAuthority", "{'id':1}",
               "authority.state", "removed" },
             { "it is not listed", ALICE, "ListAuthorities", "{'origin':'own'}", "authorities",
               "[]" },
             { "except with all", ALICE, "ListAuthorities", "{'origin':'own','all':true}",
               "authorities.0.state", "removed" });
}
END_TEST

START_TEST(an_authority_for_some_names_speaks_for_no_others) {
        WALK({ "she imports it for two", ALICE, "ImportAuthority", IMPORT_SOME, "authority.only.1",
               "example.org" },
             { "these it speaks for", ALICE, "Verify", MAIL, "because", "no-problem" },
             { "and for no other", ALICE, "Verify", BANK, "problems.0.name", "unknown-issuer" },
             { "it is told why", ALICE, "Verify", BANK, "advice.0.id", "authority-limited" },
             { "for which name", ALICE, "Verify", BANK, "advice.0.name", "bank.test" },
             { "and what it may speak for", ALICE, "Verify", BANK, "advice.0.hosts",
               "[\"10.0.0.0\\/8\",\"example.org\"]" },
             { "at the problem itself, too", ALICE, "Verify", BANK, "problems.0.value",
               "bank.test (CN=Private Root)" },
             { "what it signed elsewhere may be allowed by itself", ALICE, "AddException",
               "{'host':'bank.test','port':993,'chain':[@bank],'problems':['unknown-issuer']}",
               "exception.action", "allow" },
             { "it is widened", ALICE, "ImportAuthority", IMPORT_ALL, "authority.only", "[]" },
             { "and speaks for all", ALICE, "Verify", BANK, "because", "no-problem" },
             { "it is the same one", ALICE, "ListAuthorities", "{'origin':'own'}",
               "authorities.1", "" });
}
END_TEST

START_TEST(the_systems_are_everyones) {
        WALK({ "she may not import for everyone", ALICE, "ImportAuthority",
               "{'der':@root,'all_names':true,'owner':-1}", "error",
               "org.certexc1.AccessDenied" },
             { "nor distrust for everyone", ALICE, "Distrust",
               "{'der':@root,'owner':-1}", "error", "org.certexc1.AccessDenied" },
             { "root may", 0, "ImportAuthority",
               "{'der':@root,'only':['example.org'],'owner':-1}", "authority.origin",
               "admin" },
             { "she is let through", ALICE, "Verify", MAIL, "because", "no-problem" },
             { "he is", BOB, "Verify", MAIL, "because", "no-problem" },
             { "not in the world", BOB, "Verify", BANK, "verdict", "prompt" },
             { "she sees it", ALICE, "ListAuthorities", "{'origin':'admin'}",
               "authorities.0.owner", "-1" },
             { "she cannot remove it", ALICE, "RemoveAuthority", "{'id':1}", "error",
               "org.certexc1.NotFound" },
             { "but need not believe it", ALICE, "Distrust", "{'der':@root}",
               "authority.kind", "distrust" },
             { "then she is asked", ALICE, "Verify", MAIL, "problems.0.name",
               "distrusted-issuer" },
             { "he is not", BOB, "Verify", MAIL, "because", "no-problem" },
             { "root distrusts it for everyone", 0, "Distrust", "{'der':@root,'owner':-1}", "authority.kind",
               "distrust" },
             { "which he is told", BOB, "Verify", "{" AT "'chain':[@mail,@root]}", "advice.0.id",
               "distrusted-by-administrator" },
             { "and root takes it back", 0, "RemoveAuthority", "{'id':2,'owner':-1}", "authority.state", "removed" },
             { "for everyone", BOB, "Verify", MAIL, "verdict", "prompt" });
}
END_TEST

START_TEST(what_is_distrusted_is_asked_about) {
        WALK({ "the system believes it", ALICE, "Verify", GOOD, "because", "no-problem" },
             { "she distrusts its key", ALICE, "Distrust", DISTRUST_KEY, "authority.pin", "key" },
             { "and is asked", ALICE, "Verify", GOOD, "verdict", "prompt" },
             { "with the reason", ALICE, "Verify", GOOD, "problems.0.name", "distrusted-issuer" },
             { "which is her own word", ALICE, "Verify", GOOD, "advice.0.id", "distrusted-by-you" },
             { "about the authority", ALICE, "Verify", GOOD, "advice.0.name", "CN=Authority" },
             { "which she may allow nevertheless", ALICE, "AddException",
               "{" AT "'chain':[@good],'problems':['distrusted-issuer']}", "exception.action",
               "allow" },
             { "he is not asked", BOB, "Verify", GOOD, "because", "no-problem" },
             { "again is no news", ALICE, "Distrust", DISTRUST_KEY, "already", "true" },
             { "she takes it back", ALICE, "RemoveAuthority", "{'id':1}", "authority.state",
               "removed" },
             { "and nothing is wrong", ALICE, "Verify", GOOD, "because", "no-problem" },
             { "importing it makes up for a distrust", ALICE, "Distrust", DISTRUST_KEY, "already",
               "false" },
             { "of the same key", ALICE, "ImportAuthority",
               "{'der':@authority,'all_names':true}", "already", "false" },
             { "and nothing is wrong again", ALICE, "Verify", GOOD, "because", "no-problem" },
             { "another certificate with its key", ALICE, "Distrust",
               "{'der':@authority,'pin':'certificate'}", "authority.pin",
               "certificate" },
             { "is another certificate", ALICE, "Verify", GOOD, "because", "no-problem" });
}
END_TEST

static char *digest_of(const Pki *pki) {
        uint8_t digest[SHA256_SIZE];
        char *hex = malloc(SHA256_HEX_SIZE);

        ck_assert_int_eq(sha256(pki_der(pki).data, pki_der(pki).size, digest), 0);
        hex_encode(digest, sizeof(digest), hex);
        return hex;
}

START_TEST(what_is_listed_can_be_distrusted_by_its_digest) {
        _cleanup_free_ char *system = digest_of(m->authority), *unknown = digest_of(root);
        char parameters[256], nobody[256], narrow[256];

        (void) snprintf(parameters, sizeof(parameters), "{'sha256':'%s','fingerprint':'%s'}",
                        system, system);
        (void) snprintf(nobody, sizeof(nobody), "{'sha256':'%s'}", unknown);
        (void) snprintf(narrow, sizeof(narrow), "{'sha256':'%s'}", system);
        WALK({ "the system's is listed", ALICE, "ListAuthorities", narrow, "authorities.0.origin",
               "system" },
             { "as what it is", ALICE, "ListAuthorities", narrow,
               "authorities.0.certificate.subject", "CN=Authority" },
             { "once", ALICE, "ListAuthorities", narrow, "authorities.1", "" },
             { "what nobody knows is not", ALICE, "ListAuthorities", nobody, "authorities",
               "[]" },
             { "nor can it be distrusted so", ALICE, "Distrust", nobody, "error",
               "org.certexc1.NotFound" },
             { "the system's can", ALICE, "Distrust", parameters, "authority.certificate.subject",
               "CN=Authority" },
             { "and then there are two of it", ALICE, "ListAuthorities", narrow,
               "authorities.1.origin", "system" });
}
END_TEST

START_TEST(what_is_no_authority_becomes_none) {
        WALK({ "a server's certificate", ALICE, "ImportAuthority",
               "{'der':@mail,'all_names':true}", "error", "org.certexc1.NotAnAuthority" },
             { "with the reason", ALICE, "ImportAuthority",
               "{'der':@mail,'all_names':true}", "reason",
               "it says that it is no authority" },
             { "one of the first version", ALICE, "ImportAuthority",
               "{'der':@old,'all_names':true}", "reason",
               "it is of version 1 and cannot say that it is an authority" },
             { "a bit of DER", ALICE, "ImportAuthority",
               "{'der':'MAMCAQA=','all_names':true}", "problems.0.name", "malformed" },
             { "and of the same nobody is distrusted", ALICE, "Distrust",
               "{'der':'MAMCAQA='}", "error", "org.certexc1.NotAnAuthority" },
             { "what ends its judge", ALICE, "ImportAuthority",
               "{'der':@crash,'all_names':true}", "error", "org.certexc1.JudgeFailed" },
             { "no base64", ALICE, "ImportAuthority", "{'der':'?','all_names':true}",
               "error", "org.certexc1.InvalidChain" },
             { "nothing", ALICE, "ImportAuthority", "{'der':'','all_names':true}",
               "error", "org.certexc1.InvalidChain" },
             { "for nobody in particular", ALICE, "ImportAuthority", "{'der':@root}",
               "field", "only" },
             { "for all and for some", ALICE, "ImportAuthority",
               "{'der':@root,'only':['a.example'],'all_names':true}", "field",
               "all_names" },
             { "for none", ALICE, "ImportAuthority", "{'der':@root,'only':[]}", "field",
               "only" },
             { "for a star", ALICE, "ImportAuthority",
               "{'der':@root,'only':['*.example.org']}", "field", "only" },
             { "for a number", ALICE, "ImportAuthority", "{'der':@root,'only':[5]}",
               "field", "only" },
             { "with another's fingerprint", ALICE, "ImportAuthority",
               "{'der':@root,'all_names':true,'fingerprint':'"
               "0000000000000000000000000000000000000000000000000000000000000000'}",
               "error", "org.certexc1.FingerprintMismatch" },
             { "with none", ALICE, "ImportAuthority",
               "{'der':@root,'all_names':true,'fingerprint':'x'}", "field",
               "fingerprint" },
             { "distrust of nothing", ALICE, "Distrust", "{}", "field", "der" },
             { "distrust of two things", ALICE, "Distrust",
               "{'der':@root,'sha256':''}", "field", "der" },
             { "distrust by half a digest", ALICE, "Distrust", "{'sha256':'00'}", "field",
               "sha256" },
             { "distrust of something odd", ALICE, "Distrust",
               "{'der':@root,'pin':'thing'}", "field", "pin" },
             { "a list of something odd", ALICE, "ListAuthorities", "{'origin':'hell'}", "field",
               "origin" },
             { "only to look", ALICE, "ImportAuthority",
               "{'der':@root,'all_names':true,'check':true}", "authority.id", "" },
             { "and nothing was stored", ALICE, "ListAuthorities", "{'origin':'own','all':true}",
               "authorities", "[]" });
}
END_TEST

static void configure(const char *line) {
        FILE *f;

        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        f = fopen(fixture_path(m->fixture, "conf/certexcd.conf"), "we");
        ck_assert_ptr_nonnull(f);
        (void) fprintf(f, "[Verdict]\n%s\n", line);
        (void) fclose(f);
}

START_TEST(the_administrator_takes_the_users_authorities_away) {
        WALK({ "she imports one", ALICE, "ImportAuthority", IMPORT_ALL, "already", "false" },
             { "root one for all", 0, "ImportAuthority",
               "{'der':@authority,'all_names':true,'owner':-1}", "already", "false" },
             { "she distrusts another", ALICE, "Distrust", "{'der':@good}",
               "authority.kind", "distrust" });
        configure("UserAuthorities=no");
        methods_restart(m, PKI_NOW);
        WALK({ "hers counts no more", ALICE, "Verify", MAIL, "verdict", "prompt" },
             { "but what she distrusts is distrusted", ALICE, "Verify", GOOD, "problems.0.name",
               "distrusted-issuer" },
             { "she cannot import", ALICE, "ImportAuthority", IMPORT_ALL, "error",
               "org.certexc1.AccessDenied" },
             { "nor can root for herself", 0, "ImportAuthority", IMPORT_ALL, "error",
               "org.certexc1.AccessDenied" },
             { "root can for all", 0, "ImportAuthority",
               "{'der':@root,'all_names':true,'owner':-1}", "already", "false" },
             { "and then she is let through", ALICE, "Verify", MAIL, "because", "no-problem" },
             { "she may remove hers", ALICE, "RemoveAuthority", "{'id':1}", "authority.state",
               "removed" });
}
END_TEST

/* -- who hears of it ------------------------------------------------------------------------- */

static Peer *monitor_as_root(const char *parameters) {
        _cleanup_free_ char *text = methods_text(m, "Monitor", parameters, true);
        _cleanup_(json_freep) struct json_object *ready = NULL;
        Peer *peer = peer_new(m->fixture);

        ck_assert(peer_send(peer, text));
        ready = peer_reply(peer, FIXTURE_WAIT_MSEC);
        ck_assert_str_eq(methods_at(ready, "event"), "ready");
        return peer;
}

static void expect_event(Peer *peer, const char *event) {
        _cleanup_(json_freep) struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

        ck_assert_ptr_nonnull(reply);
        methods_hold("Monitor", reply);
        ck_assert_str_eq(methods_at(reply, "event"), event);
}

START_TEST(a_change_is_told_to_those_whom_it_concerns) {
        _cleanup_(peer_freep) Peer *hers = monitor_as_root("{'owner':4711}");
        _cleanup_(peer_freep) Peer *his = monitor_as_root("{'owner':4712}");

        WALK({ "hers", ALICE, "ImportAuthority", IMPORT_ALL, "already", "false" });
        expect_event(hers, "authorities-changed");
        WALK({ "no change at all", ALICE, "ImportAuthority", IMPORT_ALL, "already", "true" },
             { "his", BOB, "Distrust", DISTRUST_KEY, "already", "false" },
             { "an exception of hers, to be told after", ALICE, "AddException",
               "{" AT SHOWN "'chain':[@bad]}", "already", "false" });
        expect_event(his, "authorities-changed");
        expect_event(hers, "allowed");
        WALK({ "everyone's", 0, "Distrust", "{'der':@root,'owner':-1}", "already",
               "false" });
        expect_event(hers, "authorities-changed");
        expect_event(his, "authorities-changed");
}
END_TEST

/* -- what stays ------------------------------------------------------------------------------ */

START_TEST(what_was_imported_outlives_the_daemon_and_the_distributions_store) {
        _cleanup_(pki_freep) Pki *other = pki_new(&(PkiSpec){ .subject = "Another", .ca = true });

        WALK({ "hers", ALICE, "ImportAuthority", IMPORT_SOME, "already", "false" },
             { "distrusted by him", BOB, "Distrust", DISTRUST_KEY, "already", "false" },
             { "taken back by root", 0, "ImportAuthority", IMPORT_ALL, "authority.id", "1" },
             { "that is", 0, "RemoveAuthority", "{'id':1}", "authority.state", "removed" });
        /* Not as it leaves, but as it is killed; and the distribution removes its authority. */
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(kill(m->fixture->launch.pid, SIGKILL), 0);
        (void) fixture_stop(m->fixture);
        pki_write(fixture_path(m->fixture, "authorities.pem"), (const Pki *const *) &other, 1,
                  false);
        methods_start(m, PKI_NOW);
        WALK({ "hers is there", ALICE, "Verify", MAIL, "because", "no-problem" },
             { "with its names", ALICE, "Verify", BANK, "verdict", "prompt" },
             { "root's is not", 0, "Verify", MAIL, "verdict", "prompt" },
             { "the distribution's is not", ALICE, "Verify", GOOD, "problems.0.name",
               "unknown-issuer" },
             { "and he distrusts it still", BOB, "ListAuthorities", "{'origin':'own'}",
               "authorities.0.kind", "distrust" });
}
END_TEST


/* The judge is gone: who answers without one remembers. */
START_TEST(a_reload_with_the_same_authorities_forgets_nothing) {
        WALK({ "she imports one", 0, "ImportAuthority", IMPORT_ALL, "already", "false" },
             { "and is let through", 0, "Verify", MAIL, "because", "no-problem" },
             { "a judge is there", 0, "GetStatus", "{}", "judges", "1" },
             { "which something ends", 0, "Verify", "{" AT "'chain':[@crash]}", "error",
               "org.certexc1.JudgeFailed" },
             { "so there is none", 0, "GetStatus", "{}", "judges", "0" });
        ck_assert_int_eq(kill(m->fixture->launch.pid, SIGHUP), 0);
        for (unsigned i = 0; i < 50; i++)
                WALK({ "she is let through without one", 0, "Verify", MAIL, "because",
                       "no-problem" },
                     { "there is none", 0, "GetStatus", "{}", "judges", "0" });
        WALK({ "a change is looked at", 0, "Distrust", "{'der':@other}", "already",
               "false" },
             { "by a judge", 0, "GetStatus", "{}", "judges", "1" });
}
END_TEST

/* -- bounds ---------------------------------------------------------------------------------- */

START_TEST(a_long_list_comes_in_pages) {
        _cleanup_(json_freep) struct json_object *first = NULL, *second = NULL;
        Pki *many[LIST_PAGE_MAX + 5];
        char after[64];

        for (size_t i = 0; i < N_ELEMENTS(many); i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "Authority %zu", i);
                many[i] = pki_new(&(PkiSpec){ .subject = name, .ca = true });
        }
        pki_write(fixture_path(m->fixture, "authorities.pem"), (const Pki *const *) many,
                  N_ELEMENTS(many), false);
        for (size_t i = 0; i < N_ELEMENTS(many); i++)
                (void) pki_free(many[i]);
        methods_restart(m, PKI_NOW);

        WALK({ "two of one's own", ALICE, "ImportAuthority", IMPORT_ALL, "already", "false" },
             { "and a distrust", ALICE, "Distrust", DISTRUST_KEY, "already", "false" });
        first = methods_call_as(m, ALICE, "ListAuthorities", "{}");
        ck_assert_str_eq(methods_at(first, "authorities.1.origin"), "own");
        ck_assert_str_eq(methods_at(first, "authorities.2.origin"), "system");
        ck_assert_str_ne(methods_at(first, "authorities.99"), "");
        ck_assert_str_eq(methods_at(first, "authorities.100"), "");
        (void) snprintf(after, sizeof(after), "{'after':%s}", methods_at(first, "next"));
        second = methods_call_as(m, ALICE, "ListAuthorities", after);
        ck_assert_str_ne(methods_at(second, "authorities.6"), "");
        ck_assert_str_eq(methods_at(second, "authorities.7"), "");
        ck_assert_str_eq(methods_at(second, "next"), "");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("authorities");
        TCase *tcase = tcase_create("authorities");
        SRunner *runner = srunner_create(suite);
        int n_failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        if (geteuid() != 0) {
                (void) fputs("SKIP: other uids can be had by root alone\n", stderr);
                return 77;
        }
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, an_owners_authority_is_the_owners);
        tcase_add_test(tcase, an_authority_for_some_names_speaks_for_no_others);
        tcase_add_test(tcase, the_systems_are_everyones);
        tcase_add_test(tcase, what_is_distrusted_is_asked_about);
        tcase_add_test(tcase, what_is_listed_can_be_distrusted_by_its_digest);
        tcase_add_test(tcase, what_is_no_authority_becomes_none);
        tcase_add_test(tcase, the_administrator_takes_the_users_authorities_away);
        tcase_add_test(tcase, a_change_is_told_to_those_whom_it_concerns);
        tcase_add_test(tcase, what_was_imported_outlives_the_daemon_and_the_distributions_store);
        tcase_add_test(tcase, a_reload_with_the_same_authorities_forgets_nothing);
        tcase_add_test(tcase, a_long_list_comes_in_pages);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
