/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes between daemon and workers: the writer and reader that stay bad, text, and frames. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "client/cleanup.h"
#include "daemon/frames.h"
#include "daemon/text.h"
#include "daemon/wire.h"

#define TEXT(literal) { .data = (const uint8_t *) (literal), .size = sizeof(literal) - 1 }

START_TEST(what_is_written_is_read) {
        _cleanup_free_ uint8_t *bytes = NULL;
        _cleanup_free_ char *text = NULL, *nothing = NULL;
        uint8_t fixed[3] = { 1, 2, 3 }, back[3];
        Writer w = {};
        Reader rd;
        Blob blob;
        size_t size;

        writer_u8(&w, 0xfe);
        writer_u32(&w, 0xdeadbeef);
        writer_i64(&w, INT64_MIN);
        writer_i64(&w, INT64_MAX);
        writer_fixed(&w, fixed, sizeof(fixed));
        writer_blob(&w, "\0\1", 2);
        writer_text(&w, "grüße");
        writer_text(&w, "");
        ck_assert_int_eq(writer_finish(&w, &bytes, &size), 0);

        rd = (Reader) { .data = bytes, .size = size };
        ck_assert_uint_eq(reader_u8(&rd), 0xfe);
        ck_assert_uint_eq(reader_u32(&rd), 0xdeadbeef);
        ck_assert_int_eq(reader_i64(&rd), INT64_MIN);
        ck_assert_int_eq(reader_i64(&rd), INT64_MAX);
        reader_fixed(&rd, back, sizeof(back));
        ck_assert_mem_eq(back, fixed, sizeof(fixed));
        blob = reader_blob(&rd, 2);
        ck_assert_uint_eq(blob.size, 2);
        ck_assert_mem_eq(blob.data, "\0\1", 2);
        text = reader_text(&rd, 7);
        ck_assert_str_eq(text, "grüße");
        nothing = reader_text(&rd, 0);
        ck_assert_str_eq(nothing, "");
        ck_assert_int_eq(reader_finish(&rd), 0);
}
END_TEST

START_TEST(the_writer_grows_by_any_step) {
        static const uint8_t zeros[70000];
        _cleanup_free_ uint8_t *bytes = NULL;
        Writer w = {};
        size_t size, want = 0;

        for (size_t n = 0; n < sizeof(zeros); n = n * 3 + 1) {
                writer_fixed(&w, zeros, n);
                want += n;
        }
        ck_assert_int_eq(writer_finish(&w, &bytes, &size), 0);
        ck_assert_uint_eq(size, want);
}
END_TEST

START_TEST(a_bad_reader_stays_bad) {
        static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
        uint8_t fixed[2] = { 9, 9 };
        Reader rd = { .data = bytes, .size = 3 };

        ck_assert_uint_eq(reader_u32(&rd), 0);
        ck_assert_uint_eq(reader_u8(&rd), 0);
        ck_assert_int_eq(reader_i64(&rd), 0);
        reader_fixed(&rd, fixed, sizeof(fixed));
        ck_assert_uint_eq(fixed[0] | fixed[1], 0);
        ck_assert_ptr_null(reader_blob(&rd, 100).data);
        ck_assert_ptr_null(reader_text(&rd, 100));
        ck_assert_int_eq(reader_finish(&rd), -EBADMSG);
}
END_TEST

typedef struct BadRow {
        const char *says;
        Blob bytes;
        size_t max;
} BadRow;

static const BadRow bad_texts[] = {
        { "no bytes at all", TEXT(""), 9 },
        { "half a length", TEXT("\1\0"), 9 },
        { "a length beyond the end", TEXT("\2\0\0\0a"), 9 },
        { "a length of four gigabytes", TEXT("\xff\xff\xff\xff""a"), SIZE_MAX },
        { "one byte above the bound", TEXT("\3\0\0\0abc"), 2 },
        { "a NUL inside", TEXT("\3\0\0\0a\0c"), 9 },
        { "a byte left over", TEXT("\1\0\0\0ab"), 9 },
};

