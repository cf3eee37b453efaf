/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Table trust: what a person means last counts, nothing that refuses vanishes unseen, and what is
 * damaged believes nobody. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/rebuild.h"
#include "tests/decisions.h"

#define ME    INT64_C(1000)
#define OTHER INT64_C(1001)

/* -- what is put, and what comes of it ------------------------------------------------------- */

/* What is put second, after an authority "one" for all names, or what @first says. */
typedef struct Meaning {
        const char *says;
        Putting first;
        Putting second;
        ChangeResult result;
        DecisionState first_state; /* of the row that was put first, afterwards */
        bool same_row;
        const char *only; /* of the row that was put second, afterwards */
} Meaning;

#define DISTRUST(...) { .owner = ME, .kind = ENTRY_DISTRUST, __VA_ARGS__ }
#define IMPORT(...)   { .owner = ME, __VA_ARGS__ }

static const Meaning meanings[] = {
        { "the same authority again is held", IMPORT(), IMPORT(), CHANGE_HELD, STATE_LIVE, true,
          "" },
        { "it can be narrowed later", IMPORT(), IMPORT(.only = "only.example"), CHANGED, STATE_LIVE,
          true, "only.example" },
        { "it can be widened later", IMPORT(.only = "only.example"), IMPORT(), CHANGED, STATE_LIVE,
          true, "" },
        { "another certificate of its key is another authority", IMPORT(), IMPORT(.name = "two"),
          CHANGED, STATE_LIVE, false, "" },
        { "distrusting its key takes the import back", IMPORT(), DISTRUST(), CHANGED, STATE_REVOKED,
          false, "" },
        { "distrusting its key takes the import back, whatever the certificate", IMPORT(),
          DISTRUST(.name = "two"), CHANGED, STATE_REVOKED, false, "" },
        { "distrusting another certificate of its key does not",
          IMPORT(), DISTRUST(.name = "two", .pin = PIN_CERTIFICATE), CHANGED, STATE_LIVE, false,
          "" },
        { "importing what was distrusted takes the distrust back", DISTRUST(), IMPORT(), CHANGED,
          STATE_REVOKED, false, "" },
        { "importing another key does not", DISTRUST(), IMPORT(.name = "two", .key = "two"),
          CHANGED, STATE_LIVE, false, "" },
        { "the same distrust again is held", DISTRUST(), DISTRUST(), CHANGE_HELD, STATE_LIVE, true,
          "" },
        { "a certificate and its key are two distrusts", DISTRUST(),
          DISTRUST(.pin = PIN_CERTIFICATE), CHANGED, STATE_LIVE, false, "" },
        { "another owner's import is not touched", IMPORT(),
          { .owner = OTHER, .kind = ENTRY_DISTRUST }, CHANGED, STATE_LIVE, false, "" },
        { "the system's distrust leaves an owner's import", IMPORT(),
          { .owner = OWNER_SYSTEM, .kind = ENTRY_DISTRUST }, CHANGED, STATE_LIVE, false, "" },
};

START_TEST(the_newest_that_a_person_says_is_what_counts) {
        const Meaning *m = &meanings[_i];
        _cleanup_(store_freep) Store *store = test_store();
        uint64_t first, second;

        first = test_put(store, &m->first, CHANGED);
        second = test_put(store, &m->second, m->result);
        for (int i = 0; i < 2; i++) {
                Entry e = test_entry(store, m->second.owner, second);

                ck_assert_msg((m->first.owner == m->second.owner && first == second) ==
                                      m->same_row || m->first.owner != m->second.owner,
                              "%s", m->says);
                ck_assert_msg(test_entry(store, m->first.owner, first).state == m->first_state,
                              "%s", m->says);
                ck_assert_msg(e.state == STATE_LIVE && strcmp(e.only, m->only) == 0, "%s", m->says);
                store = test_reopen(store);
        }
}
END_TEST

