/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Four files, each whole or damaged in several ways, in every combination: nothing is accepted that was
 * taken back, and one damaged file costs nothing. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/journal-private.h"
#include "daemon/rebuild.h"
#include "daemon/store-witness.h"
#include "tests/decisions.h"
#include "tests/files.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

/* What was decided about each port. */
enum {
        ALLOWED_LONG_AGO = 1,
        REVOKED,
        DENIED, /* allowed before */
        ALLOWED,
};

typedef enum Which {
        DATABASE,
        LOG,
        JOURNAL,
        WITNESS,
        N_FILES,
} Which;

static const char *const names[N_FILES] = { "certexc.db", "certexc.db-wal", "journal", "witness" };

/* How the daemon ended, and the files it left. */
typedef enum End {
        KILLED,
        QUIET,  /* killed after a moment in which nothing changed */
        POWER,  /* what was not synced is lost of the witness, and the boot is another */
        CLOSED, /* in order */
        N_ENDS,
} End;

static const char *const end_names[N_ENDS] = { "killed", "killed when quiet", "power cut", "closed" };
static File files[N_ENDS][N_FILES];
static size_t log_before_last, log_after_first; /* where transactions of the log end */
static File witness_before;

static char *path_of(const char *name) {
        char *path = NULL;

        ck_assert_int_gt(asprintf(&path, "%s/%s", test_directory(), name), 0);
        return path;
}

static File load(const char *name) {
        _cleanup_free_ char *path = path_of(name);

        return file_load(path);
}

static void save(const char *name, const char *data, size_t size) {
        _cleanup_free_ char *path = path_of(name);

        file_store(path, data, size);
}

static size_t log_size(void) {
        _cleanup_free_ char *path = path_of(names[LOG]);
        struct stat st;

        return stat(path, &st) == 0 ? (size_t) st.st_size : 0;
}

static void add(Store *store, DecisionAction action, uint16_t port) {
        (void) test_add(store, &(Addition){ .owner = ME, .action = action, .port = port }, CHANGED);
}

/* Runs @work in a process that ends without closing anything. */
static void run_and_die(void (*work)(Store *store)) {
        static Store *volatile left_open; /* what is still reachable is not a leak */
        pid_t pid = fork();
        int status;

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                left_open = test_store();
                work(left_open);
                _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}

static void begin(Store *store) {
        add(store, DECISION_ALLOW, ALLOWED_LONG_AGO);
        add(store, DECISION_ALLOW, REVOKED);
        add(store, DECISION_ALLOW, DENIED);
}

/* The sizes of the log go by way of a file: this is another process. */
static void change(Store *store) {
        size_t sizes[2];

        add(store, DECISION_ALLOW, ALLOWED);
        sizes[0] = log_size();
        add(store, DECISION_DENY, DENIED);
        sizes[1] = log_size();
        (void) test_revoke(store, ME, REVOKED);
        save("sizes", (const char *) sizes, sizeof(sizes));
}

static void change_and_wait(Store *store) {
        change(store);
        ck_assert_int_eq(store_quiesce(store), 0);
}

static void keep(End end) {
        for (Which i = 0; i < N_FILES; i++)
                files[end][i] = load(names[i]);
}

static void put_back(End end) {
        for (Which i = 0; i < N_FILES; i++)
                save(names[i], files[end][i].data, files[end][i].size);
}

/* As it was synced before the first change of the day, in another boot. */
static File witness_of_another_boot(const File *old) {
        char id[2 * JOURNAL_ID_SIZE + 1], sector[JOURNAL_SECTOR + 1];
        File file = { calloc(1, JOURNAL_SECTOR + 1), JOURNAL_SECTOR };
        Witness w;

        save(names[WITNESS], old->data, old->size);
        {
                _cleanup_fd_ int fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                ck_assert_int_eq(witness_read(fd, &w), 1);
        }
        hex_encode(w.journal_id, JOURNAL_ID_SIZE, id);
        (void) snprintf(sector, sizeof(sector), "witness\tchanging\t%llu\t%s\t%032d\t",
                        (unsigned long long) w.number, id, 7);
        ck_assert_int_eq(sector_seal(sector), 0);
        memcpy(file.data, sector, JOURNAL_SECTOR);
        return file;
}

