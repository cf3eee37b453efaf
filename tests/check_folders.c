/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Folders that are read beside the authorities: the block list, and lists of revoked certificates,
 * read by an importer, which this program itself becomes. What is broken, covered, removed, made
 * anew while somebody watches.
 */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/authorities.h"
#include "daemon/importer.h"
#include "daemon/limits.h"
#include "daemon/lists.h"
#include "daemon/path.h"
#include "daemon/trust.h"
#include "daemon/worker.h"
#include "tests/status.h"

/* A disk that does not give out what files of this name hold, also to the importer. */
#define UNREADABLE "unreadable.crl"

ssize_t read(int fd, void *data, size_t size) {
        char link[64], path[512] = "";

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        (void) readlink(link, path, sizeof(path) - 1);
        if (strstr(path, UNREADABLE)) {
                errno = EIO;
                return -1;
        }
        return (ssize_t) syscall(SYS_read, fd, data, size);
}

static sd_event *event;
static Pki *one, *two, *server;
static char home[64], trust_file[96], blocked[96], lists[96], vendor[96];

typedef struct Seen {
        unsigned n_calls;
        Authorities *authorities;
} Seen;

static void seen_done(Seen *seen) {
        seen->authorities = authorities_free(seen->authorities);
}

static void on_changed(Trust *trust, int fd, unsigned count, void *userdata) {
        Seen *seen = userdata;

        seen_done(seen);
        seen->n_calls++;
        ck_assert_int_eq(authorities_open(fd, &seen->authorities), 0);
        ck_assert_uint_eq(authorities_count(seen->authorities), count);
}

