/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust: authorities from files and from the system's store, read by an importer, which this
 * program itself becomes; what is told when that fails, and what stays in use.
 */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "daemon/authorities.h"
#include "daemon/importer.h"
#include "daemon/path.h"
#include "daemon/trust.h"
#include "daemon/worker.h"
#include "tests/pki.h"

/*
 * What p11-kit's trust module would say of its block list, in place of GnuTLS's functions: that it has
 * the first authority of the system's store, that it knows something by its serial number alone, or that
 * it cannot be read.
 */
static bool says(const char *what) {
        const char *told = getenv("CERTEXC_TEST_FORGERY");

        return told && strcmp(told, what) == 0;
}

int gnutls_pkcs11_obj_list_import_url4(gnutls_pkcs11_obj_t **ret, unsigned *ret_n, const char *url,
                                       unsigned flags) {
        if (says("failed") || !(flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_DISTRUSTED))
                return GNUTLS_E_PKCS11_ERROR;
        if (!says("distrusted") && !says("serial"))
                return GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
        *ret = gnutls_calloc(1, sizeof(**ret));
        *ret_n = 1;
        return 0;
}

void gnutls_pkcs11_obj_deinit(gnutls_pkcs11_obj_t object) {}

static int first_of_system(gnutls_datum_t *ret) {
        gnutls_x509_trust_list_iter_t iterator = NULL;
        gnutls_x509_trust_list_t list;
        gnutls_x509_crt_t crt;
        int r = -1;

        (void) gnutls_x509_trust_list_init(&list, 0);
        (void) gnutls_x509_trust_list_add_system_trust(list, 0, 0);
        if (gnutls_x509_trust_list_iter_get_ca(list, &iterator, &crt) == 0) {
                r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, ret);
                gnutls_x509_crt_deinit(crt);
        }
        gnutls_x509_trust_list_iter_deinit(iterator);
        gnutls_x509_trust_list_deinit(list, 1);
        return r;
}

int gnutls_pkcs11_obj_export2(gnutls_pkcs11_obj_t object, gnutls_datum_t *ret) {
        return says("serial") ? GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE : first_of_system(ret);
}

static sd_event *event;
static Pki *one, *two;
static char folder[64], path[80];

/* What @changed was told. */
typedef struct Seen {
        unsigned n_calls;
        unsigned count;
        Authorities *authorities;
} Seen;

static void seen_done(Seen *seen) {
        seen->authorities = authorities_free(seen->authorities);
}

static void on_changed(Trust *trust, int fd, unsigned count, void *userdata) {
        Seen *seen = userdata;

        seen_done(seen);
        seen->n_calls++;
        seen->count = count;
        ck_assert_int_eq(authorities_open(fd, &seen->authorities), 0);
        ck_assert_uint_eq(authorities_count(seen->authorities), count);
        ck_assert_uint_eq(trust_count(trust), count);
}

