/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What those who ask believe beyond the system's store: authorities of their own, for all names or for
 * some, what they distrust, and what may become an authority at all. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/judge.h"
#include "daemon/only.h"
#include "tests/block.h"
#include "tests/pki.h"

/* -- the names ------------------------------------------------------------------------------- */

static const struct {
        const char *says;
        const char *names[4];
        const char *text; /* NULL: the last one is refused */
} texts[] = {
        { "a host name", { "example.org" }, "example.org" },
        { "in any spelling", { "EXAMPLE.org." }, "example.org" },
        { "in any script", { "b\303\274cher.example" }, "xn--bcher-kva.example" },
        { "a name without a dot, as in a house", { "corp" }, "corp" },
        { "several, in order", { "c.example", "a.example", "b.example" },
          "a.example,b.example,c.example" },
        { "each once", { "a.example", "A.example" }, "a.example" },
        { "one that another begins with", { "ab.example", "a" }, "a,ab.example" },
        { "an address", { "192.0.2.1" }, "192.0.2.1" },
        { "a network", { "10.0.0.0/8" }, "10.0.0.0/8" },
        { "all of a network's bits are an address", { "192.0.2.1/32" }, "192.0.2.1" },
        { "a network of the other kind", { "2001:DB8::/32" }, "2001:db8::/32" },
        { "every address of a kind", { "0.0.0.0/0" }, "0.0.0.0/0" },
        { "nothing", { "" }, NULL },
        { "a star", { "*.example.org" }, NULL },
        { "a dot in front", { ".example.org" }, NULL },
        { "a comma", { "a.example,b.example" }, NULL },
        { "a name with a slash", { "example.org/8" }, NULL },
        { "a network with a host in it", { "10.0.0.1/8" }, NULL },
        { "too many bits", { "10.0.0.0/33" }, NULL },
        { "no bits", { "10.0.0.0/" }, NULL },
        { "bits that are no number", { "10.0.0.0/x" }, NULL },
        { "bits that are spelled oddly", { "10.0.0.0/08" }, NULL },
        { "two slashes", { "10.0.0.0/8/8" }, NULL },
        { "a space", { "example.org " }, NULL },
};

START_TEST(names_have_one_form) {
        char text[ONLY_TEXT_MAX + 1] = "";
        const char *reason = NULL;
        int r = 0;

        for (size_t i = 0; i < 4 && texts[_i].names[i]; i++)
                r = only_add(text, texts[_i].names[i], strlen(texts[_i].names[i]), &reason);
        ck_assert_msg((r == 0) == (texts[_i].text != NULL), "%s: %d", texts[_i].says, r);
        if (r < 0)
                ck_assert_msg(r == -EINVAL && reason, "%s", texts[_i].says);
        else
                ck_assert_str_eq(text, texts[_i].text);
}
END_TEST

static const struct {
        const char *says;
        const char *narrow, *wide;
        bool within;
} extents[] = {
        { "the same", "example.org", "example.org", true },
        { "a name below", "mail.example.org", "example.org", true },
        { "a name above", "example.org", "mail.example.org", false },
        { "a namesake", "badexample.org", "example.org", false },
        { "all names in all names", "", "", true },
        { "some in all", "example.org", "", true },
        { "all in some", "", "example.org", false },
        { "one more", "example.net,example.org", "example.org", false },
        { "one less", "example.org", "example.net,example.org", true },
        { "an address in its network", "10.1.2.3", "10.0.0.0/8", true },
        { "a network in a larger one", "10.1.0.0/16", "10.0.0.0/8", true },
        { "a network in a smaller one", "10.0.0.0/8", "10.0.0.0/16", false },
        { "a network in one of its addresses", "10.0.0.0/8", "10.0.0.0", false },
        { "every address in none", "0.0.0.0/0", "10.0.0.0/8", false },
        { "an address of the other version", "2001:db8::1", "10.0.0.0/8", false },
        { "an address among names", "10.1.2.3", "example.org", false },
};

START_TEST(what_is_within_widens_nothing) {
        ck_assert_msg(only_is_within(extents[_i].narrow, extents[_i].wide) == extents[_i].within, "%s",
                      extents[_i].says);
}
END_TEST

