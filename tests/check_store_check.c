/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Examining the store: each kind of damage is found by its name, a store that is well has none, and
 * nothing is found wrongly while changes are taken. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store-check.h"
#include "tests/decisions.h"

#define ME    INT64_C(1000)
#define OTHER INT64_C(1001)

/* What every test begins with: decisions of each kind, a dead one that was revoked, names, one seen. */
static void fill(Store *store) {
        _cleanup_(change_freep) Change *name = NULL, *seen = NULL;

        ck_assert_int_eq(change_new(CHANGE_OWNER, ME, ME, DECIDED_AT, &name), 0);
        name->owner_name = strdup("me");
        ck_assert_int_eq(test_apply(store, name), CHANGED);
        for (uint16_t port = 1; port <= 5; port++)
                (void) test_add(store, &(Addition){ .owner = ME, .port = port }, CHANGED);
        (void) test_add(store,
                        &(Addition){ .owner = ME,
                                     .action = DECISION_DENY,
                                     .host = "denied.example",
                                     .name = "two" },
                        CHANGED);
        ck_assert_int_eq(test_revoke(store, ME, 5), CHANGED);
        (void) test_add(store, &(Addition){ .owner = OTHER, .name = "three" }, CHANGED);
        (void) test_put(store, &(Putting){ .owner = ME, .name = "authority" }, CHANGED);
        (void) test_put(store,
                        &(Putting){ .owner = ME,
                                    .kind = ENTRY_DISTRUST,
                                    .name = "distrusted",
                                    .key = "key of distrusted" },
                        CHANGED);

        ck_assert_int_eq(change_new(CHANGE_SEEN, ME, ME, DECIDED_AT, &seen), 0);
        strcpy(seen->decision.host, "seen.example");
        seen->decision.port = 993;
        seen->certificate = test_certificate("four", "key of four");
        ck_assert_int_eq(test_apply(store, seen), CHANGED);
}

static void test_begin(void) {
        _cleanup_(store_freep) Store *store = NULL;

        test_directory_make();
        store = test_store();
        fill(store);
}

static CheckReport run(const Store *store, const CheckArgs *args) {
        _cleanup_(store_check_freep) StoreCheck *check = NULL;

        ck_assert_int_eq(store_check_new(store, args, &check), 0);
        ck_assert_int_eq(store_check_run(check), 0);
        return *store_check_report(check);
}

static const CheckArgs deep = { .whole = true, .deep = true, .now = DECIDED_AT + 5000 };

/* The names of all that was found, in their order. */
static const char *names_of(const CheckReport *report) {
        static char names[1024];
        size_t n = 0;

        names[0] = '\0';
        for (unsigned i = 0; i < _FOUND_MAX; i++)
                if (report->findings[i].n > 0)
                        n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s",
                                               n ? " " : "",
                                               check_finding_name((CheckFinding) i));
        return names;
}

START_TEST(a_store_that_is_well_has_nothing) {
        _cleanup_(store_freep) Store *store = test_store();
        CheckReport report = run(store, &deep);

        ck_assert_str_eq(names_of(&report), "");
        ck_assert_uint_eq(report.database_number, report.journal_number);
        ck_assert_uint_eq(report.database_number, store_generation(store));
        ck_assert_uint_gt(report.n_rows, 15);
        ck_assert_uint_ge(report.n_lines, report.journal_number);
        ck_assert_uint_gt(report.free_bytes, 0);
        ck_assert_uint_gt(report.database_bytes, 0);
}
END_TEST

/* -- damage that is there when the store is opened ------------------------------------------- */