static void set_up(void) {
        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_int_eq(unsetenv("CERTEXC_TEST_FORGERY"), 0);
        (void) snprintf(folder, sizeof(folder), "/tmp/certexc-check-trust-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        (void) snprintf(path, sizeof(path), "%s/trust.pem", folder);
        one = pki_new(&(PkiSpec) { .subject = "One", .ca = true });
        two = pki_new(&(PkiSpec) { .subject = "Two", .ca = true });
}

static void tear_down(void) {
        (void) unlink(path);
        (void) rmdir(path);
        ck_assert_int_eq(rmdir(folder), 0);
        event = sd_event_unref(event);
        one = pki_free(one);
        two = pki_free(two);
}

/* Until @changed was called @n_calls times in all. */
static void wait_for_change(const Seen *seen, unsigned n_calls) {
        while (seen->n_calls < n_calls)
                ck_assert_int_gt(sd_event_run(event, UINT64_C(60000000)), 0);
}

static void wait_for_warning(const Trust *trust, const char *words) {
        while (!trust_warning(trust) || !strstr(trust_warning(trust), words))
                ck_assert_int_gt(sd_event_run(event, UINT64_C(60000000)), 0);
}

static void write_text(const char *text, size_t size) {
        _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        ck_assert_int_eq(write(fd, text, size), (ssize_t) size);
}

static bool holds(const Seen *seen, const Pki *authority) {
        uint8_t key[SHA256_SIZE], digest[SHA256_SIZE];
        Blob der = pki_der(authority), found;
        size_t cursor = 0;

        ck_assert_int_eq(path_subject_key(der, key), 0);
        ck_assert_int_eq(sha256(der.data, der.size, digest), 0);
        return authorities_next_by_subject(seen->authorities, key, &cursor, &found) == 1 &&
               found.size == der.size && memcmp(found.data, der.data, der.size) == 0 &&
               authorities_contains(seen->authorities, digest) == 1;
}

/* -- files ---------------------------------------------------------------------------------- */

static void put_two(void) { pki_write(path, (const Pki *const[]) { one, two }, 2, false); }
static void put_twice(void) { pki_write(path, (const Pki *const[]) { one, one }, 2, false); }
static void put_with_key(void) { pki_write(path, (const Pki *const[]) { one }, 1, true); }
static void put_nothing(void) { write_text("", 0); }
static void put_words(void) { write_text("These are words.\n", 17); }
static void put_der(void) { write_text((const char *) pki_der(one).data, pki_der(one).size); }
static void put_folder(void) { ck_assert_int_eq(mkdir(path, 0700), 0); }
static void put_fifo(void) { ck_assert_int_eq(mkfifo(path, 0600), 0); }
static void put_none(void) { }

static void put_text_and(const char *before, const char *after) {
        _cleanup_free_ char *pem = pki_pem(one), *text = NULL;

        ck_assert_int_gt(asprintf(&text, "%s%s%s", before, pem, after), 0);
        write_text(text, strlen(text));
}

static void put_comments(void) { put_text_and("# One\nsubject=CN = One\r\n", "the end"); }
static void put_damaged(void) {
        put_text_and("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "");
}
static void put_no_base64(void) {
        put_text_and("", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
}
static void put_cut_off(void) { put_text_and("", "-----BEGIN CERTIFICATE-----\nMIIB"); }
static void put_only_damaged(void) {
        static const char text[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        write_text(text, sizeof(text) - 1);
}
static void put_too_large(void) {
        put_two();
        ck_assert_int_eq(truncate(path, INT64_C(1) << 40), 0);
}

static const struct {
        const char *says;
        void (*put)(void);
        unsigned count;
        const char *warning; /* NULL: none */
} files[] = {
        { "two authorities are two", put_two, 2, NULL },
        { "the same twice is one", put_twice, 1, NULL },
        { "a key beside it is passed over", put_with_key, 1, NULL },
        { "comments and other lines are passed over", put_comments, 1, NULL },
        { "a damaged one does not cost the others", put_damaged, 1, ": 1 left out, the other 1" },
        { "nor one that is no base64", put_no_base64, 1, ": 1 left out, the other 1" },
        { "nor one that is cut off", put_cut_off, 1, ": 1 left out, the other 1" },
        { "only damaged ones are none", put_only_damaged, 0, "only damaged certificates" },
        { "an empty file has none", put_nothing, 0, "There is no authority in" },
        { "words are none", put_words, 0, "put certificates in PEM form there" },
        { "DER is not what was asked for", put_der, 0, "in PEM form" },
        { "a missing file is told", put_none, 0, "No such file or directory" },
        { "a folder is told", put_folder, 0, "Is a directory" },
        { "a FIFO does not hang", put_fifo, 0, "no regular file" },
        { "a terabyte is not read", put_too_large, 0, "larger than any list" },
};

START_TEST(files_row) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};
        const char *warning;

        files[_i].put();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        ck_assert_str_eq(trust_from(trust), path);
        wait_for_change(&seen, 1);

        warning = trust_warning(trust);
        ck_assert_msg(seen.count == files[_i].count, "not so: %s, but %u", files[_i].says,
                      seen.count);
        if (files[_i].warning)
                ck_assert_msg(warning && strstr(warning, files[_i].warning) && strstr(warning, path),
                              "not told: %s, but \"%s\"", files[_i].says, warning ? warning : "");
        else
                ck_assert_msg(!warning, "%s, but \"%s\"", files[_i].says, warning);
        if (seen.count > 0)
                ck_assert(holds(&seen, one));
}
END_TEST

/* -- reading again -------------------------------------------------------------------------- */

START_TEST(reading_again_takes_what_is_there_now) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        put_with_key();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        ck_assert(!holds(&seen, two));
        put_two();
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_change(&seen, 2);
        ck_assert(holds(&seen, two));
}
END_TEST

START_TEST(reading_again_at_once_reads_once_more) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        put_two();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        ck_assert_int_eq(trust_reload(trust), 0);
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_change(&seen, 1);
        ck_assert_uint_eq(seen.count, 2);
        while (sd_event_run(event, 0) > 0)
                ;
        ck_assert_uint_eq(seen.n_calls, 1);
}
END_TEST