static void set_up(void) {
        ck_assert_int_eq(sd_event_new(&event), 0);
        (void) snprintf(home, sizeof(home), "/tmp/certexc-check-folders-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(home));
        (void) snprintf(trust_file, sizeof(trust_file), "%s/trust.pem", home);
        (void) snprintf(blocked, sizeof(blocked), "%s/conf/blocked.d", home);
        (void) snprintf(lists, sizeof(lists), "%s/conf/crls.d", home);
        (void) snprintf(vendor, sizeof(vendor), "%s/lib/certexc/crls.d", home);
        one = pki_new(&(PkiSpec) { .subject = "One", .ca = true });
        two = pki_new(&(PkiSpec) { .subject = "Two", .ca = true });
        server = pki_new(&(PkiSpec) { .name = "a.example.org", .issuer = one });
        pki_write(trust_file, (const Pki *const[]) { one, two }, 2, false);
}

static void tear_down(void) {
        char command[96];

        (void) snprintf(command, sizeof(command), "rm -rf %s", home);
        ck_assert_int_eq(system(command), 0);
        event = sd_event_unref(event);
        one = pki_free(one);
        two = pki_free(two);
        server = pki_free(server);
}

/* With everything above it. */
static void make_folder(const char *path) {
        char command[160];

        (void) snprintf(command, sizeof(command), "mkdir -p %s", path);
        ck_assert_int_eq(system(command), 0);
}

static Trust *start(Seen *seen) {
        const TrustFolders folders = { { blocked, lists, vendor } };
        Trust *trust = NULL;

        ck_assert_int_eq(trust_new(event, trust_file, &folders, on_changed, seen, &trust), 0);
        while (seen->n_calls < 1)
                ck_assert_int_ge(sd_event_run(event, UINT64_C(60000000)), 0);
        return trust;
}

/* Until the next change. The loop also wakes for what is nothing to it. */
static void wait_for_change(const Seen *seen) {
        unsigned before = seen->n_calls;

        while (seen->n_calls == before)
                ck_assert_int_ge(sd_event_run(event, UINT64_C(60000000)), 0);
}

static const char *in(const char *folder, const char *name) {
        static char paths[4][256];
        static unsigned next;
        char *path = paths[next++ % 4];

        (void) snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
        return path;
}

/* Aside and renamed, so that it is one change. */
static void put(const char *folder, const char *name, const void *data, size_t size) {
        char aside[128];
        FILE *f;

        (void) snprintf(aside, sizeof(aside), "%s/aside", home);
        f = fopen(aside, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(data, 1, size, f), size);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(rename(aside, in(folder, name)), 0);
}

static void put_text(const char *folder, const char *name, const char *text) {
        put(folder, name, text, strlen(text));
}

static void put_certificate(const char *folder, const char *name, const Pki *pki) {
        _cleanup_free_ char *pem = pki_pem(pki);

        put_text(folder, name, pem);
}

static void put_list(const char *folder, const char *name, const Pki *issuer, bool as_pem) {
        const Pki *const revoked[] = { server, NULL };
        _cleanup_(status_done) Status list = status_list(issuer, revoked, 0, 0);
        gnutls_datum_t der = { list.data, (unsigned) list.size }, pem = {};

        ck_assert_int_ge(gnutls_pem_base64_encode2("X509 CRL", &der, &pem), 0);
        if (as_pem)
                put(folder, name, pem.data, pem.size);
        else
                put(folder, name, list.data, list.size);
        gnutls_free(pem.data);
}

static unsigned lists_of(const Seen *seen, const Pki *issuer) {
        uint8_t key[SHA256_SIZE];
        size_t cursor = 0;
        unsigned n = 0;
        Blob der;

        ck_assert_int_eq(path_subject_key(pki_der(issuer), key), 0);
        while (lists_next_by_issuer(authorities_lists(seen->authorities), key, &cursor, &der))
                n++;
        return n;
}

static bool blocks(const Seen *seen, const Pki *authority) {
        const Authorities *list = authorities_blocked(seen->authorities);
        uint8_t key[SHA256_SIZE];
        size_t cursor = 0;
        Blob found;

        ck_assert_int_eq(path_subject_key(pki_der(authority), key), 0);
        return list && authorities_next_by_subject(list, key, &cursor, &found) == 1;
}

/* -- the block list ------------------------------------------------------------------------- */

START_TEST(what_the_folder_holds_is_blocked) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(blocked);
        put_certificate(blocked, "one.pem", one);
        put_certificate(blocked, "two.txt", two);
        trust = start(&seen);
        ck_assert(blocks(&seen, one));
        ck_assert_msg(!blocks(&seen, two), "a file of another name is no part of it");
        ck_assert_ptr_null(trust_blocked_warning(trust));

        put_certificate(blocked, "three.pem", two);
        wait_for_change(&seen);
        ck_assert_msg(blocks(&seen, two), "a new file is read without being told");
        ck_assert_int_eq(unlink(in(blocked, "three.pem")), 0);
        wait_for_change(&seen);
        ck_assert_msg(!blocks(&seen, two), "and one that is removed blocks no more");
}
END_TEST

START_TEST(a_broken_file_is_named_and_costs_no_other) {
        static const char *const texts[] = {
                "", "These are words.\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        };
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(blocked);
        put_certificate(blocked, "one.pem", one);
        trust = start(&seen);
        for (unsigned i = 0; i < N_ELEMENTS(texts); i++) {
                put_text(blocked, "broken.pem", texts[i]);
                wait_for_change(&seen);
                ck_assert_ptr_nonnull(trust_blocked_warning(trust));
                ck_assert_ptr_nonnull(strstr(trust_blocked_warning(trust), "blocked.d/broken.pem"));
                ck_assert(blocks(&seen, one));
                ck_assert_ptr_null(trust_warning(trust));
        }
        ck_assert_int_eq(unlink(in(blocked, "broken.pem")), 0);
        wait_for_change(&seen);
        ck_assert_ptr_null(trust_blocked_warning(trust));
}
END_TEST

START_TEST(what_was_blocked_stays_so_when_its_file_breaks) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(blocked);
        put_certificate(blocked, "0.pem", one);
        put_certificate(blocked, "two.pem", two);
        trust = start(&seen);
        ck_assert(!trust_is_doubtful(trust));
        for (unsigned i = 0; i < 2; i++) {
                put_text(blocked, "0.pem", "These are words.\n");
                wait_for_change(&seen);
                ck_assert_ptr_nonnull(strstr(trust_blocked_warning(trust), "blocked.d/0.pem"));
                ck_assert_msg(blocks(&seen, one), "by what was read before");
                ck_assert(blocks(&seen, two));
                ck_assert_msg(!trust_is_doubtful(trust), "nothing is missing");
        }
        ck_assert_int_eq(unlink(in(blocked, "0.pem")), 0);
        wait_for_change(&seen);
        ck_assert_msg(!blocks(&seen, one), "until somebody takes it away");
        ck_assert_ptr_null(trust_blocked_warning(trust));
}
END_TEST