START_TEST(what_was_removed_stays_and_comes_back_as_another) {
        _cleanup_(store_freep) Store *store = test_store();
        uint64_t id = test_put(store, &(Putting){ .owner = ME }, CHANGED);

        ck_assert_int_eq(test_remove(store, ME, id + 1), CHANGE_UNKNOWN);
        ck_assert_int_eq(test_remove(store, OTHER, id), CHANGE_UNKNOWN);
        ck_assert_int_eq(test_remove(store, ME, id), CHANGED);
        ck_assert_int_eq(test_remove(store, ME, id), CHANGE_HELD);
        ck_assert_uint_ne(test_put(store, &(Putting){ .owner = ME }, CHANGED), id);
        ck_assert_int_eq(test_entry(store, ME, id).state, STATE_REVOKED);
}
END_TEST

START_TEST(decisions_and_entries_share_their_ids) {
        _cleanup_(store_freep) Store *store = test_store();

        ck_assert_uint_eq(test_put(store, &(Putting){ .owner = ME }, CHANGED), 1);
        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = ME }, CHANGED), 2);
        ck_assert_int_eq(test_revoke(store, ME, 1), CHANGE_UNKNOWN);
        ck_assert_int_eq(test_remove(store, ME, 2), CHANGE_UNKNOWN);
}
END_TEST

static void rename_owner(Store *store, const char *name) {
        _cleanup_(change_freep) Change *change = NULL;

        ck_assert_int_eq(change_new(CHANGE_OWNER, ME, ME, DECIDED_AT, &change), 0);
        change->owner_name = strdup(name);
        (void) test_apply(store, change);
}

START_TEST(a_uid_of_another_person_believes_none_of_the_authorities) {
        _cleanup_(store_freep) Store *store = test_store();
        uint64_t authority, distrust;

        rename_owner(store, "anna");
        authority = test_put(store, &(Putting){ .owner = ME }, CHANGED);
        distrust = test_put(store, &(Putting) DISTRUST(.key = "bad", .name = "bad"), CHANGED);
        rename_owner(store, "bert");
        ck_assert_int_eq(test_entry(store, ME, authority).state, STATE_UNCONFIRMED);
        ck_assert_int_eq(test_entry(store, ME, distrust).state, STATE_LIVE);
        ck_assert_uint_eq(test_put(store, &(Putting){ .owner = ME }, CHANGE_CONFIRMED), authority);
        ck_assert_int_eq(test_entry(store, ME, authority).state, STATE_LIVE);
}
END_TEST

/* -- bad input ------------------------------------------------------------------------------- */

static void no_certificate(Change *c) {
        c->certificate = certificate_facts_free(c->certificate);
}

static void no_der(Change *c) {
        free(c->der);
        c->der = NULL;
}

static void other_der(Change *c) {
        c->der[0] ^= 1;
}

static void other_key(Change *c) {
        c->entry.key_sha256[0] ^= 1;
}

static void other_owner(Change *c) {
        c->entry.owner = OTHER;
}

static void no_kind(Change *c) {
        c->entry.kind = 0;
}

static void names_of_a_distrust(Change *c) {
        c->entry.kind = ENTRY_DISTRUST;
        strcpy(c->entry.only, "only.example");
}

static const struct {
        const char *says;
        void (*spoil)(Change *c);
} spoilt[] = {
        { "an entry needs what its certificate says", no_certificate },
        { "an entry needs the certificate itself", no_der },
        { "the certificate must be the one that it is about", other_der },
        { "the key must be the certificate's", other_key },
        { "the owner must be the change's", other_owner },
        { "a kind that is none is refused", no_kind },
        { "a distrust is for all names", names_of_a_distrust },
};

START_TEST(what_makes_no_sense_is_refused_alone) {
        _cleanup_(change_freep) Change *change = test_putting(&(Putting){ .owner = ME });
        _cleanup_(store_freep) Store *store = test_store();

        spoilt[_i].spoil(change);
        ck_assert_int_eq(store_apply(store, change), 0);
        ck_assert_msg(change->error == -EINVAL, "%s", spoilt[_i].says);
        ck_assert_int_eq(test_entry(store, ME, 1).state, 0);
}
END_TEST

/* -- bounds ---------------------------------------------------------------------------------- */

