/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions in files: how many there may be, and which of them are found by whom. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/rule-reading.h"
#include "daemon/worker.h"
#include "tests/exports.h"
#include "tests/ruled.h"

/* -- bounds ------------------------------------------------------------------------------------ */

START_TEST(files_have_their_bound) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };
        char name[32];

        for (unsigned i = 0; i < RULE_FILES_MAX; i++) {
                (void) snprintf(name, sizeof(name), "%03u.json", i);
                export_write_text(in(RULES_ADMIN, name), "{\"format\":\"certexc-export\",\"version\":1,"
                                                         "\"decisions\":[],\"certificates\":[]}");
        }
        put(RULES_ADMIN, "000.json", one);
        rules = start(&seen);
        ck_assert_msg(rules_n_warnings(rules) == 0, "as many as there may be");
        put(RULES_ADMIN, "more.json", two);
        reload(rules, &seen);
        ck_assert_msg(has_warning(rules, "admin: there are more files in it than the daemon takes"),
                      "one more");
        ck_assert(denies(rules, one) && !denies(rules, two));
        ck_assert(rules_is_doubtful(rules));
}
END_TEST

/* Spaces behind what counts. */
static void pad(const char *path, size_t size) {
        _cleanup_free_ char *spaces = malloc(size);
        struct stat st;
        FILE *f = fopen(path, "ae");

        ck_assert(f && spaces && fstat(fileno(f), &st) == 0);
        memset(spaces, ' ', size);
        ck_assert_uint_eq(fwrite(spaces, 1, size - (size_t) st.st_size, f), size - (size_t) st.st_size);
        ck_assert_int_eq(fclose(f), 0);
}

START_TEST(bytes_have_their_bound) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put(RULES_ADMIN, "a.json", one);
        put(RULES_VENDOR, "b.json", two);
        pad(in(RULES_ADMIN, "a.json"), 4096);
        pad(in(RULES_VENDOR, "b.json"), RULES_BYTES_MAX - 4096);
        rules = start(&seen);
        ck_assert_msg(rules_n_warnings(rules) == 0, "as many as there may be");
        ck_assert(denies(rules, one) && denies(rules, two));
        pad(in(RULES_ADMIN, "a.json"), 4097);
        reload(rules, &seen);
        ck_assert_msg(has_warning(rules, "vendor/b.json: the files are larger together than"), "one more");
        ck_assert_msg(denies(rules, two), "it was read before");
}
END_TEST

/* @n denials by digest. */
static void put_many(RuleFolder folder, const char *name, unsigned n) {
        FILE *f = fopen(in(folder, name), "we");

        ck_assert_ptr_nonnull(f);
        (void) fputs("{\"format\":\"certexc-export\",\"version\":1,\"decisions\":[", f);
        for (unsigned i = 0; i < n; i++)
                (void) fprintf(f, "%s{\"host\":\"h%u.example\",\"port\":1,\"action\":\"deny\","
                                  "\"certificate\":\"%064u\"}",
                               i > 0 ? "," : "", i, i);
        (void) fputs("],\"certificates\":[]}", f);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(chmod(in(folder, name), 0644), 0);
}

START_TEST(decisions_have_their_bound) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put_many(RULES_ADMIN, "a.json", RULES_MAX - 10);
        put_many(RULES_VENDOR, "b.json", 10);
        rules = start(&seen);
        ck_assert_msg(rules_n_warnings(rules) == 0, "as many as there may be");
        ck_assert_uint_eq(count(rules), RULES_MAX);
        put_many(RULES_VENDOR, "b.json", 11);
        reload(rules, &seen);
        ck_assert_msg(has_warning(rules, "vendor/b.json: the files have more decisions together"),
                      "one more");
        ck_assert_uint_eq(count(rules), RULES_MAX);
}
END_TEST

#ifdef CERTEXC_TESTING
START_TEST(time_has_its_bound) {
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };

        put(RULES_ADMIN, "a.json", one);
        put_many(RULES_ADMIN, "b.json", 1);
        rules = start(&seen);
        ck_assert_uint_eq(count(rules), 2);
        put(RULES_ADMIN, "c.json", two);
        rule_reading_set_seconds(0);
        reload(rules, &seen);
        ck_assert_msg(has_warning(rules, "admin/c.json: certificate "), "whose certificates wait");
        ck_assert(has_warning(rules, ": to read all files takes too long. "));
        ck_assert_uint_eq(count(rules), 2);
}
END_TEST
#endif

/* -- looking up -------------------------------------------------------------------------------- */