static void reload(Trust *trust, const Seen *seen) {
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_change(seen);
}

START_TEST(a_file_that_was_broken_from_the_first_leaves_a_doubt) {
        _cleanup_free_ char *good = pki_pem(one), *both = NULL;
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(blocked);
        ck_assert_int_ge(asprintf(&both, "%s-----BEGIN CERTIFICATE-----\nAAAA\n", good), 0);
        put_text(blocked, "one.pem", both);
        trust = start(&seen);
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_msg(trust_is_doubtful(trust), "reading %u", i);
                ck_assert_ptr_nonnull(strstr(trust_blocked_warning(trust), "nothing is accepted by exception"));
                ck_assert_msg(blocks(&seen, one), "what could be read is blocked");
                reload(trust, &seen);
        }
        put_certificate(blocked, "one.pem", one);
        wait_for_change(&seen);
        ck_assert(!trust_is_doubtful(trust));
        ck_assert_ptr_null(trust_blocked_warning(trust));
        ck_assert(blocks(&seen, one));
}
END_TEST

START_TEST(a_block_list_that_cannot_be_read_is_no_empty_one) {
        _cleanup_(seen_done) Seen seen = {}, anew = {};
        _cleanup_(trust_freep) Trust *trust = NULL, *other = NULL;

        make_folder(blocked);
        put_certificate(blocked, "one.pem", one);
        trust = start(&seen);
        ck_assert_int_eq(rename(blocked, in(home, "away")), 0);
        wait_for_change(&seen);
        ck_assert(!blocks(&seen, one));
        put_text(home, "conf/blocked.d", "No folder.\n");
        reload(trust, &seen);
        ck_assert_msg(trust_is_doubtful(trust), "nobody knows what is in it");
        ck_assert_ptr_nonnull(strstr(trust_blocked_warning(trust), "conf/blocked.d"));

        other = start(&anew);
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_uint_eq(trust_count(other), 2);
                ck_assert_msg(trust_is_doubtful(other), "reading %u", i);
                reload(other, &anew);
        }
}
END_TEST

/* -- folders that come and go --------------------------------------------------------------- */

START_TEST(a_folder_is_seen_when_it_is_made) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = start(&seen);
        char aside[128];

        ck_assert_msg(!blocks(&seen, one), "nothing is");
        ck_assert_uint_eq(lists_of(&seen, one), 0);
        ck_assert_ptr_null(trust_lists_warning(trust));

        /* With what is in it, and with what is above it. */
        (void) snprintf(aside, sizeof(aside), "%s/new", home);
        make_folder(in(aside, "crls.d"));
        put_list(in(aside, "crls.d"), "one.crl", one, false);
        ck_assert_int_eq(rename(aside, in(home, "conf")), 0);
        wait_for_change(&seen);
        ck_assert_uint_eq(lists_of(&seen, one), 1);

        /* Step by step. */
        make_folder(blocked);
        wait_for_change(&seen);
        put_certificate(blocked, "one.pem", one);
        wait_for_change(&seen);
        ck_assert(blocks(&seen, one));
}
END_TEST