START_TEST(there_are_as_many_names_as_the_bound_and_not_one_more) {
        char text[ONLY_TEXT_MAX + 1] = "", name[256];
        OnlySubtrees subtrees;
        const char *reason;

        for (unsigned i = 0; i <= ONLY_NAMES_MAX; i++) {
                int n = snprintf(name, sizeof(name), "n%u.example", i);

                ck_assert_int_eq(only_add(text, name, (size_t) n, &reason),
                                 i < ONLY_NAMES_MAX ? 0 : -E2BIG);
        }
        ck_assert_int_eq(only_subtrees(text, &subtrees), 0);

        /* As much text as there may be, in names as long as they may be. */
        text[0] = '\0';
        for (unsigned i = 0; i < 4; i++) {
                const size_t n = 253;

                for (size_t k = 0; k < n; k++)
                        name[k] = k % 50 == 49 && k + 1 < n ? '.' : (char) ('a' + i);
                ck_assert_int_eq(only_add(text, name, n, &reason), 0);
        }
        ck_assert_int_eq(only_subtrees(text, &subtrees), 0);
        ck_assert_uint_le(strlen(text), ONLY_TEXT_MAX);
        ck_assert_int_eq(only_add(text, "zz.example", 10, &reason), -E2BIG);
}
END_TEST

/* -- judging --------------------------------------------------------------------------------- */

#define ROOT  1
#define ISSUE 2
#define LEAF  3

static const char *const mail[] = { "mail.example.org", NULL };
static const char *const mail_and_world[] = { "mail.example.org", "bank.test", NULL };
static const char *const mail_and_address[] = { "mail.example.org", "10.1.2.3", NULL };
static const char *const wildcard[] = { "*.example.org", NULL };
static const char *const namesake[] = { "mail.notexample.org", NULL };
static const char *const world_wildcard[] = { "*.org", "mail.example.org", NULL };
static const char *const bank[] = { "bank.test", NULL };
static const char *const address[] = { "10.1.2.3", NULL };
static const char *const email[] = { "mail.example.org", "anna@bank.test", NULL };

typedef struct Row {
        const char *says;
        const char *host;
        const char *const *names; /* of the leaf */
        const char *issuer_name;  /* a name of the intermediate */
        const char *only;         /* NULL: nobody imported the root */
        const char *also;         /* what another who imported it said */
        int distrust;             /* which one's key is distrusted... */
        bool certificate;         /* ...or only its certificate */
        bool import_issuer;       /* not the root is imported, but the intermediate */
        bool system;              /* the root is an authority of the system as well */
        const char *outside;      /* the name that its imports do not let it speak for; NULL: none */
        ProblemSet problems;
} Row;