static const struct {
        const char *sentence;
        const char *sql;
        const char *found; /* shallow, then what going deep adds */
        const char *deep;
} rows[] = {
        { "an exception covers more than was agreed to",
          "UPDATE decision SET problems = 12 WHERE owner = 1000 AND id = 1", "decisions-damaged",
          "decisions-damaged" },
        { "two decisions are damaged",
          "UPDATE decision SET until = 7, ends = 2 WHERE owner = 1000 AND id <= 2",
          "decisions-damaged", "decisions-damaged" },
        { "an authority may speak for more", "UPDATE trust SET only_for = 'x.example' WHERE kind = 1",
          "authorities-damaged", "authorities-damaged" },
        { "what was distrusted is believed",
          "UPDATE trust SET kind = 1 WHERE kind = 2", "authorities-damaged refusals-differ",
          "authorities-damaged refusals-differ" },
        { "an authority is gone without a trace",
          "DELETE FROM trust WHERE kind = 1; DELETE FROM certificate "
          "WHERE subject = 'CN=authority'; DELETE FROM holding WHERE sha256 NOT IN "
          "(SELECT sha256 FROM certificate); "
          "UPDATE owner SET bytes = (SELECT sum(iif(n_decisions > 0, size, 0)) FROM holding AS h "
          "WHERE h.owner = owner.owner)",
          "counters-wrong", "counters-wrong copies-differ" },
        { "a certificate's subject is another",
          "UPDATE certificate SET subject = 'CN=x' WHERE der IS NOT NULL", "certificates-damaged",
          "certificates-damaged copies-differ" },
        { "a certificate's bytes are others", "UPDATE certificate SET der = x'3000'",
          "certificates-damaged", "certificates-damaged" },
        { "a certificate that was only seen is damaged",
          "UPDATE certificate SET issuer = 'x' WHERE der IS NULL", "certificates-damaged",
          "certificates-damaged" },
        { "a certificate is gone",
          "DELETE FROM certificate WHERE sha256 = (SELECT certificate_sha256 FROM decision "
          "WHERE owner = 1001)",
          "references-broken certificates-missing", "references-broken certificates-missing" },
        { "an owner's name is another", "UPDATE owner SET name = 'you' WHERE owner = 1000",
          "names-damaged", "names-damaged copies-differ" },
        { "a counter is wrong", "UPDATE owner SET n_allowed = n_allowed + 1 WHERE owner = 1001",
          "counters-wrong", "counters-wrong" },
        { "a certificate is counted too often", "UPDATE holding SET n_decisions = 9",
          "counters-wrong", "counters-wrong copies-differ" },
        { "a line of history says another time", "UPDATE history SET time = 1 WHERE number = 2", "",
          "histories-differ" },
        { "a line of history is gone", "DELETE FROM history WHERE owner = 1001",
          "history-incomplete", "history-incomplete" },
        { "one in its middle", "DELETE FROM history WHERE owner = 1000 AND number = 2",
          "history-incomplete", "history-incomplete" },
        { "a line of history makes no sense", "UPDATE history SET kind = 99 WHERE number = 1",
          "structure-damaged history-damaged",
          "structure-damaged history-damaged histories-differ" },
        { "a live exception is gone without a trace",
          "DELETE FROM decision WHERE owner = 1000 AND id = 2; "
          "UPDATE owner SET n_allowed = n_allowed - 1 WHERE owner = 1000; "
          "UPDATE holding SET n_decisions = n_decisions - 1 WHERE owner = 1000 AND n_decisions > 1",
          "counters-wrong", "counters-wrong copies-differ" },
        { "the denial is gone", "DELETE FROM decision WHERE action = 2",
          "counters-wrong refusals-differ", "counters-wrong refusals-differ copies-differ" },
        { "the revoked one is gone", "DELETE FROM decision WHERE state = 4",
          "counters-wrong refusals-differ", "counters-wrong refusals-differ copies-differ" },
        { "a certificate is nobody's",
          "INSERT INTO certificate SELECT 99, zeroblob(32), key_sha256, subject, issuer, serial, "
          "names, not_before, not_after, digest, NULL FROM certificate LIMIT 1",
          "certificates-unused", "certificates-unused" },
};

START_TEST(damage_of_rows_is_found_by_its_name) {
        CheckArgs shallow = deep;
        _cleanup_(store_freep) Store *store = NULL;
        CheckReport report;

        shallow.deep = false;
        test_sql("%s", rows[_i].sql);
        store = test_store();
        report = run(store, &shallow);
        ck_assert_msg(strcmp(names_of(&report), rows[_i].found) == 0, "%s: %s", rows[_i].sentence,
                      names_of(&report));
        report = run(store, &deep);
        ck_assert_msg(strcmp(names_of(&report), rows[_i].deep) == 0, "%s, deep: %s",
                      rows[_i].sentence, names_of(&report));
}
END_TEST