START_TEST(a_folder_that_goes_and_comes_back_is_followed) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(lists);
        put_list(lists, "one.crl", one, false);
        trust = start(&seen);
        ck_assert_uint_eq(lists_of(&seen, one), 1);
        ck_assert_int_eq(rename(lists, in(home, "away")), 0);
        wait_for_change(&seen);
        ck_assert_uint_eq(lists_of(&seen, one), 0);
        ck_assert_int_eq(rename(in(home, "away"), lists), 0);
        wait_for_change(&seen);
        ck_assert_uint_eq(lists_of(&seen, one), 1);
        put_list(lists, "two.crl", two, false);
        wait_for_change(&seen);
        ck_assert_uint_eq(lists_of(&seen, two), 1);
}
END_TEST

/* -- lists ---------------------------------------------------------------------------------- */

START_TEST(lists_are_read_in_either_form) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(lists);
        put_list(lists, "one.crl", one, false);
        put_list(lists, "two.pem", two, true);
        put_list(lists, "three.der", two, false);
        put_list(lists, "four.bak", two, false);
        put_list(lists, ".five.crl", two, false);
        trust = start(&seen);
        ck_assert_uint_eq(lists_of(&seen, one), 1);
        ck_assert_uint_eq(lists_of(&seen, two), 2);
        ck_assert_uint_eq(lists_of(&seen, server), 0);
        ck_assert_ptr_null(trust_lists_warning(trust));
}
END_TEST

START_TEST(the_administrator_s_file_covers_the_distribution_s) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(lists);
        make_folder(vendor);
        put_list(vendor, "a.crl", one, false);
        put_list(vendor, "b.crl", one, false);
        put_list(vendor, "c.crl", one, false);
        put_list(lists, "a.crl", two, false);
        put_text(lists, "b.crl", "");
        ck_assert_int_eq(symlink("/dev/null", in(lists, "c.crl")), 0);
        trust = start(&seen);
        ck_assert_msg(lists_of(&seen, one) == 0, "by another list, by nothing, by /dev/null");
        ck_assert_uint_eq(lists_of(&seen, two), 1);
        ck_assert_ptr_null(trust_lists_warning(trust));

        ck_assert_int_eq(unlink(in(lists, "c.crl")), 0);
        wait_for_change(&seen);
        ck_assert_uint_eq(lists_of(&seen, one), 1);
}
END_TEST