START_TEST(an_owner_has_as_many_as_the_bound_and_not_one_more) {
        _cleanup_(store_freep) Store *store = test_store();
        char name[16];

        for (unsigned i = 0; i < ENTRIES_PER_OWNER_MAX; i++) {
                (void) snprintf(name, sizeof(name), "ca %u", i);
                (void) test_put(store, &(Putting){ .owner = ME, .name = name, .key = name },
                                CHANGED);
        }
        (void) test_put(store, &(Putting){ .owner = ME }, CHANGE_TOO_MANY);
        (void) test_put(store, &(Putting){ .owner = OTHER }, CHANGED);
        ck_assert_int_eq(test_remove(store, ME, 1), CHANGED);
        (void) test_put(store, &(Putting){ .owner = ME }, CHANGED);
}
END_TEST

START_TEST(the_certificates_of_authorities_fill_their_share_and_no_more) {
        _cleanup_(store_freep) Store *store = test_store();
        char name[16];

        for (unsigned i = 0; i < ENTRY_BYTES_PER_OWNER_MAX / CERTIFICATE_BYTES_MAX; i++) {
                (void) snprintf(name, sizeof(name), "ca %u", i);
                (void) test_put(store,
                                &(Putting){ .owner = ME, .name = name, .key = name,
                                            .der_size = CERTIFICATE_BYTES_MAX },
                                CHANGED);
        }
        (void) test_put(store, &(Putting){ .owner = ME, .der_size = 1 }, CHANGE_TOO_MANY_HERE);
        (void) test_put(store, &(Putting) DISTRUST(.der_size = 1), CHANGED);
}
END_TEST

START_TEST(removed_ones_are_remembered_up_to_the_bound) {
        _cleanup_(store_freep) Store *store = test_store();
        char name[16];

        for (unsigned i = 1; i <= DEAD_ENTRIES_PER_OWNER_MAX + 1; i++) {
                uint64_t id;

                (void) snprintf(name, sizeof(name), "ca %u", i);
                id = test_put(store, &(Putting){ .owner = ME, .name = name, .key = name }, CHANGED);
                ck_assert_int_eq(test_remove(store, ME, id), CHANGED);
                ck_assert_int_eq(test_entry(store, ME, 1).state,
                                 i <= DEAD_ENTRIES_PER_OWNER_MAX ? STATE_REVOKED : 0);
        }
        ck_assert_int_eq(test_entry(store, ME, 2).state, STATE_REVOKED);
        store = store_free(store);
        ck_assert_int_eq(test_sql_number("SELECT n_refusals FROM store"),
                         DEAD_ENTRIES_PER_OWNER_MAX);
        ck_assert_int_eq(test_sql_number("SELECT count(*) FROM certificate"),
                         DEAD_ENTRIES_PER_OWNER_MAX);
}
END_TEST

/* -- damage ---------------------------------------------------------------------------------- */

/* An authority, a distrust and a removed authority: entries 1, 2 and 3. */
static void make_store(void) {
        _cleanup_(store_freep) Store *store = test_store();

        (void) test_put(store, &(Putting){ .owner = ME, .only = "only.example" }, CHANGED);
        (void) test_put(store, &(Putting) DISTRUST(.name = "bad", .key = "bad"), CHANGED);
        (void) test_remove(store, ME,
                           test_put(store, &(Putting) IMPORT(.name = "old", .key = "old"),
                                    CHANGED));
}

/* 0 or what reading them comes to; @ret_believed: whether authority 1 or 3 is in force. */
static int look(Store *store, bool *ret_believed) {
        _cleanup_(entry_list_done) EntryList list = { 0 };
        int r = store_entries(store, ME, &list);

        *ret_believed = false;
        for (size_t i = 0; i < list.n_items; i++)
                *ret_believed |= list.items[i].kind == ENTRY_AUTHORITY &&
                                 list.items[i].state == STATE_LIVE;
        return r;
}

