/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advice: which evidence leads to which, and which does not. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/advice.h"
#include "daemon/interceptors.h"

#define NOW   INT64_C(1767225600)
#define BUILD (NOW - 1000)
#define WRITE (NOW - 10)
#define DAY   INT64_C(86400)

#define DATES_AND_ISSUER (PROBLEM_EXPIRED | PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN)

/* One question; zero is the ordinary thing everywhere. */
typedef struct Row {
        const char *says;
        ProblemSet problems;
        const char *issuer;  /* NULL: an authority of no fame */
        const char *subject; /* NULL: CN=imap.example.org */
        const char *host;    /* NULL: imap.example.org */
        uint16_t port;       /* 0: 993 */
        bool starttls;
        int64_t now;         /* 0: NOW */
        int64_t last_write;  /* 0: WRITE */
        int64_t signed_time; /* 0: none */
        const char *hosts[4];
        const char *missing; /* the value of the incomplete chain's finding */
        const char *limit;   /* what the authority may speak for, and not for bank.test */
        const char *distrusted[2]; /* what the owner distrusts, and what the administrator */
        const char *wanted;  /* as written by write_advice() */
} Row;

static const Row rows[] = {
        { .says = "where nothing is wrong, nothing is advised", .port = 4711, .wanted = "" },
        { .says = "a mail port: not to be left without encryption",
          .problems = PROBLEM_SELF_SIGNED,
          .wanted = "not-unencrypted " },
        { .says = "a web port has no mail to lose",
          .problems = PROBLEM_SELF_SIGNED,
          .port = 443,
          .wanted = "" },
        { .says = "a port that belongs to something else is unusual",
          .problems = PROBLEM_SELF_SIGNED,
          .port = 1023,
          .wanted = "port-unusual " },
        { .says = "one that anybody may use for anything is not",
          .problems = PROBLEM_SELF_SIGNED,
          .port = 1024,
          .wanted = "" },
        { .says = "filters for mail are at home on theirs",
          .problems = PROBLEM_SELF_SIGNED,
          .port = 4190,
          .starttls = true,
          .wanted = "not-unencrypted " },
        { .says = "a port that is not known is not unusual",
          .problems = PROBLEM_SELF_SIGNED,
          .port = UINT16_MAX, /* stands for 0 */
          .wanted = "" },
        { .says = "TLS at once where IMAP is plain",
          .problems = PROBLEM_EXPIRED,
          .port = 143,
          .wanted = "port-plain(IMAP) not-unencrypted " },
        { .says = "an upgrade there is as it should be",
          .problems = PROBLEM_EXPIRED,
          .port = 143,
          .starttls = true,
          .wanted = "not-unencrypted " },
        { .says = "submission is spoken in both ways",
          .problems = PROBLEM_EXPIRED,
          .port = 587,
          .wanted = "not-unencrypted " },
        { .says = "LDAP in plain, too",
          .problems = PROBLEM_EXPIRED,
          .port = 389,
          .wanted = "port-plain(LDAP) " },
        { .says = "a clock before the store's last word",
          .problems = PROBLEM_NOT_YET_VALID,
          .port = 443,
          .last_write = NOW + 1,
          .wanted = "clock-before-store@1767225601 " },
        { .says = "one at that very second is right",
          .problems = PROBLEM_NOT_YET_VALID,
          .port = 443,
          .last_write = NOW,
          .wanted = "" },
        { .says = "a clock before the program itself",
          .problems = PROBLEM_NOT_YET_VALID,
          .port = 443,
          .now = BUILD - 1,
          .last_write = 1,
          .wanted = "clock-before-build@1767224600 " },
        { .says = "of two proofs the newer is told",
          .problems = PROBLEM_ISSUER_EXPIRED,
          .port = 443,
          .now = BUILD - 1,
          .wanted = "clock-before-store@1767225590 " },
        { .says = "a clock before what the issuer has signed",
          .problems = PROBLEM_REVOCATION_UNKNOWN,
          .port = 443,
          .signed_time = NOW + 301,
          .wanted = "clock-before-status@1767225901 " },
        { .says = "the issuer's clock may differ by five minutes",
          .problems = PROBLEM_NOT_YET_VALID,
          .port = 443,
          .signed_time = NOW + 300,
          .wanted = "" },
        { .says = "the issuer's word is the newest of three",
          .problems = PROBLEM_NOT_YET_VALID,
          .port = 443,
          .now = BUILD - 1,
          .signed_time = NOW + DAY,
          .wanted = "clock-before-status@1767312000 " },
        { .says = "the store's is newer than the issuer's",
          .problems = PROBLEM_NOT_YET_VALID,
          .port = 443,
          .now = BUILD - 1000,
          .signed_time = BUILD,
          .wanted = "clock-before-store@1767225590 " },
        { .says = "the clock is no matter where no date is wrong",
          .problems = PROBLEM_NAME_MISMATCH,
          .port = 443,
          .last_write = NOW + 1,
          .wanted = "" },
        { .says = "a mail shield by its name",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .issuer = "CN=avast! Web/Mail Shield Root,O=avast! Web/Mail Shield",
          .port = 443,
          .wanted = "intercepted-by-antivirus(Avast) " },
        { .says = "a gateway by its name",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .issuer = "EMAIL=support@fortinet.com,CN=FortiGate CA,O=Fortinet",
          .port = 443,
          .wanted = "intercepted-by-gateway(Fortinet FortiGate) " },
        { .says = "adware that is blocked is named all the same",
          .problems = PROBLEM_BLOCKED,
          .issuer = "CN=Superfish\\, Inc.,O=Superfish\\, Inc.",
          .port = 443,
          .wanted = "intercepted-by-adware(Superfish) " },
        { .says = "a developer's tool",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .issuer = "CN=DO_NOT_TRUST_FiddlerRoot,O=DO_NOT_TRUST",
          .port = 443,
          .wanted = "intercepted-by-debugger(Fiddler) " },
        { .says = "a product's name is nothing where the issuer is trusted",
          .problems = PROBLEM_EXPIRED,
          .issuer = "CN=Avast Public CA",
          .port = 443,
          .wanted = "" },
        { .says = "one issuer for other people's hosts",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .port = 443,
          .hosts = { "pop.example.net", "smtp.example.org", "mail.example.com" },
          .wanted = "one-issuer-for-many(CN=issuer)[pop.example.net,mail.example.com] " },
        { .says = "one for hosts of the same people is their own",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .port = 443,
          .hosts = { "pop.example.org", "example.org", "a.b.example.org" },
          .wanted = "" },
        { .says = "people who share a public suffix are strangers",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .host = "mail.one.co.uk",
          .port = 443,
          .hosts = { "mail.two.co.uk" },
          .wanted = "one-issuer-for-many(CN=issuer)[mail.two.co.uk] " },
        { .says = "addresses are strangers, however alike",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .host = "192.0.2.1",
          .port = 443,
          .hosts = { "192.0.2.2" },
          .wanted = "one-issuer-for-many(CN=issuer)[192.0.2.2] " },
        { .says = "who signs for itself may use a name that many use",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .issuer = "CN=localhost",
          .subject = "CN=localhost",
          .port = 443,
          .hosts = { "pop.example.net" },
          .wanted = "" },
        { .says = "an issuer that is known may vouch for many",
          .problems = PROBLEM_EXPIRED,
          .port = 443,
          .hosts = { "pop.example.net" },
          .wanted = "" },
        { .says = "the missing issuer by its name",
          .problems = PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN,
          .port = 443,
          .missing = "CN=Intermediate",
          .wanted = "missing-issuer(CN=Intermediate) " },
        { .says = "what an imported authority may speak for",
          .problems = PROBLEM_UNKNOWN_ISSUER,
          .port = 443,
          .limit = "10.0.0.0/8,example.org",
          .hosts = { "pop.example.net" },
          .wanted = "authority-limited(bank.test){10.0.0.0/8,example.org} " },
        { .says = "what the owner distrusts, and what the administrator",
          .problems = PROBLEM_DISTRUSTED_ISSUER,
          .port = 443,
          .distrusted = { "CN=Mine", "CN=Everybody's" },
          .wanted = "distrusted-by-you(CN=Mine) distrusted-by-administrator(CN=Everybody's) " },
        { .says = "all that there is, in order; an interceptor explains what is missing",
          .problems = DATES_AND_ISSUER,
          .issuer = "CN=Kaspersky Web Anti-Virus Certification Authority",
          .port = 25,
          .last_write = NOW + 5,
          .hosts = { "pop.example.net" },
          .missing = "CN=Kaspersky Web Anti-Virus Certification Authority",
          .wanted = "clock-before-store@1767225605 intercepted-by-antivirus(Kaspersky) "
                    "one-issuer-for-many(CN=Kaspersky Web Anti-Virus Certification Authority)"
                    "[pop.example.net] port-plain(SMTP) not-unencrypted " },
};