static void make_fifo(const char *path) {
        ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void make_directory(const char *path) {
        ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_dead_link(const char *path) {
        ck_assert_int_eq(symlink("nowhere.crl", path), 0);
}

static void make_link_to_itself(const char *path) {
        ck_assert_int_eq(symlink("mine.crl", path), 0);
}

static void make_unreadable(const char *path) {
        put_text(home, UNREADABLE, "What nobody sees.\n");
        ck_assert_int_eq(symlink(in(home, UNREADABLE), path), 0);
}

static const struct {
        const char *says;
        const char *text; /* NULL: @make makes it */
        const char *reason;
        void (*make)(const char *path);
} broken[] = {
        { "words are none", "These are words.\n", "there is no list in it" },
        { "a certificate is none", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
          "there is no list in it" },
        { "one that is cut off", "-----BEGIN X509 CRL-----\nAAAA", "is damaged" },
        { "one that is no list inside", "-----BEGIN X509 CRL-----\nMAAA\n-----END X509 CRL-----\n",
          "cannot be read" },
        { "DER that is none", "\x30\x03\x02\x01\x05", "cannot be read" },
        { "one that is empty", "", "it is empty" },
        { "a FIFO does not hang", NULL, "no regular file", make_fifo },
        { "a folder is none", NULL, "no regular file", make_directory },
        { "a link to nothing is not gone", NULL, "leads nowhere", make_dead_link },
        { "a link to itself", NULL, "leads nowhere", make_link_to_itself },
        { "what the disk does not give out", NULL, "does not give it out", make_unreadable },
};

START_TEST(broken_row) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;
        const char *warning;

        make_folder(lists);
        put_list(lists, "good.crl", one, false);
        put_list(lists, "mine.crl", two, false);
        trust = start(&seen);
        ck_assert_uint_eq(lists_of(&seen, two), 1);

        if (broken[_i].text)
                put_text(lists, "mine.crl", broken[_i].text);
        else {
                (void) unlink(in(lists, "mine.crl"));
                broken[_i].make(in(lists, "mine.crl"));
        }
        wait_for_change(&seen);
        warning = trust_lists_warning(trust);
        ck_assert_msg(warning && strstr(warning, in(lists, "mine.crl")) &&
                              strstr(warning, broken[_i].reason) &&
                              strstr(warning, "stays in force"),
                      "not told: %s, but \"%s\"", broken[_i].says, warning ? warning : "");
        ck_assert_msg(lists_of(&seen, two) == 1, "%s: the last good reading stays",
                      broken[_i].says);
        ck_assert_msg(lists_of(&seen, one) == 1, "%s: and costs no other", broken[_i].says);
        ck_assert_msg(!trust_is_doubtful(trust), "%s: nothing is missing", broken[_i].says);

        /* Once more, from what was kept. */
        reload(trust, &seen);
        ck_assert_uint_eq(lists_of(&seen, two), 1);
        ck_assert_int_eq(remove(in(lists, "mine.crl")), 0);
        wait_for_change(&seen);
        ck_assert_uint_eq(lists_of(&seen, two), 0);
        ck_assert_ptr_null(trust_lists_warning(trust));
}
END_TEST

START_TEST(one_that_was_never_good_leaves_a_doubt) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(vendor);
        put_text(vendor, "bad.crl", "These are words.\n");
        trust = start(&seen);
        for (unsigned i = 0; i < 2; i++) {
                const char *warning = trust_lists_warning(trust);

                ck_assert_ptr_nonnull(strstr(warning, in(vendor, "bad.crl")));
                ck_assert_ptr_nonnull(strstr(warning, "some or all is not in force"));
                ck_assert_ptr_nonnull(strstr(warning, "nothing is accepted by exception"));
                ck_assert_msg(trust_is_doubtful(trust), "reading %u", i);
                reload(trust, &seen);
        }
        put_list(vendor, "bad.crl", one, false);
        wait_for_change(&seen);
        ck_assert(!trust_is_doubtful(trust));
        ck_assert_ptr_null(trust_lists_warning(trust));
}
END_TEST

static void put_list_and_ruin(const char *folder, const char *name, const Pki *issuer) {
        _cleanup_(status_done) Status list = status_list(issuer, NULL, 0, 0);
        gnutls_datum_t der = { list.data, (unsigned) list.size }, pem = {};
        _cleanup_free_ char *text = NULL;

        ck_assert_int_ge(gnutls_pem_base64_encode2("X509 CRL", &der, &pem), 0);
        ck_assert_int_ge(asprintf(&text, "%s-----BEGIN X509 CRL-----\nAAAA", pem.data), 0);
        put_text(folder, name, text);
        gnutls_free(pem.data);
}

START_TEST(what_can_be_read_of_one_that_was_never_good_is_in_force) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(lists);
        put_list_and_ruin(lists, "some.pem", one);
        trust = start(&seen);
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_msg(lists_of(&seen, one) == 1, "reading %u", i);
                ck_assert_msg(trust_is_doubtful(trust), "but it was more, reading %u", i);
                reload(trust, &seen);
        }
        put_text(lists, "some.pem", "Now these are words.\n");
        wait_for_change(&seen);
        ck_assert_msg(lists_of(&seen, one) == 1, "by what was read before");
        ck_assert(trust_is_doubtful(trust));
        reload(trust, &seen);
        ck_assert(trust_is_doubtful(trust));
}
END_TEST

