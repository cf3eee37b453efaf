/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two doors, one daemon behind each, the same calls through both: every answer is the same, field
 * by field, for every method and every error. With CERTEXC_TEST_VERBOSE=1 in the environment it prints a table
 * of the methods. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/encoding.h"
#include "daemon/json.h"
#include "tests/methods.h"
#include "tests/private-bus.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static Methods *m; /* behind the socket */
static Fixture *f; /* behind the bus */
static PrivateBus *b;
static sd_bus *bus;

static const struct {
        const char *sentence, *method, *parameters;
} rows[] = {
        /* At a port of its own: that it was seen is written when nobody waits for it. */
        { "nothing is wrong", "Verify",
          "{'host':'mail.example.org','port':465,'chain':[@good]}" },
        { "something is", "Verify", "{" AT "'chain':[@bad]}" },
        { "of a chain with more", "Verify", "{" AT "'chain':[@bad,@good,@other]}" },
        { "of one that nobody may allow", "Verify", "{" AT "'chain':[@never],'starttls':true}" },
        { "no port is known", "Verify", "{'host':'mail.example.org','port':0,'chain':[@bad]}" },
        { "a host that needs its canonical form", "Verify",
          "{'host':'B\\u00fcCHER.example.','port':993,'chain':[@bad]}" },
        { "a host that is none", "Verify", "{'host':'a b','port':993,'chain':[@bad]}" },
        { "a port that is none", "Verify", "{'host':'a.example','port':65536,'chain':[@bad]}" },
        { "a port far out", "Verify", "{'host':'a.example','port':-9223372036854775808}" },
        { "no chain", "Verify", "{'host':'a.example','port':993}" },
        { "an empty chain", "Verify", "{" AT "'chain':[]}" },
        { "an empty certificate", "Verify", "{" AT "'chain':[@bad,'']}" },
        { "no DER", "Verify", "{" AT "'chain':['aGVsbG8=']}" },
        { "a staple that is none", "Verify", "{" AT "'chain':[@bad],'staple':'aGVsbG8='}" },
        { "a digest that nobody showed", "Verify", "{" AT "'chain_sha256':'" ZEROS "'}" },
        { "a digest that is none", "Verify", "{" AT "'chain_sha256':'abc'}" },
        { "a digest that is a number", "Verify", "{" AT "'chain_sha256':7}" },
        { "a word for yes or no", "Verify", "{" AT "'chain':[@bad],'starttls':'imap'}" },
        { "text for bytes", "Verify", "{" AT "'chain':'text'}" },
        { "a parameter that nobody knows", "Verify", "{" AT "'chain':[@bad],'colour':'red'}" },
        { "an owner that is none", "GetStatus", "{'owner':-2}" },
        { "a chain that kills the judge", "Verify", "{" AT "'chain':[@crash]}" },
        { "a person is needed, and there is no agent", "Ask", "{" AT "'chain':[@bad]}" },
        { "a person is not needed", "Ask", "{" AT "'chain':[@good],'timeout':1}" },
        { "an endless wait", "Ask", "{" AT "'chain':[@bad],'timeout':601}" },
        { "an answer to nothing", "AnswerPrompt",
          "{'number':1,'shown_sha256':'" ZEROS "','choice':'deny'}" },
        { "too few problems", "AddException", "{" AT "'problems':['self-signed'],'chain':[@bad]}" },
        { "problems where there are none", "AddException",
          "{" AT "'problems':['expired'],'chain':[@good]}" },
        { "nothing to allow", "AddException", "{" AT "'problems':[],'chain':[@good]}" },
        { "what nobody may allow", "AddException",
          "{" AT "'problems':['bad-signature'],'chain':[@never]}" },
        { "a fingerprint of another", "AddException",
          "{" AT SHOWN "'chain':[@bad],'fingerprint':'" ZEROS "'}" },
        { "a session of nobody", "AddException", "{" AT SHOWN "'chain':[@bad],'session':true}" },
        { "an end that has passed", "AddException", "{" AT SHOWN "'chain':[@bad],'until':1}" },
        { "nothing of that was stored", "ListExceptions", "{'all':true}" },
        { "nor is it history", "GetHistory", "{}" },
        { "an exception", "AddException", "{" AT SHOWN "'chain':[@bad]}" },
        { "the same again", "AddException", "{" AT SHOWN "'chain':[@bad]}" },
        { "which is accepted", "Verify", "{" AT "'chain':[@bad]}" },
        { "another is a change", "Verify", "{" AT "'chain':[@other]}" },
        { "the same key is renewed", "Verify", "{" AT "'chain':[@renewed]}" },
        { "an exception for the key, until then", "AddException",
          "{" AT SHOWN "'chain':[@other],'pin':'key','until':1798761600}" },
        { "an exception for the system", "AddException",
          "{'host':'a.example','port':25," SHOWN "'chain':[@bad],'owner':-1}" },
        { "a denial", "AddDenial", "{" AT "'chain':[@renewed]}" },
        { "which is refused", "Verify", "{" AT "'chain':[@renewed]}" },
        { "all decisions", "ListExceptions", "{'all':true}" },
        { "those at one host", "ListExceptions", "{'host':'MAIL.example.org','port':993}" },
        { "the system's", "ListExceptions", "{'owner':-1}" },
        { "a list at a port of no host", "ListExceptions", "{'port':993}" },
        { "one decision", "GetException", "{'id':1}" },
        { "one that is not there", "GetException", "{'id':77}" },
        { "an id below zero", "GetException", "{'id':-1}" },
        { "a certificate that is not there", "GetCertificate", "{'sha256':'" ZEROS "'}" },
        { "its certificate", "GetCertificate", "{'sha256':'%bad'}" },
        { "a part of an import", "ImportExceptions", "{'certificates':[@bad]}" },
        { "an import", "ImportExceptions",
          "{'certificates':[@bad],'exceptions':[{'host':'i.example','port':1,'action':'allow',"
          "'problems':['self-signed'],'certificate':'%bad'}],'finish':true}" },
        { "an import that makes no sense", "ImportExceptions",
          "{'exceptions':[{'host':'i.example','port':0,'action':'allow','certificate':'%bad'}]}" },
        { "an import of an authority", "ImportExceptions",
          "{'certificates':[@authority],'authorities':[{'kind':'authority','only':['a.example'],"
          "'certificate':'%authority'}],'finish':true,'dry_run':true}" },
        { "one that does not say for which names", "ImportExceptions",
          "{'authorities':[{'kind':'authority','certificate':'%authority'}]}" },
        { "revoked", "RevokeException", "{'id':1}" },
        { "revoked again", "RevokeException", "{'id':1}" },
        { "all that happened", "GetHistory", "{}" },
        { "to one of them", "GetHistory", "{'id':1,'after':1}" },
        { "the authorities", "ListAuthorities", "{}" },
        { "those of nowhere", "ListAuthorities", "{'origin':'hell'}" },
        { "an authority that is none", "ImportAuthority", "{'der':@bad,'all_names':true}" },
        { "one for nobody in particular", "ImportAuthority", "{'der':@authority}" },
        { "one for a star", "ImportAuthority", "{'der':@authority,'only':['*.example']}" },
        { "one to look at", "ImportAuthority",
          "{'der':@authority,'only':['a.example'],'check':true}" },
        { "one for some", "ImportAuthority", "{'der':@authority,'only':['a.example','10.0.0.0/8']}" },
        { "the same again", "ImportAuthority",
          "{'der':@authority,'only':['10.0.0.0/8','a.example']}" },
        { "one for the system", "ImportAuthority",
          "{'der':@authority,'all_names':true,'owner':-1}" },
        { "a distrust", "Distrust", "{'der':@other}" },
        { "one by digest", "Distrust", "{'sha256':'%bad','pin':'certificate'}" },
        { "one of nobody", "Distrust", "{'sha256':'" ZEROS "'}" },
        { "all of one's own", "ListAuthorities", "{'origin':'own','all':true}" },
        { "removed", "RemoveAuthority", "{'id':5}" },
        { "one that is not there to remove", "RemoveAuthority", "{'id':77}" },
        { "rebuilt", "Rebuild", "{}" },
        { "examined", "CheckStore", "{}" },
        { "examined to the ground", "CheckStore", "{'deep':true}" },
        { "the state of all", "GetStatus", "{}" },
        { "it is still there", "ListExceptions", "{'all':true}" },
};