static void write_advice(const AdviceList *list, FILE *to) {
        for (size_t i = 0; i < list->n; i++) {
                const Advice *a = &list->items[i];

                (void) fprintf(to, "%s", advice_name(a->id));
                if (a->name)
                        (void) fprintf(to, "(%s)", a->name);
                if (a->time >= 0)
                        (void) fprintf(to, "@%lld", (long long) a->time);
                for (size_t j = 0; j < a->n_hosts; j++)
                        (void) fprintf(to, "%s%s", j > 0 ? "," : "[", a->hosts[j]);
                if (a->limit)
                        (void) fprintf(to, "{%s}", a->limit);
                (void) fprintf(to, "%s ", a->n_hosts > 0 ? "]" : "");
        }
}

static Facts *make_facts(const Row *row) {
        Facts *facts = NULL;
        CertificateFacts leaf = {
                .subject = (char *) (row->subject ? row->subject : "CN=imap.example.org"),
                .issuer = (char *) (row->issuer ? row->issuer : "CN=issuer"),
                .serial = (char *) "2a",
        };

        ck_assert_int_eq(facts_new(&facts), 0);
        ck_assert_int_eq(certificate_facts_copy(&leaf, &facts->leaf), 0);
        facts->problems = row->problems;
        if (row->missing)
                ck_assert_int_eq(facts_add(facts, PROBLEM_INCOMPLETE_CHAIN, 0, row->missing), 0);
        if (row->limit)
                ck_assert_int_eq(facts_set_limit(facts, "bank.test", row->limit), 0);
        facts->signed_time = row->signed_time ? row->signed_time : INT64_MIN;
        return facts;
}