static const Row rows[] = {
        { .says = "nobody knows the authority", .host = "mail.example.org", .names = mail,
          .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "an imported authority speaks for all names", .host = "mail.example.org",
          .names = mail, .only = "" },
        { .says = "for the world, too", .host = "bank.test", .names = bank, .only = "" },
        { .says = "for some names it speaks for what is below them", .host = "mail.example.org",
          .names = mail, .only = "example.org" },
        { .says = "and for the name itself", .host = "mail.example.org", .names = mail,
          .only = "mail.example.org" },
        { .says = "by a wildcard below it", .host = "mail.example.org", .names = wildcard,
          .only = "example.org" },
        { .says = "not for the world", .host = "bank.test", .names = bank, .only = "example.org",
          .outside = "bank.test", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "not for a name that only ends like it", .host = "mail.notexample.org",
          .names = namesake, .only = "example.org", .outside = "mail.notexample.org", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "not for a name above", .host = "mail.example.org", .names = mail,
          .only = "deep.mail.example.org", .outside = "mail.example.org", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "not with a second name of the world", .host = "mail.example.org",
          .names = mail_and_world, .only = "example.org", .outside = "bank.test", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "not with a wildcard that reaches into the world", .host = "mail.example.org",
          .names = world_wildcard, .only = "example.org", .outside = "*.org", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "not with an address", .host = "mail.example.org", .names = mail_and_address,
          .only = "example.org", .outside = "10.1.2.3", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "with an address that it may speak for", .host = "mail.example.org",
          .names = mail_and_address, .only = "10.0.0.0/8,example.org" },
        { .says = "for addresses", .host = "10.1.2.3", .names = address, .only = "10.0.0.0/8" },
        { .says = "not for others", .host = "10.1.2.3", .names = address, .only = "10.2.0.0/16",
          .outside = "10.1.2.3", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "for addresses it speaks for no names", .host = "mail.example.org",
          .names = mail, .only = "10.0.0.0/8", .outside = "mail.example.org", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "names of other kinds are no host's", .host = "mail.example.org", .names = email,
          .only = "example.org" },
        { .says = "at an endpoint of the world it is none, whatever the certificate says",
          .host = "bank.test", .names = mail, .only = "example.org",
          .outside = "bank.test", .problems = PROBLEM_UNKNOWN_ISSUER | PROBLEM_NAME_MISMATCH },
        { .says = "names of an intermediate count", .host = "mail.example.org", .names = mail,
          .issuer_name = "bank.test", .only = "example.org", .outside = "bank.test", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "names of an intermediate that are permitted", .host = "mail.example.org",
          .names = mail, .issuer_name = "ca.example.org", .only = "example.org" },
        { .says = "an imported intermediate may speak for others than its root",
          .host = "mail.example.org", .names = mail, .only = "example.org", .import_issuer = true },
        { .says = "nor may it for more", .host = "bank.test", .names = bank, .only = "example.org",
          .import_issuer = true, .outside = "bank.test", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "two who imported it, each for some names", .host = "mail.example.org",
          .names = mail, .only = "bank.test", .also = "example.org" },
        { .says = "names are not joined out of two imports", .host = "mail.example.org",
          .names = mail_and_world, .only = "bank.test", .also = "example.org",
          .outside = "bank.test", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "two who imported it, one for all names", .host = "mail.example.org",
          .names = mail, .only = "bank.test", .also = "" },
        { .says = "what the system believes is not narrowed by an import",
          .host = "mail.example.org", .names = mail, .only = "bank.test", .system = true },
        { .says = "a constraint that makes no sense believes nobody", .host = "mail.example.org",
          .names = mail, .only = "*", .problems = PROBLEM_UNKNOWN_ISSUER },
        { .says = "a distrusted root", .host = "mail.example.org", .names = mail, .system = true,
          .distrust = ROOT, .problems = PROBLEM_DISTRUSTED_ISSUER },
        { .says = "a distrusted root, by its certificate", .host = "mail.example.org",
          .names = mail, .system = true, .distrust = ROOT, .certificate = true,
          .problems = PROBLEM_DISTRUSTED_ISSUER },
        { .says = "a distrusted intermediate", .host = "mail.example.org", .names = mail,
          .system = true, .distrust = ISSUE, .problems = PROBLEM_DISTRUSTED_ISSUER },
        { .says = "a distrusted intermediate, by its certificate", .host = "mail.example.org",
          .names = mail, .system = true, .distrust = ISSUE, .certificate = true,
          .problems = PROBLEM_DISTRUSTED_ISSUER },
        { .says = "a distrusted leaf", .host = "mail.example.org", .names = mail, .system = true,
          .distrust = LEAF, .problems = PROBLEM_DISTRUSTED_ISSUER },
        { .says = "distrust counts although the same was imported", .host = "mail.example.org",
          .names = mail, .only = "", .distrust = ROOT, .problems = PROBLEM_DISTRUSTED_ISSUER },
        { .says = "distrust of what is not on the way changes nothing", .host = "mail.example.org",
          .names = mail, .only = "", .import_issuer = true, .distrust = ROOT },
};

typedef struct Chains {
        Pki *root, *issuer, *leaf;
} Chains;

static void chains_done(Chains *c) {
        (void) pki_free(c->root);
        (void) pki_free(c->issuer);
        (void) pki_free(c->leaf);
}

static void chains_make(const Row *row, Chains *ret) {
        ret->root = pki_new(&(PkiSpec){ .subject = "Private Root", .ca = true });
        ret->issuer = pki_new(&(PkiSpec){ .subject = "Private Issuer", .issuer = ret->root,
                                          .ca = true, .name = row->issuer_name });
        ret->leaf = pki_new(&(PkiSpec){ .issuer = ret->issuer, .subject = "Mail Server",
                                        .names = row->names });
}

static Belief believe(const Pki *pki, const char *only) {
        Belief b = { .kind = BELIEF_AUTHORITY,
                     .der = pki_der(pki),
                     .only = { (const uint8_t *) only, strlen(only) } };

        ck_assert_int_eq(sha256(b.der.data, b.der.size, b.sha256), 0);
        return b;
}

