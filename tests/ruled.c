/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "tests/exports.h"
#include "tests/ruled.h"

static sd_event *event;

Pki *one, *two;
char home[64], folders[_RULE_FOLDER_MAX][96];

void make_folder(const char *path) {
        ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void set_up(void) {
        static const char *const names[] = { "admin", "vendor", "own" };

        ck_assert_int_eq(sd_event_new(&event), 0);
        (void) snprintf(home, sizeof(home), "/tmp/certexc-check-rules-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(home));
        for (unsigned i = 0; i < _RULE_FOLDER_MAX; i++) {
                (void) snprintf(folders[i], sizeof(folders[i]), "%s/%s", home, names[i]);
                make_folder(folders[i]);
        }
        one = pki_new(&(PkiSpec){ .name = "one.example.org" });
        two = pki_new(&(PkiSpec){ .name = "two.example.org" });
}

static void tear_down(void) {
        char command[96];

        (void) snprintf(command, sizeof(command), "rm -rf %s", home);
        ck_assert_int_eq(system(command), 0);
        event = sd_event_unref(event);
        one = pki_free(one);
        two = pki_free(two);
}

const char *in(RuleFolder folder, const char *name) {
        static char paths[4][256];
        static unsigned next;
        char *path = paths[next++ % 4];

        (void) snprintf(path, sizeof(paths[0]), "%s/%s", folders[folder], name);
        return path;
}

/* A file that denies @pki at mail.example.org:993. */
void put(RuleFolder folder, const char *name, const Pki *pki) {
        const ExportRow row = { .action = "deny", .pki = pki };

        export_write(in(folder, name), &row, 1);
}

void put_broken(RuleFolder folder, const char *name) {
        export_write_text(in(folder, name), "{\n\"format\":certexc-export}\n");
}

static void on_read(Rules *rules, int error, void *userdata) {
        Seen *seen = userdata;

        seen->n_calls++;
        seen->error = error;
}

Rules *start(Seen *seen) {
        const RuleFolders all = { { folders[0], folders[1], folders[2] }, geteuid() };
        Rules *rules = NULL;

        ck_assert_int_eq(rules_new(event, &all, on_read, seen, &rules), 0);
        return rules;
}

/* The loop also wakes for what is nothing to it. */
void reload(Rules *rules, Seen *seen) {
        const unsigned before = seen->n_calls;

        rules_reload(rules);
        while (seen->n_calls == before)
                ck_assert_int_ge(sd_event_run(event, UINT64_C(60000000)), 0);
        ck_assert_int_eq(seen->error, 0);
}

size_t count(Rules *rules) {
        const Rule *all;

        return rules_all(rules, PKI_NOW, &all);
}

bool denies(Rules *rules, const Pki *pki) {
        uint8_t digest[SHA256_SIZE];
        Blob der = pki_der(pki);

        ck_assert_int_eq(sha256(der.data, der.size, digest), 0);
        return rules_denial(rules, "mail.example.org", 993, digest, NULL, PKI_NOW) != NULL;
}

bool has_warning(const Rules *rules, const char *words) {
        for (size_t i = 0; i < rules_n_warnings(rules); i++)
                if (strstr(rules_warning(rules, i), words))
                        return true;
        return false;
}

int run(const char *name, void (*add)(TCase *tcase)) {
        Suite *suite = suite_create(name);
        TCase *tcase = tcase_create(name);
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        add(tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