static void setup(void) {
        size_t sizes[2];
        Store *store;
        File file;

        test_directory_make();
        store = test_store();
        begin(store);
        (void) store_free(store);
        witness_before = load(names[WITNESS]);
        keep(CLOSED); /* for a moment: where each of the others begins */

        run_and_die(change);
        keep(KILLED);
        file = load("sizes");
        memcpy(sizes, file.data, sizeof(sizes));
        free(file.data);
        log_after_first = sizes[0];
        log_before_last = sizes[1];

        for (Which i = 0; i < N_FILES; i++)
                files[POWER][i] = files[KILLED][i];
        files[POWER][WITNESS] = witness_of_another_boot(&witness_before);

        put_back(CLOSED);
        run_and_die(change_and_wait);
        keep(QUIET);

        put_back(CLOSED);
        for (Which i = 0; i < N_FILES; i++)
                free(files[CLOSED][i].data);
        store = test_store();
        change(store);
        (void) store_free(store);
        keep(CLOSED);
}

static void teardown(void) {
        files[POWER][DATABASE] = files[POWER][LOG] = files[POWER][JOURNAL] = (File){ 0 };
        for (End end = 0; end < N_ENDS; end++)
                for (Which i = 0; i < N_FILES; i++)
                        free(files[end][i].data);
        free(witness_before.data);
        test_directory_remove();
}

/* -- damage ---------------------------------------------------------------------------------- */

/* '.': none. '-': gone. 'e': emptied. 'h': its first block is overwritten. 'm': its middle is.
 * 'l': cut before the last transaction. 'f': after the first. 'i': inside the last one. 't': one byte
 * is turned near the end. 'n': the newest slot is overwritten. 'c': the last line is cut off. */
static const char ways[N_FILES][12] = { ".-ehm", ".-elfit", ".-ehmnct", ".-et" };

/* What the file would be if its daemon had written nothing to it is no damage. */
static bool harm(Which which, char way, File *f) {
        size_t n = f->size;

        if (way == '.' || !f->data)
                return false;
        if (way == '-') {
                *f = (File){ 0 };
                return true;
        }
        f->data = memcpy(calloc(1, n + 1), f->data, n);
        switch (way) {
        case 'e':
                f->size = 0;
                return n > 0;
        case 'h':
                memset(f->data, 'x', 4096);
                return true;
        case 'm':
                memset(f->data + n / 2, 'x', n / 4);
                return true;
        case 'n': {
                bool first = strcmp(f->data + JOURNAL_SECTOR, f->data + 2 * JOURNAL_SECTOR) > 0;

                memset(f->data + (first ? 1 : 2) * (size_t) JOURNAL_SECTOR, 'x', JOURNAL_SECTOR - 1);
                return true;
        }
        case 'c':
                while (f->size > 4096 && f->data[--f->size - 1] != '\n')
                        ;
                return true;
        case 't':
                if (n > 100)
                        f->data[n - 100] ^= 1;
                return n > 100;
        default:
                if (n < log_before_last)
                        return false;
                f->size = way == 'l'   ? log_before_last
                          : way == 'f' ? log_after_first
                                       : n - 100;
                return true;
        }
}

/* How many files were damaged. */
static unsigned damage(End end, const char how[N_FILES]) {
        unsigned n = 0;

        for (Which i = 0; i < N_FILES; i++) {
                File f = files[end][i];

                if (harm(i, how[i], &f))
                        n++;
                save(names[i], f.data, f.size);
                if (f.data != files[end][i].data)
                        free(f.data);
        }
        return n;
}