static Belief disbelieve(const Pki *pki, bool certificate) {
        Belief b = { .kind = certificate ? BELIEF_DISTRUSTED_CERTIFICATE : BELIEF_DISTRUSTED_KEY };
        size_t size = sizeof(b.sha256);

        if (certificate)
                ck_assert_int_eq(sha256(pki_der(pki).data, pki_der(pki).size, b.sha256), 0);
        else
                ck_assert_int_eq(gnutls_x509_crt_get_key_id(pki_crt(pki), GNUTLS_KEYID_USE_SHA256,
                                                            b.sha256, &size),
                                 0);
        return b;
}

/* Names are told as they are, and what there is in their place. */
static void expect_limit(const Facts *facts, const Row *row) {
        const Finding *shown = NULL;

        ck_assert_msg(!row->outside == !facts->outside && !row->outside == !facts->limit,
                      "%s: limited to %s", row->says, facts->limit ? facts->limit : "nothing");
        if (!row->outside)
                return;
        ck_assert_msg(strcmp(facts->outside, row->outside) == 0, "%s: %s is outside", row->says,
                      facts->outside);
        ck_assert_str_eq(facts->limit, row->also ? row->also : row->only);
        for (size_t i = 0; i < facts->n_findings; i++)
                if (facts->findings[i].problem == PROBLEM_UNKNOWN_ISSUER)
                        shown = &facts->findings[i];
        ck_assert_msg(shown && strstr(shown->value, row->outside), "%s: value", row->says);
}

/* Once as it is, once as it comes out of the daemon's words to a judge, and its answer to the daemon. */
static void expect(const Question *q, const Authorities *trust, const Row *row) {
        _cleanup_(question_freep) QuestionBytes *back = NULL;
        _cleanup_(facts_unrefp) Facts *facts = NULL, *again = NULL, *told = NULL;
        _cleanup_free_ uint8_t *bytes = NULL, *answer = NULL;
        size_t size;

        ck_assert_int_eq(problems_find(q, trust, &facts), 0);
        ck_assert_msg(facts->problems == row->problems, "%s: 0x%x", row->says, facts->problems);
        expect_limit(facts, row);
        ck_assert_int_eq(facts_write(facts, &answer, &size), 0);
        ck_assert_int_eq(facts_read((Blob){ answer, size }, &told), 0);
        expect_limit(told, row);

        ck_assert_int_eq(question_write(q, &bytes, &size), 0);
        ck_assert_int_eq(question_read((Blob){ bytes, size }, &back), 0);
        ck_assert_int_eq(problems_find(question_get(back), trust, &again), 0);
        ck_assert_msg(again->problems == row->problems, "%s, as bytes", row->says);
}

START_TEST(those_who_ask_believe_what_they_say_and_no_more) {
        _cleanup_(authorities_freep) Authorities *trust = NULL;
        _cleanup_(chains_done) Chains chains = { 0 };
        const Row *row = &rows[_i];
        Belief beliefs[3];
        Endpoint endpoint;
        const char *reason;
        Blob chain[2], root;
        Question q = { .endpoint = &endpoint, .chain = chain, .n_chain = 2, .now = PKI_NOW,
                       .checks = CHECK_ALL, .beliefs = beliefs };
        const Pki *all[4];

        chains_make(row, &chains);
        all[ROOT] = chains.root;
        all[ISSUE] = chains.issuer;
        all[LEAF] = chains.leaf;
        chain[0] = pki_der(chains.leaf);
        chain[1] = pki_der(chains.issuer);
        root = pki_der(chains.root);
        trust = block_new(&root, row->system ? 1 : 0);
        if (row->only)
                beliefs[q.n_beliefs++] = believe(all[row->import_issuer ? ISSUE : ROOT], row->only);
        if (row->also)
                beliefs[q.n_beliefs++] = believe(all[ROOT], row->also);
        if (row->distrust)
                beliefs[q.n_beliefs++] = disbelieve(all[row->distrust], row->certificate);
        ck_assert_int_eq(endpoint_set(row->host, strlen(row->host), 993, &endpoint, &reason), 0);
        expect(&q, trust, row);
}
END_TEST