START_TEST(evidence_leads_to_advice) {
        const Row *row = &rows[_i];
        _cleanup_(facts_unrefp) Facts *facts = make_facts(row);
        const char *host = row->host ? row->host : "imap.example.org", *reason = NULL;
        char *text = NULL;
        size_t size = 0;
        FILE *to = open_memstream(&text, &size);
        Endpoint endpoint;
        AdviceList list;
        AdviceInput input = {
                .facts = facts,
                .endpoint = &endpoint,
                .starttls = row->starttls,
                .now = row->now ? row->now : NOW,
                .build = BUILD,
                .last_write = row->last_write ? row->last_write : WRITE,
                .hosts = (char *const *) row->hosts,
                .distrusted_own = row->distrusted[0],
                .distrusted_system = row->distrusted[1],
        };

        while (input.n_hosts < 4 && row->hosts[input.n_hosts])
                input.n_hosts++;
        ck_assert_int_eq(endpoint_set(host, strlen(host), row->port ? row->port : 993, &endpoint,
                                      &reason), 0);
        if (endpoint.port == UINT16_MAX)
                endpoint.port = 0;
        advice_find(&input, &list);
        write_advice(&list, to);
        (void) fclose(to);
        ck_assert_msg(strcmp(text, row->wanted) == 0, "%s: \"%s\", not \"%s\"", row->says, text,
                      row->wanted);
        free(text);
}
END_TEST

START_TEST(so_many_other_hosts_are_named_and_no_more) {
        static const char *const others[] = { "a.example", "b.example", "c.example",
                                              "d.example", "e.example", "f.example" };
        const Row row = { .problems = PROBLEM_UNKNOWN_ISSUER };
        _cleanup_(facts_unrefp) Facts *facts = make_facts(&row);
        Endpoint endpoint = { .port = 443, .host = "imap.example.org" };
        AdviceInput input = { .facts = facts,
                              .endpoint = &endpoint,
                              .hosts = (char *const *) others,
                              .n_hosts = ADVICE_HOSTS_MAX };
        AdviceList list;

        advice_find(&input, &list);
        ck_assert_uint_eq(list.items[0].n_hosts, ADVICE_HOSTS_MAX);
        input.n_hosts = ADVICE_HOSTS_MAX + 1;
        advice_find(&input, &list);
        ck_assert_uint_eq(list.items[0].n_hosts, ADVICE_HOSTS_MAX);
}
END_TEST

static const struct {
        const char *says;
        const char *issuer;
        const char *product; /* NULL: none */
} names[] = {
        { "as Avast writes it", "CN=Avast Web/Mail Shield Root,O=Avast Web/Mail Shield", "Avast" },
        { "as AVG writes it", "CN=AVG Web/Mail Shield Root", "AVG" },
        { "as Norton writes it", "CN=Norton Web/Mail Shield Self-signed Root", "Norton" },
        { "in capitals", "CN=ZSCALER INTERMEDIATE ROOT CA (ZSCLOUD.NET)", "Zscaler" },
        { "as ESET writes it", "CN=ESET SSL Filter CA,O=ESET\\, spol. s r. o.", "ESET" },
        { "not within another word", "CN=Asset Management CA,O=Preset", NULL },
        { "nor at its end", "CN=Sunavast Ltd", NULL },
        { "nor at its beginning", "CN=Nortonville City CA", NULL },
        { "Cisco alone has an authority that is believed", "CN=Cisco Root CA", NULL },
        { "Cisco Umbrella", "CN=Cisco Umbrella Secondary SubCA lon-SG,O=Cisco", "Cisco Umbrella" },
        { "mitmproxy", "O=mitmproxy,CN=mitmproxy", "mitmproxy" },
        { "nobody", "", NULL },
};

START_TEST(products_are_known_by_their_names) {
        const Interceptor *found = interceptor_find(names[_i].issuer);

        if (!names[_i].product)
                ck_assert_msg(!found, "%s: %s", names[_i].says, found ? found->product : "");
        else
                ck_assert_msg(found && strcmp(found->product, names[_i].product) == 0, "%s: %s",
                              names[_i].says, found ? found->product : "none");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("advice");
        TCase *tcase = tcase_create("advice");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_add_loop_test(tcase, evidence_leads_to_advice, 0, N_ELEMENTS(rows));
        tcase_add_test(tcase, so_many_other_hosts_are_named_and_no_more);
        tcase_add_loop_test(tcase, products_are_known_by_their_names, 0, N_ELEMENTS(names));

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