START_TEST(an_empty_file_covers_only_what_it_always_covered) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(lists);
        make_folder(vendor);
        put_list(vendor, "a.crl", one, false);
        put_list(lists, "a.crl", two, false);
        trust = start(&seen);
        put_text(lists, "a.crl", "");
        wait_for_change(&seen);
        ck_assert_msg(lists_of(&seen, two) == 1, "whoever fetches a list may have got no further");
        ck_assert_ptr_nonnull(strstr(trust_lists_warning(trust), in(lists, "a.crl")));
}
END_TEST

START_TEST(each_of_the_first_is_named_and_the_others_counted) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;
        char name[16];

        make_folder(lists);
        for (unsigned i = 0; i < BAD_LISTS_NAMED; i++) {
                (void) snprintf(name, sizeof(name), "%u.crl", i);
                put_text(lists, name, "These are words.\n");
        }
        trust = start(&seen);
        for (unsigned i = 0; i < BAD_LISTS_NAMED; i++) {
                (void) snprintf(name, sizeof(name), "%u.crl", i);
                ck_assert_ptr_nonnull(strstr(trust_lists_warning(trust), in(lists, name)));
        }
        ck_assert_ptr_null(strstr(trust_lists_warning(trust), " more"));
        put_text(lists, "one.crl", "These are words.\n");
        wait_for_change(&seen);
        ck_assert_ptr_nonnull(strstr(trust_lists_warning(trust), "And 1 more. "));
}
END_TEST

/* The disk behind it may not be mounted yet. */
START_TEST(a_link_that_leads_nowhere_is_no_folder_that_nobody_made) {
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(lists);
        ck_assert_int_eq(rmdir(lists), 0);
        ck_assert_int_eq(symlink("/nowhere/at/all", lists), 0);
        ck_assert_int_eq(symlink("/nowhere/at/all", blocked), 0);
        trust = start(&seen);
        ck_assert_ptr_nonnull(strstr(trust_lists_warning(trust), "crls.d: it is no folder"));
        ck_assert_ptr_nonnull(strstr(trust_blocked_warning(trust), "conf/blocked.d"));
        ck_assert_msg(trust_is_doubtful(trust), "nobody knows what would be in them");
}
END_TEST

START_TEST(a_folder_of_lists_that_cannot_be_read_is_no_empty_one) {
        _cleanup_(seen_done) Seen seen = {}, anew = {};
        _cleanup_(trust_freep) Trust *trust = NULL, *other = NULL;

        make_folder(lists);
        make_folder(vendor);
        put_list(lists, "one.crl", one, false);
        put_list(vendor, "two.crl", two, false);
        trust = start(&seen);

        /* In one step, as nobody reads meanwhile. */
        put_text(home, "file", "No folder.\n");
        ck_assert_int_eq(renameat2(AT_FDCWD, in(home, "file"), AT_FDCWD, lists, RENAME_EXCHANGE), 0);
        wait_for_change(&seen);
        ck_assert_msg(lists_of(&seen, one) == 1, "by what was read before");
        ck_assert_uint_eq(lists_of(&seen, two), 1);
        ck_assert(!trust_is_doubtful(trust));
        ck_assert_ptr_nonnull(strstr(trust_lists_warning(trust), "crls.d: it is no folder"));

        other = start(&anew);
        ck_assert_uint_eq(trust_count(other), 2);
        ck_assert_uint_eq(lists_of(&anew, two), 1);
        ck_assert_msg(trust_is_doubtful(other), "nobody knows what is in it");
        ck_assert_int_eq(renameat2(AT_FDCWD, in(home, "file"), AT_FDCWD, lists, RENAME_EXCHANGE), 0);
        wait_for_change(&anew);
        ck_assert_uint_eq(lists_of(&anew, one), 1);
        ck_assert(!trust_is_doubtful(other));
        ck_assert_ptr_null(trust_lists_warning(other));
}
END_TEST