static const char *const damages[] = {
        "UPDATE trust SET owner = 1000, id = 9 WHERE id = 1",
        "UPDATE trust SET kind = 2, only_for = '' WHERE id = 1",
        "UPDATE trust SET kind = 1 WHERE id = 2",
        "UPDATE trust SET pin = 3 - pin WHERE id = 1",
        "UPDATE trust SET pin = 3 - pin WHERE id = 2",
        "UPDATE trust SET state = 1 WHERE id = 3",
        "UPDATE trust SET state = 2 WHERE id = 3",
        "UPDATE trust SET state = 4 WHERE id = 2",
        "UPDATE trust SET state = 4 WHERE id = 1",
        "UPDATE trust SET certificate_sha256 = zeroblob(32) WHERE id = 1",
        ("UPDATE trust SET certificate_sha256 = (SELECT certificate_sha256 FROM trust WHERE id = 3) "
         "WHERE id = 1"),
        "UPDATE trust SET key_sha256 = zeroblob(32) WHERE id = 2",
        "UPDATE trust SET only_for = '' WHERE id = 1",
        "UPDATE trust SET only_for = 'only.examplf' WHERE id = 1",
        "UPDATE trust SET by = 0 WHERE id = 1",
        "UPDATE trust SET created = created + 1 WHERE id = 1",
        "UPDATE trust SET changed = changed + 1 WHERE id = 1",
        "UPDATE trust SET change_number = 9 WHERE id = 1",
        "UPDATE trust SET digest = zeroblob(32) WHERE id = 1",
        "UPDATE trust SET digest = (SELECT digest FROM trust WHERE id = 3) WHERE id = 1",
};

START_TEST(a_row_that_is_not_as_it_was_written_believes_nobody) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;
        StoreHealth health;
        bool believed = false;
        int r;

        make_store();
        test_sql("%s", damages[_i]);
        r = store_open(test_directory(), &store, &damage);
        if (r < 0) {
                ck_assert_int_eq(r, -EUCLEAN);
                return;
        }
        ck_assert_msg(look(store, &believed) == -EUCLEAN, "%s", damages[_i]);
        ck_assert_msg(!believed, "%s", damages[_i]);
        store_health(store, &health);
        ck_assert_uint_gt(health.n_damaged, 0);
}
END_TEST

static const char *const vanishings[] = {
        "DELETE FROM trust WHERE id = 2",
        "DELETE FROM trust WHERE id = 3",
        "DELETE FROM trust",
};

START_TEST(what_refused_and_is_gone_is_noticed_at_opening) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;
        bool believed;

        make_store();
        test_sql("%s", vanishings[_i]);
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), 0);
        ck_assert(damage.disagrees);
        ck_assert(store_is_doubtful(store));
        ck_assert_int_eq(look(store, &believed), 0);
        ck_assert_msg(!believed, "%s", vanishings[_i]);
}
END_TEST

START_TEST(any_bit_of_the_rows_that_is_turned_believes_nobody) {
        _cleanup_fd_ int fd = -1;
        uint8_t *bytes;
        off_t size;

        make_store();
        fd = open(test_database(), O_RDWR | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        size = lseek(fd, 0, SEEK_END);
        bytes = malloc((size_t) size);
        ck_assert_int_eq(pread(fd, bytes, (size_t) size, 0), size);
        /* Row 1 is the only one with this text. */
        uint8_t *at = memmem(bytes, (size_t) size, "only.example", 12);

        ck_assert_ptr_nonnull(at);
        for (int i = -80; i < 54; i++) {
                _cleanup_(store_freep) Store *store = NULL;
                uint8_t turned = at[i] ^ (uint8_t) (1U << (i & 7));
                StoreDamage damage;
                bool believed = false;

                ck_assert_int_eq(pwrite(fd, &turned, 1, at + i - bytes), 1);
                if (store_open(test_directory(), &store, &damage) == 0)
                        (void) look(store, &believed);
                ck_assert_msg(!believed, "byte %d", i);
                store = store_free(store);
                ck_assert_int_eq(pwrite(fd, at + i, 1, at + i - bytes), 1);
        }
        free(bytes);
}
END_TEST

/* -- made again ------------------------------------------------------------------------------ */

static Store *mend(Mending *ret) {
        Store *store = NULL;
        const char *reason;

        ck_assert_int_eq(store_hold(test_directory(), &store, &reason), 0);
        ck_assert_int_eq(store_mend(store, -EUCLEAN, DECIDED_AT + 99, ret), 0);
        store_resume(store);
        return store;
}

static void spoil(const char *path, size_t from_end, size_t size) {
        _cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
        _cleanup_free_ char *bytes = malloc(size);
        off_t end;

        ck_assert_int_ge(fd, 0);
        end = lseek(fd, 0, SEEK_END);
        memset(bytes, 'x', size);
        ck_assert_int_eq(pwrite(fd, bytes, size, from_end ? end - (off_t) from_end : 0),
                         (ssize_t) size);
}

static void expect_as_made(Store *store, DecisionState authority) {
        ck_assert_int_eq(test_entry(store, ME, 1).state, authority);
        ck_assert_str_eq(test_entry(store, ME, 1).only, "only.example");
        ck_assert_int_eq(test_entry(store, ME, 2).state, STATE_LIVE);
        ck_assert_int_eq(test_entry(store, ME, 3).state, STATE_REVOKED);
        ck_assert_uint_eq(test_put(store, &(Putting){ .owner = ME, .name = "x", .key = "x" },
                                   CHANGED),
                          4);
}

START_TEST(the_journal_alone_gives_all_back) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        make_store();
        spoil(test_database(), 0, 100);
        store = mend(&mending);
        expect_as_made(store, STATE_LIVE);
}
END_TEST