/* As the daemon does. */
static Store *open_or_mend(const char *says) {
        StoreDamage found;
        Store *store = NULL;
        const char *reason;
        Mending mending;
        int r;

        r = store_open(test_directory(), &store, &found);
        if (r == 0 && !found.disagrees)
                return store;
        ck_assert_msg(r == -EUCLEAN || r == 0, "%s: %s: %s", says, strerror(-r), found.reason);
        (void) store_free(store);
        ck_assert_int_eq(store_hold(test_directory(), &store, &reason), 0);
        r = store_mend(store, -EUCLEAN, DECIDED_AT + 1, &mending);
        ck_assert_msg(r == 0, "%s: mending: %s", says, strerror(-r));
        store_resume(store);
        return store;
}

/* Exceptions at @port that accept; denials count as less than none. */
static int accepts(Store *store, uint16_t port) {
        DecisionList list = { 0 };
        int n = 0;

        ck_assert_int_eq(store_find(store, ME, HOST, port, &list), 0);
        for (size_t i = 0; i < list.n_items; i++)
                if (list.items[i].state == STATE_LIVE)
                        n += list.items[i].action == DECISION_ALLOW ? 1 : -100;
        decision_list_done(&list);
        return n;
}

static void expect(Store *store, const char *says, unsigned n_damaged) {
        Decision d;

        ck_assert_msg(accepts(store, REVOKED) <= 0, "%s: revoked, and accepted again", says);
        ck_assert_msg(accepts(store, DENIED) <= 0, "%s: denied, and accepted again", says);
        if (n_damaged > 1)
                return;
        ck_assert_msg(accepts(store, ALLOWED_LONG_AGO) == 1, "%s: the old exception", says);
        ck_assert_msg(accepts(store, ALLOWED) == 1, "%s: the new exception", says);
        ck_assert_msg(accepts(store, DENIED) < 0, "%s: the denial", says);
        ck_assert_msg(store_get(store, ME, 2, &d) == 1 && d.state == STATE_REVOKED,
                      "%s: the revocation", says);
}

/* What is left open: of changes that the power cut met before the witness was synced nobody knows, once
 * journal and log have both lost them and look as the power cut itself might have left them. */
static bool is_known_limit(End end, const char how[N_FILES], unsigned n_damaged) {
        return end == POWER && n_damaged > 1 && strchr("lfit", how[LOG]);
}

/* Of the many with several damaged files some are enough, unless there is time. */
static bool is_chosen(End end, const char how[N_FILES]) {
        static unsigned n;
        unsigned whole = 0;

        for (Which i = 0; i < N_FILES; i++)
                whole += how[i] == '.';
        if (whole >= 3 || (whole == 2 && end == KILLED) || getenv("TORTURE_SECONDS"))
                return true;
        return n++ % (whole == 2 ? 3 : 29) == 0;
}

static void try(End end, const char how[N_FILES]) {
        _cleanup_(store_freep) Store *store = NULL;
        unsigned n_damaged;
        char says[128];

        if (!is_chosen(end, how))
                return;
        n_damaged = damage(end, how);
        if (is_known_limit(end, how, n_damaged))
                return;
        (void) snprintf(says, sizeof(says), "%s; database %c, log %c, journal %c, witness %c",
                        end_names[end], how[0], how[1], how[2], how[3]);
        store = open_or_mend(says);
        expect(store, says, n_damaged);
        /* And when it is opened again. */
        store = store_free(store);
        store = open_or_mend(says);
        expect(store, says, n_damaged);
        add(store, DECISION_ALLOW, 99);
}

START_TEST(no_combination_accepts_what_was_taken_back) {
        End end = (End) (_i % N_ENDS);
        char how[N_FILES];

        how[DATABASE] = ways[DATABASE][_i / N_ENDS];
        for (const char *l = ways[LOG]; *l; l++)
                for (const char *j = ways[JOURNAL]; *j; j++)
                        for (const char *w = ways[WITNESS]; *w; w++) {
                                how[LOG] = *l;
                                how[JOURNAL] = *j;
                                how[WITNESS] = *w;
                                try(end, how);
                        }
}
END_TEST

/* -- the file itself ------------------------------------------------------------------------- */