START_TEST(they_are_found_by_endpoint_and_number) {
        const ExportRow rows[] = {
                { .action = "deny", .host = "b.example", .port = 993, .pki = one },
                { .action = "deny", .host = "a.example", .port = 993, .pki = one },
                { .action = "allow", .host = "b.example", .port = 25, .pki = one },
                { .action = "deny", .host = "b.example", .port = 65535, .pki = two },
                { .action = "deny", .host = "b.example", .port = 993, .pki = two },
                { .action = "deny", .host = "b.example.org", .port = 1, .pki = two },
        };
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };
        const Rule *found;

        export_write(in(RULES_ADMIN, "x.json"), rows, N_ELEMENTS(rows));
        rules = start(&seen);
        ck_assert_uint_eq(rules_all(rules, PKI_NOW, &found), 6);
        for (size_t i = 0; i < 6; i++) {
                ck_assert_uint_eq(found[i].decision.id, RULE_ID_FIRST + i);
                ck_assert_ptr_eq(rules_get(rules, RULE_ID_FIRST + i, PKI_NOW), &found[i]);
                ck_assert_str_eq(found[i].path, in(RULES_ADMIN, "x.json"));
        }
        ck_assert_ptr_null(rules_get(rules, RULE_ID_FIRST + 6, PKI_NOW));
        ck_assert_ptr_null(rules_get(rules, RULE_ID_FIRST - 1, PKI_NOW));
        ck_assert_ptr_null(rules_get(rules, UINT64_MAX, PKI_NOW));

        ck_assert_uint_eq(rules_at(rules, "b.example", 993, PKI_NOW, &found), 2);
        ck_assert_msg(memcmp(found[0].decision.certificate_sha256, found[1].decision.certificate_sha256,
                             SHA256_SIZE) != 0,
                      "in the order of the file");
        ck_assert_msg(rules_at(rules, "b.example", 0, PKI_NOW, &found) == 4, "at every port of the host");
        ck_assert_uint_eq(found[0].decision.port, 25);
        ck_assert_uint_eq(rules_at(rules, "b.example", 65535, PKI_NOW, &found), 1);
        ck_assert_uint_eq(rules_at(rules, "b.example", 24, PKI_NOW, &found), 0);
        ck_assert_uint_eq(rules_at(rules, "b.exampl", 993, PKI_NOW, &found), 0);
        ck_assert_uint_eq(rules_at(rules, "c.example", 993, PKI_NOW, &found), 0);
}
END_TEST

START_TEST(a_judge_has_read_their_certificates) {
        const ExportRow rows[] = { { .action = "deny", .more = "'pin':'key',", .pki = one },
                                   { .action = "allow", .port = 25, .pki = two } };
        _cleanup_(rules_freep) Rules *rules = NULL;
        const RuleCertificate *c;
        Seen seen = { 0 };
        const Rule *found;

        export_write(in(RULES_ADMIN, "x.json"), rows, 2);
        rules = start(&seen);
        ck_assert_uint_eq(rules_at(rules, "mail.example.org", 993, PKI_NOW, &found), 1);
        ck_assert_str_eq(found->certificate->facts->subject, "CN=one.example.org");
        ck_assert_mem_eq(found->decision.key_sha256, found->certificate->facts->key_sha256, SHA256_SIZE);
        c = rules_certificate(rules, found->decision.certificate_sha256);
        ck_assert_ptr_eq(c, found->certificate);
        ck_assert_ptr_eq(rules_denial(rules, "mail.example.org", 993, NULL,
                                      found->decision.key_sha256, PKI_NOW),
                         found);
        ck_assert_ptr_null(rules_certificate(rules, c->facts->key_sha256));
}
END_TEST

START_TEST(what_is_over_stays_so) {
        const ExportRow row = { .action = "deny", .more = "'until':1767225600,", .pki = one };
        _cleanup_(rules_freep) Rules *rules = NULL;
        Seen seen = { 0 };
        const Rule *found;

        export_write(in(RULES_ADMIN, "x.json"), &row, 1);
        rules = start(&seen);
        ck_assert_uint_eq(rules_all(rules, PKI_NOW - 1, &found), 1);
        ck_assert_int_eq(found->decision.state, STATE_LIVE);
        ck_assert_uint_eq(rules_all(rules, PKI_NOW, &found), 1);
        ck_assert_int_eq(found->decision.state, STATE_ENDED);
        ck_assert(!denies(rules, one));
        (void) rules_all(rules, PKI_NOW - 1, &found);
        ck_assert_msg(found->decision.state == STATE_ENDED, "a clock that is set back revives nothing");
        reload(rules, &seen);
        (void) rules_all(rules, PKI_NOW - 1, &found);
        ck_assert_msg(found->decision.state == STATE_ENDED, "nor does a reload");
}
END_TEST

static void add(TCase *tcase) {
        tcase_add_test(tcase, files_have_their_bound);
        tcase_add_test(tcase, bytes_have_their_bound);
        tcase_add_test(tcase, decisions_have_their_bound);
#ifdef CERTEXC_TESTING
        tcase_add_test(tcase, time_has_its_bound);
#endif
        tcase_add_test(tcase, they_are_found_by_endpoint_and_number);
        tcase_add_test(tcase, a_judge_has_read_their_certificates);
        tcase_add_test(tcase, what_is_over_stays_so);
}

int main(int argc, char **argv) {
        int status = worker_dispatch(argc, argv);

        return status >= 0 ? status : run("rule-bounds", add);
}