START_TEST(the_database_alone_gives_all_back) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        make_store();
        ck_assert_int_eq(unlink(test_journal()), 0);
        store = mend(&mending);
        expect_as_made(store, STATE_LIVE);
}
END_TEST

START_TEST(what_the_journal_lost_in_its_middle_the_database_gives) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        make_store();
        spoil(test_journal(), 1500, 200);
        store = mend(&mending);
        expect_as_made(store, STATE_LIVE);
        ck_assert_uint_eq(mending.n_missing, 0);
}
END_TEST

/* The last line is the removal of entry 3, and entry 3 is live in the line before. */
START_TEST(an_authority_whose_removal_may_be_missing_must_be_confirmed) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        make_store();
        spoil(test_journal(), 100, 90);
        spoil(test_database(), 0, 1024 * 1024);
        store = mend(&mending);
        ck_assert_uint_gt(mending.n_missing, 0);
        ck_assert_int_eq(test_entry(store, ME, 1).state, STATE_UNCONFIRMED);
        ck_assert_int_eq(test_entry(store, ME, 2).state, STATE_LIVE);
        ck_assert_int_ne(test_entry(store, ME, 3).state, STATE_LIVE);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, entries");
        TCase *tcase = tcase_create("entries");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_loop_test(tcase, the_newest_that_a_person_says_is_what_counts, 0,
                            N_ELEMENTS(meanings));
        tcase_add_test(tcase, what_was_removed_stays_and_comes_back_as_another);
        tcase_add_test(tcase, decisions_and_entries_share_their_ids);
        tcase_add_test(tcase, a_uid_of_another_person_believes_none_of_the_authorities);
        tcase_add_loop_test(tcase, what_makes_no_sense_is_refused_alone, 0, N_ELEMENTS(spoilt));
        tcase_add_test(tcase, an_owner_has_as_many_as_the_bound_and_not_one_more);
        tcase_add_test(tcase, the_certificates_of_authorities_fill_their_share_and_no_more);
        tcase_add_test(tcase, removed_ones_are_remembered_up_to_the_bound);
        tcase_add_loop_test(tcase, a_row_that_is_not_as_it_was_written_believes_nobody, 0,
                            N_ELEMENTS(damages));
        tcase_add_loop_test(tcase, what_refused_and_is_gone_is_noticed_at_opening, 0,
                            N_ELEMENTS(vanishings));
        tcase_add_test(tcase, any_bit_of_the_rows_that_is_turned_believes_nobody);
        tcase_add_test(tcase, the_journal_alone_gives_all_back);
        tcase_add_test(tcase, the_database_alone_gives_all_back);
        tcase_add_test(tcase, what_the_journal_lost_in_its_middle_the_database_gives);
        tcase_add_test(tcase, an_authority_whose_removal_may_be_missing_must_be_confirmed);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