START_TEST(what_is_written_is_read) {
        _cleanup_fd_ int fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Witness w = { .number = 7, .settled = true, .journal_id = "fifteen letters" };
        Witness back;

        save(names[WITNESS], NULL, 0);
        ck_assert_int_eq(witness_read(fd, &back), 0);
        for (int i = 0; i < 4; i++) {
                w.settled = i & 1;
                w.number++;
                ck_assert_int_eq(i < 2 ? witness_write(fd, &w, true) : witness_update(fd, &w), 0);
                ck_assert_int_eq(witness_read(fd, &back), 1);
                ck_assert_uint_eq(back.number, w.number);
                ck_assert(back.settled == w.settled);
                ck_assert_mem_eq(back.journal_id, w.journal_id, JOURNAL_ID_SIZE);
        }
}
END_TEST

START_TEST(no_byte_of_it_turns_unnoticed) {
        _cleanup_fd_ int fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        File f = files[KILLED][WITNESS];
        size_t said = strcspn(f.data, " ");
        Witness w;

        for (size_t i = 0; i < said; i++) {
                f.data[i] ^= 1;
                save(names[WITNESS], f.data, f.size);
                ck_assert_msg(witness_read(fd, &w) == 0, "byte %zu", i);
                f.data[i] ^= 1;
        }
        save(names[WITNESS], f.data, f.size - 1);
        ck_assert_int_eq(witness_read(fd, &w), 0);
}
END_TEST

START_TEST(it_is_synced_before_the_first_change_and_settled_when_quiet) {
        _cleanup_fd_ int fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(store_freep) Store *store = NULL;
        Witness w;

        put_back(CLOSED);
        store = test_store();
        ck_assert_int_eq(witness_read(fd, &w), 1);
        ck_assert(w.settled);
        add(store, DECISION_ALLOW, 50);
        ck_assert_int_eq(witness_read(fd, &w), 1);
        ck_assert(!w.settled && w.number == store_generation(store));
        ck_assert_uint_gt(log_size(), 0);
        ck_assert_int_eq(store_quiesce(store), 0);
        ck_assert_int_eq(witness_read(fd, &w), 1);
        ck_assert(w.settled && w.number == store_generation(store));
        ck_assert_uint_eq(log_size(), 0);
}
END_TEST

/* Removed under the running daemon it is there again with the next change. */
START_TEST(one_that_vanished_is_written_anew) {
        _cleanup_fd_ int fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(store_freep) Store *store = NULL;
        Witness w;

        put_back(CLOSED);
        store = test_store();
        add(store, DECISION_ALLOW, 50);
        save(names[WITNESS], NULL, 0);
        add(store, DECISION_ALLOW, 51);
        ck_assert_int_eq(witness_read(fd, &w), 1);
        ck_assert_uint_eq(w.number, store_generation(store));
}
END_TEST

START_TEST(what_is_no_file_makes_way) {
        _cleanup_free_ char *path = path_of(names[WITNESS]);
        _cleanup_free_ char *strange = path_of(WITNESS_STRANGE);
        _cleanup_(store_freep) Store *store = NULL;
        struct stat st;

        put_back(CLOSED);
        save(names[WITNESS], NULL, 0);
        if (_i == 0)
                ck_assert_int_eq(mkdir(path, 0700), 0);
        else if (_i == 1)
                ck_assert_int_eq(mkfifo(path, 0600), 0);
        else
                ck_assert_int_eq(symlink(names[JOURNAL], path), 0);
        store = test_store();
        add(store, DECISION_ALLOW, 50);
        ck_assert_int_eq(lstat(path, &st), 0);
        ck_assert(S_ISREG(st.st_mode));
        ck_assert_int_eq(remove(strange), 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, witness");
        TCase *tcase = tcase_create("witness");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_unchecked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, no_combination_accepts_what_was_taken_back, 0,
                            N_ENDS * (int) strlen(ways[DATABASE]));
        tcase_add_test(tcase, what_is_written_is_read);
        tcase_add_test(tcase, no_byte_of_it_turns_unnoticed);
        tcase_add_test(tcase, it_is_synced_before_the_first_change_and_settled_when_quiet);
        tcase_add_test(tcase, one_that_vanished_is_written_anew);
        tcase_add_loop_test(tcase, what_is_no_file_makes_way, 0, 3);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