START_TEST(an_imported_authority_that_expires_ends_what_was_found) {
        _cleanup_(authorities_freep) Authorities *trust = block_new(NULL, 0);
        _cleanup_(pki_freep) Pki *root = pki_new(&(PkiSpec){
                .subject = "Root", .ca = true, .not_after = PKI_NOW + PKI_DAY });
        _cleanup_(pki_freep) Pki *leaf =
                pki_new(&(PkiSpec){ .name = "mail.example.org", .issuer = root });
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        Belief belief = believe(root, "");
        Blob chain = pki_der(leaf);

        ck_assert_int_eq(problems_find(&(Question){ .chain = &chain, .n_chain = 1, .now = PKI_NOW,
                                                    .checks = CHECK_ALL, .beliefs = &belief,
                                                    .n_beliefs = 1 },
                                       trust, &facts),
                         0);
        ck_assert_uint_eq(facts->problems, 0);
        ck_assert(facts_hold(facts, PKI_NOW + PKI_DAY));
        ck_assert(!facts_hold(facts, PKI_NOW + PKI_DAY + 1));
}
END_TEST

START_TEST(what_is_damaged_is_no_authority) {
        _cleanup_(authorities_freep) Authorities *trust = block_new(NULL, 0);
        Row row = { .says = "a damaged authority", .names = mail,
                    .problems = PROBLEM_UNKNOWN_ISSUER };
        _cleanup_(chains_done) Chains chains = { 0 };
        Blob chain[2];
        Belief belief;

        chains_make(&row, &chains);
        chain[0] = pki_der(chains.leaf);
        chain[1] = pki_der(chains.issuer);
        belief = believe(chains.root, "");
        belief.der.size--;
        expect(&(Question){ .chain = chain, .n_chain = 2, .now = PKI_NOW, .checks = CHECK_ALL,
                            .beliefs = &belief, .n_beliefs = 1 },
               trust, &row);
        belief.der.size = 0;
        expect(&(Question){ .chain = chain, .n_chain = 2, .now = PKI_NOW, .checks = CHECK_ALL,
                            .beliefs = &belief, .n_beliefs = 1 },
               trust, &row);
}
END_TEST

/* -- bounds ---------------------------------------------------------------------------------- */

START_TEST(a_question_holds_as_many_beliefs_as_the_bound_and_not_one_more) {
        static uint8_t der[CERTIFICATE_BYTES_MAX + 1], only[ONLY_TEXT_MAX + 1];
        Belief beliefs[BELIEFS_MAX + 1] = { 0 };
        Question q = { .beliefs = beliefs, .n_beliefs = BELIEFS_MAX, .checks = CHECK_ALL };
        _cleanup_(question_freep) QuestionBytes *back = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        for (size_t i = 0; i < BELIEFS_MAX; i++)
                beliefs[i].only = (Blob){ only, ONLY_TEXT_MAX };
        for (size_t i = 0; i < BELIEFS_BYTES_MAX / CERTIFICATE_BYTES_MAX; i++)
                beliefs[i].der = (Blob){ der, CERTIFICATE_BYTES_MAX };
        ck_assert_int_eq(question_write(&q, &bytes, &size), 0);
        ck_assert_uint_le(size, QUESTION_BYTES_MAX);
        ck_assert_int_eq(question_read((Blob){ bytes, size }, &back), 0);
        ck_assert_uint_eq(question_get(back)->n_beliefs, BELIEFS_MAX);
        ck_assert_int_eq(question_read((Blob){ bytes, size - 1 }, &back), -EBADMSG);

        free(bytes);
        bytes = NULL;
        q.n_beliefs = BELIEFS_MAX + 1;
        ck_assert_int_eq(question_write(&q, &bytes, &size), -EINVAL);
        q.n_beliefs = BELIEFS_MAX;
        beliefs[20].der = (Blob){ der, 1 };
        ck_assert_int_eq(question_write(&q, &bytes, &size), -EINVAL);
        beliefs[20].der.size = 0;
        beliefs[0].der.size++;
        ck_assert_int_eq(question_write(&q, &bytes, &size), -EINVAL);
        beliefs[0].der.size = 0;
        beliefs[0].only.size++;
        ck_assert_int_eq(question_write(&q, &bytes, &size), -EINVAL);
        beliefs[0].only.size = 0;
        beliefs[0].kind = _BELIEF_KIND_MAX;
        ck_assert_int_eq(question_write(&q, &bytes, &size), -EINVAL);
}
END_TEST

/* -- what may become an authority ------------------------------------------------------------ */