START_TEST(what_is_out_of_date_is_named) {
        _cleanup_(status_done) Status old = status_list(one, NULL, PKI_NOW - 9, PKI_NOW);
        _cleanup_free_ char *before = NULL, *after = NULL;
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        make_folder(lists);
        put(lists, "old.crl", old.data, old.size);
        put_list(lists, "new.crl", two, false);
        trust = start(&seen);
        before = trust_stale_lists(trust, PKI_NOW);
        ck_assert_ptr_null(before);
        after = trust_stale_lists(trust, PKI_NOW + 1);
        ck_assert_ptr_nonnull(strstr(after, "out of date: 1,"));
        ck_assert_ptr_nonnull(strstr(after, "since 2026-01-01"));
        ck_assert_ptr_nonnull(strstr(after, in(lists, "old.crl")));
}
END_TEST

/* The largest that is held, and one past it. */
START_TEST(lists_have_their_bounds) {
        _cleanup_(status_done) Status small = status_long_list(two, NULL, 0, 0);
        size_t wanted = LISTS_BYTES_MAX - small.size, padding;
        _cleanup_(status_done) Status list = status_long_list(one, NULL, 0, wanted - 600);
        _cleanup_(seen_done) Seen seen = {};
        _cleanup_(trust_freep) Trust *trust = NULL;

        /* How long a signature is differs from one to the next, so that it is tried. */
        padding = wanted - 600;
        for (unsigned i = 0; list.size != wanted && i < 100; i++) {
                padding += wanted - list.size;
                status_done(&list);
                list = status_long_list(one, NULL, 0, padding);
        }
        ck_assert_uint_eq(list.size, wanted);

        make_folder(lists);
        put(lists, "large.crl", list.data, list.size);
        put(lists, "small.crl", small.data, small.size);
        trust = start(&seen);
        ck_assert_uint_eq(lists_of(&seen, one) + lists_of(&seen, two), 2);
        ck_assert_ptr_null(trust_lists_warning(trust));

        put_list(lists, "more.crl", two, false);
        wait_for_change(&seen);
        ck_assert_uint_eq(lists_of(&seen, one) + lists_of(&seen, two), 2);
        ck_assert_ptr_nonnull(strstr(trust_lists_warning(trust), "than the daemon holds"));
}
END_TEST

int main(int argc, char *argv[]) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed;

        n_failed = worker_dispatch(argc, argv);
        if (n_failed >= 0)
                return n_failed;

        suite = suite_create("folders");
        tcase = tcase_create("folders");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, what_the_folder_holds_is_blocked);
        tcase_add_test(tcase, a_broken_file_is_named_and_costs_no_other);
        tcase_add_test(tcase, what_was_blocked_stays_so_when_its_file_breaks);
        tcase_add_test(tcase, a_file_that_was_broken_from_the_first_leaves_a_doubt);
        tcase_add_test(tcase, a_block_list_that_cannot_be_read_is_no_empty_one);
        tcase_add_test(tcase, a_folder_is_seen_when_it_is_made);
        tcase_add_test(tcase, a_folder_that_goes_and_comes_back_is_followed);
        tcase_add_test(tcase, lists_are_read_in_either_form);
        tcase_add_test(tcase, the_administrator_s_file_covers_the_distribution_s);
        tcase_add_loop_test(tcase, broken_row, 0, N_ELEMENTS(broken));
        tcase_add_test(tcase, one_that_was_never_good_leaves_a_doubt);
        tcase_add_test(tcase, what_can_be_read_of_one_that_was_never_good_is_in_force);
        tcase_add_test(tcase, an_empty_file_covers_only_what_it_always_covered);
        tcase_add_test(tcase, each_of_the_first_is_named_and_the_others_counted);
        tcase_add_test(tcase, a_folder_of_lists_that_cannot_be_read_is_no_empty_one);
        tcase_add_test(tcase, a_link_that_leads_nowhere_is_no_folder_that_nobody_made);
        tcase_add_test(tcase, what_is_out_of_date_is_named);
        tcase_add_test(tcase, lists_have_their_bounds);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