START_TEST(each_one_is_counted_and_the_first_is_named) {
        _cleanup_(store_freep) Store *store = NULL;
        CheckReport report;

        test_sql("%s", "UPDATE decision SET created = 7 WHERE owner = 1000 AND id IN (2, 4)");
        store = test_store();
        report = run(store, &deep);
        ck_assert_uint_eq(report.findings[FOUND_DECISIONS_DAMAGED].n, 2);
        ck_assert_str_eq(report.findings[FOUND_DECISIONS_DAMAGED].detail, "1000: 2");
}
END_TEST

/* No damage: the clock was ahead then. */
START_TEST(a_store_that_was_written_tomorrow_is_told) {
        _cleanup_(store_freep) Store *store = test_store();
        CheckReport report;

        (void) test_add(store,
                        &(Addition){ .owner = 7, .port = 7, .now = deep.now + 86400 }, CHANGED);
        report = run(store, &deep);
        ck_assert_str_eq(names_of(&report), "last-write-ahead");
}
END_TEST

/* -- damage under the open store ------------------------------------------------------------- */

static char *path_of(const char *name) {
        char *path;

        ck_assert_int_gt(asprintf(&path, "%s/%s", test_directory(), name), 0);
        return path;
}

static void directory_readable(void) {
        ck_assert_int_eq(chmod(test_directory(), 0755), 0);
}

static void journal_readable(void) {
        ck_assert_int_eq(chmod(test_journal(), 0644), 0);
}

static void journal_removed(void) {
        ck_assert_int_eq(unlink(test_journal()), 0);
}

static void overwrite(const char *path, off_t at, size_t size, char with) {
        _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        char bytes[4096];

        ck_assert_uint_le(size, sizeof(bytes));
        memset(bytes, with, size);
        ck_assert_int_eq(pwrite(fd, bytes, size, at), (ssize_t) size);
}

static void journal_flipped(void) {
        struct stat st;

        ck_assert_int_eq(stat(test_journal(), &st), 0);
        overwrite(test_journal(), st.st_size - 900, 1, '#');
}

static void journal_head_lost(void) {
        overwrite(test_journal(), 0, 4096, '#');
}

static void database_replaced(void) {
        _cleanup_free_ char *other = path_of("other");
        _cleanup_fd_ int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(rename(other, test_database()), 0);
}

static void rebuilt_before(void) {
        static const char *const names[] = { "certexc.db.corrupt-20260102T000000Z",
                                             "certexc.db.corrupt-20260102T000000Z-wal",
                                             "journal.corrupt-20260102T000000Z" };

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                _cleanup_free_ char *path = path_of(names[i]);
                _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

                ck_assert_int_ge(fd, 0);
        }
}

static const struct {
        const char *sentence;
        void (*damage)(void);
        const char *found;
} files[] = {
        { "others may look into the directory", directory_readable, "directory-open" },
        { "others may read the journal", journal_readable, "file-open" },
        { "the journal is gone", journal_removed, "journal-missing" },
        { "a byte of the journal is another", journal_flipped, "journal-damaged" },
        { "the journal's first block is gone", journal_head_lost, "journal-damaged" },
        { "another file is there in place of the database", database_replaced, "files-replaced" },
        { "it was rebuilt before", rebuilt_before, "set-aside" },
};

START_TEST(damage_of_files_is_found_by_its_name) {
        _cleanup_(store_freep) Store *store = test_store();
        CheckReport report;

        files[_i].damage();
        report = run(store, &deep);
        ck_assert_msg(strcmp(names_of(&report), files[_i].found) == 0, "%s: %s", files[_i].sentence,
                      names_of(&report));
        if (files[_i].damage == rebuilt_before) {
                ck_assert_uint_eq(report.kept.n, 3);
                ck_assert_str_eq(report.kept.names[0], "certexc.db.corrupt-20260102T000000Z");
                ck_assert_str_eq(report.kept.names[1], "certexc.db.corrupt-20260102T000000Z-wal");
        }
        ck_assert_int_eq(chmod(test_directory(), 0700), 0);
}
END_TEST

/* All is in the file, and then the root page of an index is gone; it is read from there by whoever
 * opens it next. */