/* What is not called here, and why. */
static const char *const not_here[] = {
        "Monitor", "RegisterAgent", /* stream on the socket; in live_bus */
};

static const char *const only_refused[] = {
        "AnswerPrompt", /* there is no agent here; in live_bus_agents */
};

static const char *const other_errors[] = {
        "MalformedMessage", /* the bus has its own */
        "AccessDenied", "LimitReached", /* in live_bus and live_polkit */
        "HeldByFile", "InDoubt", "StoreFailed", "Rebuilding", /* nothing in them that the others have not */
};

static void setup(void) {
        const char *arguments[] = { "--replace-clock=1767225600", NULL };

        m = methods_new();
        methods_add_certificate(m, "authority", &(PkiSpec){ .subject = "Private", .ca = true });
        ck_assert_int_eq(m->clock, 1767225600);
        f = fixture_new();
        b = private_bus_new(f->directory);
        pki_write(fixture_path(f, "authorities.pem"), (const Pki *const *) &m->authority, 1, false);
        f->how = m->fixture->how;
        f->bus = true;
        fixture_start(f, arguments);
        bus = private_bus_open();
        private_bus_wait_for(bus, "org.certexc1");
}

static void teardown(void) {
        bus = sd_bus_flush_close_unref(bus);
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        ck_assert_int_eq(fixture_stop(f), 0);
        b = private_bus_free(b);
        f = fixture_free(f);
        m = methods_free(m);
}