START_TEST(a_failure_keeps_what_was_read_before) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        put_two();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_warning(trust, "The 2 that were read before stay in use");
        ck_assert_uint_eq(seen.n_calls, 1);
        ck_assert_uint_eq(trust_count(trust), 2);

        put_two();
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_change(&seen, 2);
        ck_assert_ptr_null(trust_warning(trust));
}
END_TEST

START_TEST(reading_has_its_time) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        put_two();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        /* An importer that reads for ever. */
        ck_assert_int_eq(setenv("CERTEXC_TEST_FORGERY", "0", 1), 0);
        trust_set_load_usec(trust, 1000);
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_warning(trust, "it took too long");
        ck_assert_uint_eq(trust_count(trust), 2);
}
END_TEST

/* -- changes that nobody tells of ------------------------------------------------------------ */

static void put_aside_and_rename(const Pki *const *list, size_t n) {
        char aside[96];

        (void) snprintf(aside, sizeof(aside), "%s/aside", folder);
        pki_write(aside, list, n, false);
        ck_assert_int_eq(rename(aside, path), 0);
}

START_TEST(a_file_that_is_replaced_is_read_again) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        put_two();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        ck_assert(holds(&seen, two));
        put_aside_and_rename((const Pki *const[]) { one }, 1);
        wait_for_change(&seen, 2);
        ck_assert(holds(&seen, one));
        ck_assert(!holds(&seen, two));
}
END_TEST

START_TEST(many_changes_at_once_are_read_once) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        put_two();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        for (int i = 0; i < 20; i++)
                put_aside_and_rename((const Pki *const[]) { two }, 1);
        wait_for_change(&seen, 2);
        ck_assert(!holds(&seen, one));
        while (sd_event_run(event, 500000) > 0)
                ;
        ck_assert_uint_eq(seen.n_calls, 2);
}
END_TEST

START_TEST(a_file_that_is_removed_stays_in_use_and_is_told) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        put_two();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        ck_assert_int_eq(unlink(path), 0);
        wait_for_warning(trust, "The 2 that were read before stay in use");
        put_two();
        wait_for_change(&seen, 2);
        ck_assert_ptr_null(trust_warning(trust));
}
END_TEST

/* -- an importer that went wrong ------------------------------------------------------------ */

static void send_packet(const void *data, size_t size, int fd) {
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec iov = { (void *) data, size };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (fd >= 0) {
                message.msg_control = control;
                message.msg_controllen = sizeof(control);
                *CMSG_FIRSTHDR(&message) = (struct cmsghdr) {
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                };
                memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
        }
        if (sendmsg(WORKER_SOCKET_FD, &message, 0) < 0)
                _exit(1);
}

static void forge_for_ever(void) {
        for (;;)
                (void) pause();
}
static void forge_death(void) { _exit(1); }
static void forge_nothing(void) { send_packet(&(ImportReport) {}, sizeof(ImportReport), -1); }
static void forge_short(void) { send_packet("abc", 3, -1); }
static void forge_file(void) {
        send_packet(&(ImportReport) {}, sizeof(ImportReport), open("/dev/null", O_RDONLY));
}
static void forge_unsealed(void) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        uint8_t bytes[16];
        int fd, copy = memfd_create("copy", MFD_ALLOW_SEALING);

        if (authorities_builder_new(&b) < 0 || authorities_builder_seal(b, &fd) < 0 ||
            pread(fd, bytes, sizeof(bytes), 0) != sizeof(bytes) ||
            write(copy, bytes, sizeof(bytes)) != sizeof(bytes))
                _exit(1);
        send_packet(&(ImportReport) {}, sizeof(ImportReport), copy);
}

static const struct {
        const char *says;
        void (*act)(void);
        const char *warning;
} forgeries[] = {
        { "one that reads for ever is tried with its time limit", forge_for_ever, NULL },
        { "one that dies", forge_death, "ended before it was done" },
        { "a report of success without a block", forge_nothing, "sent something else" },
        { "half a report", forge_short, "ended before it was done" },
        { "a file in place of a block", forge_file, "sent something else" },
        { "a block that can still be changed", forge_unsealed, "sent something else" },
};

