/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block of authorities: what is put in is found, and no damaged block is opened. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/authorities.h"
#include "daemon/limits.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void key_of(const char *subject, uint8_t ret[static SHA256_SIZE]) {
        ck_assert_int_eq(sha256(subject, strlen(subject), ret), 0);
}

static int add(AuthoritiesBuilder *b, const char *subject, const char *der) {
        uint8_t key[SHA256_SIZE];

        key_of(subject, key);
        return authorities_builder_add(b, (Blob) { (const uint8_t *) der, strlen(der) }, key);
}

/* Some certificates' worth of bytes; two of them share a subject, one comes twice. */
static int sample_fd(void) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        int fd = -1;

        ck_assert_int_eq(authorities_builder_new(&b), 0);
        ck_assert_int_eq(add(b, "one", "DER of one"), 0);
        ck_assert_int_eq(add(b, "two", "DER of two"), 0);
        ck_assert_int_eq(add(b, "two", "another DER of two"), 0);
        ck_assert_int_eq(add(b, "one", "DER of one"), 0);
        ck_assert_int_eq(add(b, "three", "DER of three"), 0);
        ck_assert_int_eq(authorities_builder_seal(b, &fd), 0);
        return fd;
}

static size_t count_of(const Authorities *a, const char *subject) {
        uint8_t key[SHA256_SIZE];
        size_t cursor = 0, n = 0;
        Blob der;

        key_of(subject, key);
        while (authorities_next_by_subject(a, key, &cursor, &der)) {
                ck_assert_ptr_nonnull(memmem(der.data, der.size, subject, strlen(subject)));
                n++;
        }
        return n;
}

START_TEST(what_is_put_in_is_found) {
        _cleanup_(authorities_freep) Authorities *a = NULL;
        _cleanup_fd_ int fd = sample_fd();
        uint8_t digest[SHA256_SIZE];

        ck_assert_int_eq(authorities_open(fd, &a), 0);
        fd = close_fd(fd);

        ck_assert_uint_eq(authorities_count(a), 4);
        ck_assert_uint_eq(count_of(a, "one"), 1);
        ck_assert_uint_eq(count_of(a, "two"), 2);
        ck_assert_uint_eq(count_of(a, "three"), 1);
        ck_assert_uint_eq(count_of(a, "four"), 0);

        ck_assert_int_eq(sha256("DER of two", 10, digest), 0);
        ck_assert_int_eq(authorities_contains(a, digest), 1);
        digest[31] ^= 1;
        ck_assert_int_eq(authorities_contains(a, digest), 0);
}
END_TEST

START_TEST(the_block_is_sealed) {
        _cleanup_fd_ int fd = sample_fd();

        ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & SEALS, SEALS);
        ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
        ck_assert_int_eq(ftruncate(fd, 0), -1);
        ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

START_TEST(none_is_a_lawful_number) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        _cleanup_(authorities_freep) Authorities *a = NULL;
        static const uint8_t digest[SHA256_SIZE];
        _cleanup_fd_ int fd = -1;

        ck_assert_int_eq(authorities_builder_new(&b), 0);
        ck_assert_int_eq(authorities_builder_seal(b, &fd), 0);
        ck_assert_int_eq(authorities_open(fd, &a), 0);
        ck_assert_uint_eq(authorities_count(a), 0);
        ck_assert_uint_eq(count_of(a, "one"), 0);
        ck_assert_int_eq(authorities_contains(a, digest), 0);
}
END_TEST

START_TEST(a_block_list_travels_along) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL, *list = NULL;
        _cleanup_(authorities_freep) Authorities *a = NULL;
        _cleanup_fd_ int fd = -1;

        ck_assert_int_eq(authorities_builder_new(&b), 0);
        ck_assert_int_eq(authorities_builder_new(&list), 0);
        ck_assert_int_eq(add(b, "one", "odd bytes of one"), 0);
        ck_assert_int_eq(add(list, "two", "DER of two"), 0);
        authorities_builder_attach(b, list);
        ck_assert_int_eq(authorities_builder_seal(b, &fd), 0);
        ck_assert_int_eq(authorities_open(fd, &a), 0);
        ck_assert_uint_eq(count_of(a, "one"), 1);
        ck_assert_uint_eq(count_of(a, "two"), 0);
        ck_assert_ptr_nonnull(authorities_blocked(a));
        ck_assert_uint_eq(count_of(authorities_blocked(a), "one"), 0);
        ck_assert_uint_eq(count_of(authorities_blocked(a), "two"), 1);
        ck_assert_ptr_null(authorities_blocked(authorities_blocked(a)));
}
END_TEST

START_TEST(as_many_as_allowed_and_one_more) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        _cleanup_(authorities_freep) Authorities *a = NULL;
        _cleanup_fd_ int fd = -1;
        char text[32];

        ck_assert_int_eq(authorities_builder_new(&b), 0);
        for (unsigned i = 0; i < AUTHORITIES_MAX; i++) {
                (void) snprintf(text, sizeof(text), "%u", i);
                ck_assert_int_eq(add(b, text, text), 0);
        }
        ck_assert_int_eq(add(b, "one too many", "one too many"), -E2BIG);
        ck_assert_int_eq(add(b, "0", "0"), 0);

        ck_assert_int_eq(authorities_builder_seal(b, &fd), 0);
        ck_assert_int_eq(authorities_open(fd, &a), 0);
        ck_assert_uint_eq(authorities_count(a), AUTHORITIES_MAX);
        for (unsigned i = 0; i < AUTHORITIES_MAX; i++) {
                (void) snprintf(text, sizeof(text), "%u", i);
                ck_assert_uint_eq(count_of(a, text), 1);
        }
}
END_TEST

