/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of the journal as text: what is written comes back, and what would not be written so is
 * refused. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/journal-private.h"
#include "tests/decisions.h"

static void round_trip(const JournalRecord *record, JournalRecord *ret) {
        Text text = {0}, again = {0};
        int r;

        journal_line_write(&text, record);
        text_add(&text, "", 1);
        ck_assert_int_eq(text.error, 0);
        again.data = strdup(text.data);
        r = journal_line_read(again.data, text.size - 1, ret);
        ck_assert_msg(r == 0, "%s", text.data);
        text_done(&again);

        journal_line_write(&again, ret);
        ck_assert_uint_eq(again.size, text.size - 1);
        ck_assert_mem_eq(again.data, text.data, again.size);
        text_done(&again);
        text_done(&text);
}

START_TEST(a_decision_comes_back_as_it_was) {
        static const int64_t owners[] = {OWNER_SYSTEM, 0, 1000, UINT32_MAX};

        for (size_t i = 0; i < N_ELEMENTS(owners); i++)
                for (DecisionEnd e = END_NEVER; e <= END_SESSION; e++) {
                        _cleanup_(journal_record_done) JournalRecord back = {0};
                        JournalRecord record = {.kind = JOURNAL_CHANGE, .number = 7};
                        uint8_t one[SHA256_SIZE], two[SHA256_SIZE];

                        record.decision = test_decision(7);
                        record.decision.owner = owners[i];
                        record.decision.end = e;
                        record.decision.until = e == END_DATE ? INT64_MIN : 0;
                        record.decision.session.known = e == END_SESSION;
                        if (e == END_SESSION) {
                                memset(record.decision.session.boot_id, 0xa5, BOOT_ID_SIZE);
                                record.decision.session.login_usec = UINT64_C(1234567);
                        }
                        record.history.kind = HISTORY_REVOKED;
                        record.history.by = owners[i];
                        round_trip(&record, &back);
                        ck_assert_int_eq(decision_digest(&record.decision, one), 0);
                        ck_assert_int_eq(decision_digest(&back.decision, two), 0);
                        ck_assert_mem_eq(one, two, SHA256_SIZE);
                        ck_assert_int_eq(back.history.kind, HISTORY_REVOKED);
                        ck_assert_int_eq(back.history.by, owners[i]);
                        ck_assert_int_eq(back.owner, owners[i]);
                }
}
END_TEST

START_TEST(a_certificate_of_odd_words_comes_back_as_it_was) {
        static char subject[] = "CN=a\tb\nc\\x09,O=\xc3\xa9\x7f\x01", empty[] = "";
        static char *names[] = {subject, empty, subject, NULL};
        _cleanup_free_ uint8_t *der = test_der("one", 601);
        _cleanup_(journal_record_done) JournalRecord back = {0};
        CertificateFacts c = {.subject = subject, .issuer = empty, .serial = empty};
        JournalRecord record = {.kind = JOURNAL_CERTIFICATE, .certificate = &c};

        c.names = names;
        c.n_names = 3;
        c.not_before = INT64_MIN;
        c.not_after = INT64_MAX;
        record.der = der;
        record.der_size = 601;
        ck_assert_int_eq(sha256(der, 601, c.sha256), 0);
        round_trip(&record, &back);
        ck_assert_str_eq(back.certificate->subject, subject);
        ck_assert_uint_eq(back.certificate->n_names, 3);
        ck_assert_str_eq(back.certificate->names[1], "");
        ck_assert_str_eq(back.certificate->names[2], subject);
        ck_assert_uint_eq(back.der_size, 601);
        ck_assert_mem_eq(back.der, der, 601);
}
END_TEST

START_TEST(other_lines_come_back_as_they_were) {
        static char name[] = "an\tna";
        JournalRecord records[] = {
                {.kind = JOURNAL_NAME, .number = 3, .owner = 5, .time = -1, .name = name},
                {.kind = JOURNAL_DROP, .number = 3, .owner = -1, .id = 9},
                {.kind = JOURNAL_OWNER, .number = 3, .owner = 5, .id = 9, .last_history = 12},
                {.kind = JOURNAL_OWNER, .number = 3, .owner = 5, .name = name},
                {.kind = JOURNAL_DECISION, .number = 3},
                {.kind = JOURNAL_HISTORY, .number = 3, .owner = 4, .change_number = 2},
                {.kind = JOURNAL_TRUST, .number = 3, .owner = -1},
                {.kind = JOURNAL_ENTRY, .number = 3, .owner = -1},
        };

        records[4].decision = test_decision(2);
        records[5].history = (HistoryEntry){.number = 8,
                                            .time = DECIDED_AT,
                                            .kind = HISTORY_ENDED,
                                            .id = 2,
                                            .by = OWNER_SYSTEM,
                                            .host = "a.example",
                                            .port = 1};
        records[6].entry = records[7].entry = (Entry){.owner = -1,
                                                      .id = 7,
                                                      .kind = ENTRY_AUTHORITY,
                                                      .pin = PIN_KEY,
                                                      .state = STATE_UNCONFIRMED,
                                                      .only = "example.org,10.0.0.0/8",
                                                      .by = 0,
                                                      .created = -5,
                                                      .changed = DECIDED_AT,
                                                      .change_number = 3};
        for (size_t i = 0; i < N_ELEMENTS(records); i++) {
                _cleanup_(journal_record_done) JournalRecord back = {0};

                round_trip(records + i, &back);
                ck_assert_int_eq(back.owner, i == 4 ? 1000 : records[i].owner);
                if (i >= 6)
                        ck_assert_mem_eq(&back.entry, &records[i].entry, sizeof(back.entry));
        }
}
END_TEST

static const char *const bad_lines[] = {
        "",
        "1",
        "1\tdrop\t5\t9",
        "1\tdrop\t5\t9\t\t",
        "1\tdrop\t5\t09\t",
        "1\tdrop\t5\t+9\t",
        "1\tdrop\t5\t0\t",
        "1\tdrop\t-2\t9\t",
        "1\tdrop\t4294967296\t9\t",
        "1\tdrop\t5\t9223372036854775808\t",
        "-1\tdrop\t5\t9\t",
        "1\tdrip\t5\t9\t",
        "1\tname\t5\t9\ta\\b\t",
        "1\tname\t5\t9\ta\\x0\t",
        "1\tname\t5\t9\ta\\x00\t",
        "1\tname\t5\t9\ta\\x0A\t",
};

START_TEST(a_line_that_would_not_be_written_so_is_refused) {
        _cleanup_free_ char *line = strdup(bad_lines[_i]);
        JournalRecord record = {0};

        ck_assert_msg(journal_line_read(line, strlen(line), &record) == -EBADMSG, "%s",
                      bad_lines[_i]);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("journal, lines");
        TCase *tcase = tcase_create("lines");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_add_test(tcase, a_decision_comes_back_as_it_was);
        tcase_add_test(tcase, a_certificate_of_odd_words_comes_back_as_it_was);
        tcase_add_test(tcase, other_lines_come_back_as_they_were);
        tcase_add_loop_test(tcase, a_line_that_would_not_be_written_so_is_refused, 0,
                            N_ELEMENTS(bad_lines));

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