/* Parameters with the certificate's digest in the place of %bad. */
static char *parameters_new(const char *text) {
        const char *at = strstr(text, "%bad");
        Blob der = pki_der(methods_certificate(m, "bad"));
        char *copy, hex[SHA256_HEX_SIZE];
        uint8_t digest[SHA256_SIZE];

        if (!at)
                return strdup(text);
        ck_assert_int_eq(sha256(der.data, der.size, digest), 0);
        hex_encode(digest, sizeof(digest), hex);
        ck_assert_int_gt(asprintf(&copy, "%.*s%s%s", (int) (at - text), text, hex, at + 4), 0);
        return copy;
}

/* What each daemon has of its own: where it lives, who is connected, and the clock's time of
 * files. */
static void remove_own(struct json_object *reply) {
        static const char *const own[] = { "state_directory", "authorities_from", "connections",
                                           "generation" };
        static const char *const files[] = { "kept", "free_bytes", "findings" };
        struct json_object *o = NULL, *within = NULL;

        if (!json_object_object_get_ex(reply, "parameters", &o))
                return;
        for (size_t i = 0; i < N_ELEMENTS(own); i++)
                json_object_object_del(o, own[i]);
        if (json_object_object_get_ex(o, "rebuild", &within) ||
            json_object_object_get_ex(o, "last_rebuild", &within) ||
            json_object_object_get_ex(o, "check", &within))
                for (size_t i = 0; i < N_ELEMENTS(files); i++)
                        json_object_object_del(within, files[i]);
}

/* On the socket an answer without parameters may leave them out. */
static void complete(struct json_object *reply) {
        if (!json_object_object_get_ex(reply, "parameters", NULL))
                (void) json_put(reply, "parameters", json_object_new_object());
}

/* What became of each row. */
static struct {
        bool socket_refused, bus_refused, same;
} seen[N_ELEMENTS(rows)];