START_TEST(as_many_bytes_as_allowed_and_one_more) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        _cleanup_free_ uint8_t *big = calloc(1, AUTHORITIES_BYTES_MAX);
        static const uint8_t key[SHA256_SIZE];

        ck_assert_ptr_nonnull(big);
        ck_assert_int_eq(authorities_builder_new(&b), 0);
        ck_assert_int_eq(
                authorities_builder_add(b, (Blob) { big, AUTHORITIES_BYTES_MAX - 3 }, key), 0);
        ck_assert_int_eq(add(b, "x", "four"), -E2BIG);
        ck_assert_int_eq(add(b, "x", "333"), 0);
        ck_assert_int_eq(add(b, "x", "y"), -E2BIG);
}
END_TEST

/* -- blocks that are none ------------------------------------------------------------------- */

static int sealed(const void *data, size_t size, int seals) {
        int fd;

        fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, data, size), (ssize_t) size);
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
        return fd;
}

static uint8_t *sample_bytes(size_t *ret_size) {
        _cleanup_fd_ int fd = sample_fd();
        off_t size = lseek(fd, 0, SEEK_END);
        uint8_t *bytes;

        ck_assert_int_gt(size, 0);
        bytes = malloc((size_t) size);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_int_eq(pread(fd, bytes, (size_t) size, 0), size);
        *ret_size = (size_t) size;
        return bytes;
}

static int open_result(const void *data, size_t size, int seals) {
        _cleanup_(authorities_freep) Authorities *a = NULL;
        _cleanup_fd_ int fd = sealed(data, size, seals);

        return authorities_open(fd, &a);
}

START_TEST(a_block_without_each_seal_is_refused) {
        static const int seals[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE };
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        bytes = sample_bytes(&size);
        ck_assert_int_eq(open_result(bytes, size, SEALS), 0);
        for (size_t i = 0; i < N_ELEMENTS(seals); i++)
                ck_assert_int_eq(open_result(bytes, size, SEALS & ~seals[i]), -EBADMSG);
}
END_TEST

START_TEST(what_cannot_be_sealed_is_refused) {
        _cleanup_fd_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        Authorities *a = NULL;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(authorities_open(fd, &a), -EBADMSG);
        ck_assert_int_lt(authorities_open(-1, &a), 0);
}
END_TEST

START_TEST(every_other_length_is_refused) {
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        bytes = sample_bytes(&size);
        for (size_t n = 0; n < size; n++)
                ck_assert_int_eq(open_result(bytes, n, SEALS), -EBADMSG);
        bytes = realloc(bytes, size + 1);
        ck_assert_ptr_nonnull(bytes);
        bytes[size] = 0;
        ck_assert_int_eq(open_result(bytes, size + 1, SEALS), -EBADMSG);
}
END_TEST

/* What a search gives lies inside the block. */
static void search_all(const Authorities *a, const uint8_t *bytes, size_t size) {
        static const char *const subjects[] = { "one", "two", "three" };

        for (size_t i = 0; i < N_ELEMENTS(subjects); i++) {
                uint8_t key[SHA256_SIZE];
                size_t cursor = 0, n = 0;
                Blob der;

                key_of(subjects[i], key);
                (void) authorities_contains(a, key);
                while (authorities_next_by_subject(a, key, &cursor, &der)) {
                        ck_assert_ptr_nonnull(memmem(bytes, size, der.data, der.size));
                        ck_assert_uint_le(++n, 4);
                }
        }
}

START_TEST(every_turned_bit_is_refused_or_harmless) {
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size, n_refused = 0;

        bytes = sample_bytes(&size);
        for (size_t bit = 0; bit < size * 8; bit++) {
                _cleanup_(authorities_freep) Authorities *a = NULL;
                _cleanup_fd_ int fd = -1;

                bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                fd = sealed(bytes, size, SEALS);
                if (authorities_open(fd, &a) < 0)
                        n_refused++;
                else
                        search_all(a, bytes, size);
                bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
        ck_assert_uint_gt(n_refused, 16 * 8);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("authorities");
        TCase *tcase = tcase_create("authorities");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, what_is_put_in_is_found);
        tcase_add_test(tcase, the_block_is_sealed);
        tcase_add_test(tcase, none_is_a_lawful_number);
        tcase_add_test(tcase, a_block_list_travels_along);
        tcase_add_test(tcase, as_many_as_allowed_and_one_more);
        tcase_add_test(tcase, as_many_bytes_as_allowed_and_one_more);
        tcase_add_test(tcase, a_block_without_each_seal_is_refused);
        tcase_add_test(tcase, what_cannot_be_sealed_is_refused);
        tcase_add_test(tcase, every_other_length_is_refused);
        tcase_add_test(tcase, every_turned_bit_is_refused_or_harmless);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