START_TEST(bad_texts_row) {
        const BadRow *row = &bad_texts[_i];
        Reader rd = READER_INIT(row->bytes);
        _cleanup_free_ char *text = NULL;

        text = reader_text(&rd, row->max);
        ck_assert_msg(reader_finish(&rd) == -EBADMSG, "%s was read", row->says);
}
END_TEST

/* -- text ----------------------------------------------------------------------------------- */

typedef struct TextRow {
        const char *says;
        Blob bytes;
        const char *becomes; /* of at most 12 bytes */
} TextRow;

#define FFFD "\xef\xbf\xbd"
#define DOTS "\xe2\x80\xa6"

static const TextRow texts[] = {
        { "ASCII stays", TEXT("abc"), "abc" },
        { "control characters stay: who shows them escapes them", TEXT("\x1b[1m"), "\x1b[1m" },
        { "two, three and four bytes stay", TEXT("ß€😀"), "ß€😀" },
        { "a NUL is replaced", TEXT("a\0b"), "a" FFFD "b" },
        { "a byte of Latin-1 is replaced", TEXT("\xfc""a"), FFFD "a" },
        { "an overlong slash is replaced byte by byte", TEXT("\xc0\xaf"), FFFD FFFD },
        { "an overlong NUL is replaced", TEXT("\xe0\x80\x80"), FFFD FFFD FFFD },
        { "a surrogate is replaced", TEXT("\xed\xa0\x80"), FFFD FFFD FFFD },
        { "above U+10FFFF is replaced", TEXT("\xf4\x90\x80\x80"), FFFD FFFD FFFD FFFD },
        { "the last code point stays", TEXT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
        { "a sequence cut off is replaced", TEXT("a\xe2\x82"), "a" FFFD FFFD },
        { "twelve bytes fit", TEXT("123456789012"), "123456789012" },
        { "thirteen are cut and say so", TEXT("1234567890123"), "123456789" DOTS },
        { "the cut is between characters", TEXT("1234567ßßß"), "1234567ß" DOTS },
        { "replacements count as what they are", TEXT("\xff\xff\xff\xff\xff"), FFFD FFFD FFFD DOTS },
        { "nothing stays nothing", TEXT(""), "" },
};

START_TEST(texts_row) {
        const TextRow *row = &texts[_i];
        _cleanup_free_ char *text = NULL;

        ck_assert_int_eq(utf8_sanitize(row->bytes.data, row->bytes.size, 12, &text), 0);
        ck_assert_msg(strcmp(text, row->becomes) == 0, "%s, but became \"%s\"", row->says, text);
        ck_assert(utf8_is_valid(text, strlen(text)));
        if (row->bytes.size <= 12)
                ck_assert_msg(utf8_is_valid(row->bytes.data, row->bytes.size) ==
                                      (strlen(text) == row->bytes.size &&
                                       memcmp(text, row->bytes.data, row->bytes.size) == 0),
                              "%s: validity and change disagree", row->says);
}
END_TEST

/* -- frames --------------------------------------------------------------------------------- */

typedef struct Ends {
        Frames near;
        int far;
} Ends;

static Ends ends_new(size_t max) {
        Ends e = { .near = FRAMES_INIT };
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        ck_assert_int_eq(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
        e.near.fd = pair[0];
        e.near.max = max;
        e.far = pair[1];
        return e;
}

static void ends_done(Ends *e) {
        frames_done(&e->near);
        e->far = close_fd(e->far);
}

static void far_writes(const Ends *e, const void *bytes, size_t size) {
        ck_assert_int_eq(write(e->far, bytes, size), (ssize_t) size);
}

START_TEST(a_frame_comes_byte_by_byte) {
        static const char bytes[] = "\3\0\0\0abc\1\0\0\0z";
        _cleanup_(ends_done) Ends e = ends_new(3);
        Blob frame = {};

        for (size_t i = 0; i < 6; i++) {
                far_writes(&e, bytes + i, 1);
                ck_assert_int_eq(frames_receive(&e.near, &frame), 0);
        }
        far_writes(&e, bytes + 6, 1);
        ck_assert_int_eq(frames_receive(&e.near, &frame), 1);
        ck_assert_uint_eq(frame.size, 3);
        ck_assert_mem_eq(frame.data, "abc", 3);

        far_writes(&e, bytes + 7, 5);
        ck_assert_int_eq(frames_receive(&e.near, &frame), 1);
        ck_assert_mem_eq(frame.data, "z", 1);
        ck_assert_int_eq(frames_receive(&e.near, &frame), 0);
}
END_TEST

START_TEST(a_frame_at_the_bound_and_one_past_it) {
        const size_t max = 100000;
        _cleanup_(ends_done) Ends good = ends_new(max), bad = ends_new(max - 1);
        _cleanup_free_ uint8_t *bytes = calloc(1, max);
        Blob frame = {};

        ck_assert_ptr_nonnull(bytes);
        far_writes(&good, "\xa0\x86\x01\0", 4);
        far_writes(&good, bytes, max);
        ck_assert_int_eq(frames_receive(&good.near, &frame), 1);
        ck_assert_uint_eq(frame.size, max);

        far_writes(&bad, "\xa0\x86\x01\0", 4);
        ck_assert_int_eq(frames_receive(&bad.near, &frame), -EBADMSG);
}
END_TEST

START_TEST(two_frames_at_once_are_refused) {
        _cleanup_(ends_done) Ends e = ends_new(100);
        Blob frame = {};

        far_writes(&e, "\1\0\0\0a\1\0\0\0b", 10);
        ck_assert_int_eq(frames_receive(&e.near, &frame), -EBADMSG);
}
END_TEST

START_TEST(the_end_of_the_stream_is_told) {
        _cleanup_(ends_done) Ends e = ends_new(100);
        uint8_t *payload = malloc(1);
        Blob frame = {};

        far_writes(&e, "\4\0\0\0a", 5);
        e.far = close_fd(e.far);
        ck_assert_int_eq(frames_receive(&e.near, &frame), -EPIPE);

        ck_assert_ptr_nonnull(payload);
        payload[0] = 1;
        ck_assert_int_eq(frames_send(&e.near, payload, 1), -EPIPE);
}
END_TEST

/* More than the socket takes: the rest goes when the other side has read. */
START_TEST(a_large_frame_goes_out_in_pieces) {
        const size_t size = 4 * 1024 * 1024;
        _cleanup_(ends_done) Ends e = ends_new(100);
        Frames far = { .fd = e.far, .max = size };
        uint8_t *payload = calloc(1, size);
        Blob frame = {};
        int r, n_pieces = 0;

        ck_assert_ptr_nonnull(payload);
        payload[0] = 'a';
        payload[size - 1] = 'z';
        ck_assert_int_eq(fcntl(e.far, F_SETFL, O_NONBLOCK), 0);

        r = frames_send(&e.near, payload, size);
        ck_assert_int_eq(r, 0);
        while (frames_receive(&far, &frame) == 0) {
                ck_assert_int_ge(frames_flush(&e.near), 0);
                n_pieces++;
        }
        ck_assert_int_gt(n_pieces, 2);
        ck_assert_uint_eq(frame.size, size);
        ck_assert_int_eq(frame.data[0], 'a');
        ck_assert_int_eq(frame.data[size - 1], 'z');
        ck_assert_int_eq(frames_flush(&e.near), 1);

        e.far = -1;
        frames_done(&far);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("wire");
        TCase *tcase = tcase_create("wire");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, what_is_written_is_read);
        tcase_add_test(tcase, the_writer_grows_by_any_step);
        tcase_add_test(tcase, a_bad_reader_stays_bad);
        tcase_add_loop_test(tcase, bad_texts_row, 0, N_ELEMENTS(bad_texts));
        tcase_add_loop_test(tcase, texts_row, 0, N_ELEMENTS(texts));
        tcase_add_test(tcase, a_frame_comes_byte_by_byte);
        tcase_add_test(tcase, a_frame_at_the_bound_and_one_past_it);
        tcase_add_test(tcase, two_frames_at_once_are_refused);
        tcase_add_test(tcase, the_end_of_the_stream_is_told);
        tcase_add_test(tcase, a_large_frame_goes_out_in_pieces);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