START_TEST(pages_that_do_not_add_up_are_found) {
        int64_t page = test_sql_number("SELECT rootpage FROM sqlite_schema "
                                       "WHERE name = 'seen_by_time'");
        int64_t size = test_sql_number("PRAGMA page_size");
        _cleanup_(store_freep) Store *store = test_store();
        CheckReport report;

        overwrite(test_database(), (off_t) ((page - 1) * size), 64, 0);
        report = run(store, &deep);
        ck_assert_msg(report.findings[FOUND_STRUCTURE].n > 0, "%s", names_of(&report));
        ck_assert_msg(*report.findings[FOUND_STRUCTURE].detail, "it says where");
}
END_TEST

/* -- whose ----------------------------------------------------------------------------------- */

START_TEST(an_owner_sees_the_own_alone) {
        _cleanup_(store_freep) Store *store = NULL;
        CheckArgs mine = { .owner = ME, .now = DECIDED_AT + 5000 }, others = mine;
        CheckReport report;

        others.owner = OTHER;
        test_sql("%s", "UPDATE decision SET created = 7 WHERE owner = 1001");
        test_sql("%s", "UPDATE owner SET n_denied = 7 WHERE owner = 1001");
        store = test_store();
        rebuilt_before();
        report = run(store, &mine);
        ck_assert_str_eq(names_of(&report), "");
        ck_assert_uint_eq(report.kept.n, 0);
        ck_assert_uint_eq(report.n_lines, 0);
        ck_assert_uint_gt(report.n_rows, 10);
        report = run(store, &others);
        ck_assert_str_eq(names_of(&report), "decisions-damaged counters-wrong");
}
END_TEST

/* -- while it serves ------------------------------------------------------------------------- */

static void *write_on(void *userdata) {
        Store *store = userdata;

        for (unsigned i = 0; i < 60; i++) {
                char host[32];
                uint64_t id;

                (void) snprintf(host, sizeof(host), "host-%u.example", i);
                id = test_add(store, &(Addition){ .owner = ME, .host = host, .name = host },
                              CHANGED);
                if (i % 3 == 0)
                        ck_assert_int_eq(test_revoke(store, ME, id), CHANGED);
        }
        return NULL;
}

START_TEST(what_is_being_written_is_no_damage) {
        _cleanup_(store_freep) Store *store = test_store();
        uint64_t generation = store_generation(store);
        CheckReport report = { 0 };
        unsigned n = 0;
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, write_on, store), 0);
        do {
                report = run(store, &deep);
                ck_assert_str_eq(names_of(&report), "");
                n++;
        } while (report.database_number < generation + 70);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_msg(n > 1, "%u examinations", n);
}
END_TEST

START_TEST(a_compacted_journal_is_compared_too) {
        _cleanup_(store_freep) Store *store = NULL;
        CheckReport report;

        /* Without a journal it is made anew of what the database holds. */
        journal_removed();
        store = test_store();
        (void) test_add(store, &(Addition){ .owner = ME, .host = "after.example" }, CHANGED);
        report = run(store, &deep);
        ck_assert_str_eq(names_of(&report), "");
}
END_TEST

START_TEST(it_ends_when_it_is_told_to) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(store_check_freep) StoreCheck *check = NULL;

        ck_assert_int_eq(store_check_new(store, &deep, &check), 0);
        store_check_cancel(check);
        ck_assert_int_eq(store_check_run(check), -ECANCELED);
        store_check_cancel(check);
}
END_TEST

int main(void) {
        TCase *c = tcase_create("store-check");
        Suite *s = suite_create("store-check");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_add_checked_fixture(c, test_begin, test_directory_remove);
        tcase_add_test(c, a_store_that_is_well_has_nothing);
        tcase_add_loop_test(c, damage_of_rows_is_found_by_its_name, 0, (int) N_ELEMENTS(rows));
        tcase_add_test(c, each_one_is_counted_and_the_first_is_named);
        tcase_add_test(c, a_store_that_was_written_tomorrow_is_told);
        tcase_add_loop_test(c, damage_of_files_is_found_by_its_name, 0, (int) N_ELEMENTS(files));
        tcase_add_test(c, pages_that_do_not_add_up_are_found);
        tcase_add_test(c, an_owner_sees_the_own_alone);
        tcase_add_test(c, what_is_being_written_is_no_damage);
        tcase_add_test(c, a_compacted_journal_is_compared_too);
        tcase_add_test(c, it_ends_when_it_is_told_to);
        suite_add_tcase(s, c);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