static void compare(size_t i, char *errors, size_t size) {
        _cleanup_(json_freep) struct json_object *message = NULL, *socket = NULL, *other = NULL;
        _cleanup_free_ char *parameters = parameters_new(rows[i].parameters), *text = NULL;
        struct json_object *in = NULL;

        text = methods_text(m, rows[i].method, parameters, false);
        message = json_tokener_parse(text);
        ck_assert_msg(json_object_object_get_ex(message, "parameters", &in), "%s", rows[i].sentence);

        socket = peer_call(m->peer, text);
        other = private_bus_call(b, bus, rows[i].method, in);
        (void) snprintf(errors + strlen(errors), size - strlen(errors), "%s ", reply_error(other));
        complete(socket);
        remove_own(socket);
        remove_own(other);
        seen[i].socket_refused = *reply_error(socket);
        seen[i].bus_refused = *reply_error(other);
        seen[i].same = json_object_equal(socket, other);
        if (!seen[i].same)
                (void) fprintf(stderr, "%s:\nsocket %s\nbus    %s\n", rows[i].sentence,
                               json_object_to_json_string(socket), json_object_to_json_string(other));
}

/* A line for each method of the interface: how many calls were answered and refused behind each door, and
 * how many of them by the same. */
static void print_table(void) {
        (void) printf("%-18s %17s %17s  %s\n", "", "socket", "bus", "");
        (void) printf("%-18s %8s %8s %8s %8s  %s\n", "method", "answered", "refused", "answered", "refused",
                      "the same");
        for (size_t i = 0; i < b->interface->n_members; i++) {
                const InterfaceMember *member = &b->interface->members[i];
                unsigned n = 0, same = 0, socket_refused = 0, bus_refused = 0;

                if (member->kind != 'm')
                        continue;
                for (size_t k = 0; k < N_ELEMENTS(rows); k++) {
                        if (strcmp(rows[k].method, member->name) != 0)
                                continue;
                        n++;
                        same += seen[k].same;
                        socket_refused += seen[k].socket_refused;
                        bus_refused += seen[k].bus_refused;
                }
                if (n == 0)
                        (void) printf("%-18s replies on the socket, signals on the bus\n", member->name);
                else
                        (void) printf("%-18s %8u %8u %8u %8u  %u of %u\n", member->name, n - socket_refused,
                                      socket_refused, n - bus_refused, bus_refused, same, n);
        }
        (void) fflush(stdout);
}

static bool is_among(const char *name, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static bool is_called(const char *method) {
        bool refused = is_among(method, only_refused, N_ELEMENTS(only_refused));

        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                if (strcmp(rows[i].method, method) == 0 && (refused || !seen[i].socket_refused))
                        return true;
        return false;
}

START_TEST(test_both_doors) {
        char errors[8192] = "", name[128];

        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                compare(i, errors, sizeof(errors));
        if (getenv("CERTEXC_TEST_VERBOSE"))
                print_table();
        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                ck_assert_msg(seen[i].same, "\"%s\" has two answers", rows[i].sentence);

        for (size_t i = 0; i < b->interface->n_members; i++) {
                const InterfaceMember *member = &b->interface->members[i];

                (void) snprintf(name, sizeof(name), "org.certexc1.%s ", member->name);
                if (member->kind == 'm')
                        ck_assert_msg(is_called(member->name) ||
                                              is_among(member->name, not_here, N_ELEMENTS(not_here)),
                                      "a row in which the method %s is answered", member->name);
                else if (member->kind == 'e')
                        ck_assert_msg(strstr(errors, name) ||
                                              is_among(member->name, other_errors,
                                                       N_ELEMENTS(other_errors)),
                                      "a row for the error %s", member->name);
        }
        ck_assert_ptr_nonnull(strstr(errors, "org.varlink.service.InvalidParameter"));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("doors");
        TCase *tcase = tcase_create("doors");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        private_bus_need();
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_both_doors);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