START_TEST(forgeries_row) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};
        char number[16];

        (void) snprintf(number, sizeof(number), "%d", _i);
        ck_assert_int_eq(setenv("CERTEXC_TEST_FORGERY", number, 1), 0);
        put_two();
        ck_assert_int_eq(trust_new(event, path, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        ck_assert_uint_eq(seen.count, 0);
        ck_assert_msg(strstr(trust_warning(trust), forgeries[_i].warning), "%s: %s",
                      forgeries[_i].says, trust_warning(trust));
}
END_TEST

/* -- the system's store --------------------------------------------------------------------- */

START_TEST(the_system_s_store_is_read) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        ck_assert_int_eq(trust_new(event, NULL, NULL, on_changed, &seen, &trust), 0);
        ck_assert_str_eq(trust_from(trust), "the system's store");
        wait_for_change(&seen, 1);
        /* A machine without authorities is told so. */
        if (seen.count == 0)
                ck_assert_ptr_nonnull(strstr(trust_warning(trust), "the system's store"));
        if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0)
                ck_assert_uint_gt(seen.count, 0);
}
END_TEST

START_TEST(what_the_system_s_store_distrusts_is_blocked) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};
        gnutls_datum_t der = {};
        uint8_t digest[SHA256_SIZE];

        if (first_of_system(&der) < 0)
                return; /* a machine without authorities */
        ck_assert_int_eq(sha256(der.data, der.size, digest), 0);
        gnutls_free(der.data);
        ck_assert_int_eq(trust_new(event, NULL, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        ck_assert(!authorities_contains(authorities_blocked(seen.authorities), digest));
        ck_assert_ptr_null(trust_distrusted_warning(trust));

        ck_assert_int_eq(setenv("CERTEXC_TEST_FORGERY", "distrusted", 1), 0);
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_change(&seen, 2);
        ck_assert_msg(authorities_contains(authorities_blocked(seen.authorities), digest),
                      "although the store gives it out as an authority");
        ck_assert_uint_eq(authorities_count(authorities_blocked(seen.authorities)), 1);
        ck_assert_ptr_null(trust_distrusted_warning(trust));
        ck_assert(!trust_is_doubtful(trust));
}
END_TEST

START_TEST(what_it_distrusts_and_does_not_tell_is_told_and_leaves_a_doubt_if_it_is_all) {
        static const char *const told[] = { "serial", "failed" };
        bool all = _i == 1;
        _cleanup_(trust_freep) Trust *trust = NULL;
        _cleanup_(seen_done) Seen seen = {};

        ck_assert_int_eq(setenv("CERTEXC_TEST_FORGERY", told[_i], 1), 0);
        ck_assert_int_eq(trust_new(event, NULL, NULL, on_changed, &seen, &trust), 0);
        wait_for_change(&seen, 1);
        ck_assert_ptr_nonnull(strstr(trust_distrusted_warning(trust), "trust list --filter=blocklist"));
        ck_assert(trust_is_doubtful(trust) == all);
        ck_assert_int_eq(unsetenv("CERTEXC_TEST_FORGERY"), 0);
        ck_assert_int_eq(trust_reload(trust), 0);
        wait_for_change(&seen, 2);
        ck_assert_ptr_null(trust_distrusted_warning(trust));
        ck_assert(!trust_is_doubtful(trust));
}
END_TEST

static bool is_forgery(const char *told) {
        return told && *told >= '0' && *told <= '9';
}

int main(int argc, char *argv[]) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed;

        if (worker_is(argc, argv, IMPORTER_ROLE) && is_forgery(getenv("CERTEXC_TEST_FORGERY"))) {
                int fds[_IMPORT_FD_MAX];

                /* Who hangs up on what it was told takes its own words along. */
                (void) import_order_receive(WORKER_SOCKET_FD, fds);
                forgeries[strtoul(getenv("CERTEXC_TEST_FORGERY"), NULL, 10)].act();
                return 0;
        }
        n_failed = worker_dispatch(argc, argv);
        if (n_failed >= 0)
                return n_failed;

        suite = suite_create("trust");
        tcase = tcase_create("trust");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_loop_test(tcase, files_row, 0, N_ELEMENTS(files));
        tcase_add_test(tcase, reading_again_takes_what_is_there_now);
        tcase_add_test(tcase, reading_again_at_once_reads_once_more);
        tcase_add_test(tcase, a_failure_keeps_what_was_read_before);
        tcase_add_test(tcase, reading_has_its_time);
        tcase_add_test(tcase, what_the_system_s_store_distrusts_is_blocked);
        tcase_add_loop_test(
                tcase, what_it_distrusts_and_does_not_tell_is_told_and_leaves_a_doubt_if_it_is_all,
                0, 2);
        tcase_add_test(tcase, a_file_that_is_replaced_is_read_again);
        tcase_add_test(tcase, many_changes_at_once_are_read_once);
        tcase_add_test(tcase, a_file_that_is_removed_stays_in_use_and_is_told);
        tcase_add_loop_test(tcase, forgeries_row, 1, N_ELEMENTS(forgeries));
        tcase_add_test(tcase, the_system_s_store_is_read);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