static const struct {
        const char *says;
        PkiSpec spec;
        bool blocked;
        ProblemSet problems;
} candidates[] = {
        { "an authority", { .subject = "Root", .ca = true }, false, 0 },
        { "a server's certificate", { .name = "mail.example.org" }, false,
          PROBLEM_BAD_CONSTRAINTS },
        { "one that does not say what it is",
          { .subject = "Root", .ca = true, .no_basic_constraints = true }, false,
          PROBLEM_BAD_CONSTRAINTS },
        { "one of version 1", { .subject = "Root", .version = 1 }, false,
          PROBLEM_BAD_CONSTRAINTS },
        { "one whose key is not for certificates",
          { .subject = "Root", .ca = true, .key_usage = GNUTLS_KEY_DIGITAL_SIGNATURE }, false,
          PROBLEM_BAD_CONSTRAINTS },
        { "one without a name", { .empty_subject = true, .ca = true }, false,
          PROBLEM_BAD_CONSTRAINTS },
        { "one for mail alone",
          { .subject = "Root", .ca = true, .purpose = "1.3.6.1.5.5.7.3.4" }, false,
          PROBLEM_WRONG_USAGE },
        { "one with a weak key", { .subject = "Root", .ca = true, .key = PKI_RSA_1024 }, false,
          PROBLEM_WEAK_KEY },
        { "one with something unknown",
          { .subject = "Root", .ca = true, .unknown_critical = "1.2.3.4" }, false,
          PROBLEM_UNKNOWN_CRITICAL },
        { "one that has expired",
          { .subject = "Root", .ca = true, .not_before = 1, .not_after = 2 }, false,
          PROBLEM_EXPIRED },
        { "one that is not valid yet",
          { .subject = "Root", .ca = true, .not_before = PKI_NOW + 9 }, false,
          PROBLEM_NOT_YET_VALID },
        { "one that is blocked", { .subject = "Root", .ca = true }, true, PROBLEM_BLOCKED },
};

START_TEST(only_an_authority_becomes_one) {
        _cleanup_(pki_freep) Pki *pki = pki_new(&candidates[_i].spec);
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        _cleanup_(authorities_freep) Authorities *blocked = NULL;
        _cleanup_(authorities_freep) Authorities *trust = block_new(NULL, 0);
        Blob der = pki_der(pki);

        blocked = block_list_new(&der, candidates[_i].blocked ? 1 : 0);
        ck_assert_int_eq(problems_find(&(Question){ .chain = &der, .n_chain = 1, .now = PKI_NOW,
                                                    .checks = CHECK_ALL, .blocked = blocked,
                                                    .as_authority = true },
                                       trust, &facts),
                         0);
        ck_assert_msg(facts->problems == candidates[_i].problems, "%s: 0x%x", candidates[_i].says,
                      facts->problems);
        ck_assert_ptr_nonnull(facts->leaf);
}
END_TEST

START_TEST(what_cannot_be_read_becomes_nothing) {
        _cleanup_(authorities_freep) Authorities *trust = block_new(NULL, 0);
        static const uint8_t junk[] = { 0x30, 0x03, 0x02, 0x01, 0x00 };
        const Blob ders[] = { { junk, sizeof(junk) }, { junk, 0 }, { junk, 1 } };

        for (size_t i = 0; i < N_ELEMENTS(ders); i++) {
                _cleanup_(facts_unrefp) Facts *facts = NULL;

                ck_assert_int_eq(problems_find(&(Question){ .chain = &ders[i], .n_chain = 1,
                                                            .now = PKI_NOW, .checks = CHECK_ALL,
                                                            .as_authority = true },
                                               trust, &facts),
                                 0);
                ck_assert_uint_eq(facts->problems, PROBLEM_MALFORMED);
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("beliefs");
        TCase *tcase = tcase_create("beliefs");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, names_have_one_form, 0, N_ELEMENTS(texts));
        tcase_add_loop_test(tcase, what_is_within_widens_nothing, 0, N_ELEMENTS(extents));
        tcase_add_test(tcase, there_are_as_many_names_as_the_bound_and_not_one_more);
        tcase_add_loop_test(tcase, those_who_ask_believe_what_they_say_and_no_more, 0,
                            N_ELEMENTS(rows));
        tcase_add_test(tcase, an_imported_authority_that_expires_ends_what_was_found);
        tcase_add_test(tcase, what_is_damaged_is_no_authority);
        tcase_add_test(tcase, a_question_holds_as_many_beliefs_as_the_bound_and_not_one_more);
        tcase_add_loop_test(tcase, only_an_authority_becomes_one, 0, N_ELEMENTS(candidates));
        tcase_add_test(tcase, what_cannot_be_read_becomes_nothing);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
