/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reaches a terminal, and what never does: escaping, wrapping, tables, JSON. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/escape.h"
#include "client/output.h"
#include "client/presented.h"
#include "client/table.h"

typedef struct Row {
        const char *says;
        const char *text;
        const char *wanted;
} Row;

static const Row rows[] = {
        { "plain text stays", "CN=imap.example.org,O=Example", "CN=imap.example.org,O=Example" },
        { "nothing stays nothing", "", "" },
        { "letters beyond ASCII stay", "Bücher 日本 Ελ", "Bücher 日本 Ελ" },
        { "a tilde stays", "~", "~" },
        { "a backslash stays", "CN=a\\, b", "CN=a\\, b" },
        { "an escape sequence is shown", "\033[31mred\033[0m", "\\u{1b}[31mred\\u{1b}[0m" },
        { "a title sequence is shown", "\033]0;x\a", "\\u{1b}]0;x\\u{07}" },
        { "a newline is shown", "a\nb", "a\\u{0a}b" },
        { "a carriage return is shown", "a\rb", "a\\u{0d}b" },
        { "a tab is shown", "a\tb", "a\\u{09}b" },
        { "a backspace is shown", "a\bb", "a\\u{08}b" },
        { "DEL is shown", "\177", "\\u{7f}" },
        { "CSI in one character is shown", "\xc2\x9b" "31m", "\\u{9b}31m" },
        { "CSI as a bare byte is shown", "\x9b" "31m", "\\x{9b}31m" },
        { "right-to-left override is shown", "a\xe2\x80\xae" "b", "a\\u{202e}b" },
        { "every embedding is shown", "\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad",
          "\\u{202a}\\u{202b}\\u{202c}\\u{202d}" },
        { "every isolate is shown", "\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9",
          "\\u{2066}\\u{2067}\\u{2068}\\u{2069}" },
        { "marks of direction are shown", "\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c",
          "\\u{200e}\\u{200f}\\u{61c}" },
        { "zero width is shown", "pay\xe2\x80\x8bpal", "pay\\u{200b}pal" },
        { "a line separator is shown", "\xe2\x80\xa8", "\\u{2028}" },
        { "a byte order mark is shown", "\xef\xbb\xbf", "\\u{feff}" },
        { "a soft hyphen is shown", "\xc2\xad", "\\u{ad}" },
        { "a tag is shown", "\xf3\xa0\x81\x81", "\\u{e0041}" },
        { "a noncharacter is shown", "\xf0\x9f\xbf\xbe", "\\u{1fffe}" },
        { "a cut character is shown", "a\xe2\x80", "a\\x{e2}\\x{80}" },
        { "a lone continuation is shown", "\x80z", "\\x{80}z" },
        { "an overlong slash is shown", "\xc0\xaf", "\\x{c0}\\x{af}" },
        { "an overlong escape is shown", "\xe0\x80\x9b", "\\x{e0}\\x{80}\\x{9b}" },
        { "a surrogate is shown", "\xed\xa0\x80", "\\x{ed}\\x{a0}\\x{80}" },
        { "beyond Unicode is shown", "\xf4\x90\x80\x80", "\\x{f4}\\x{90}\\x{80}\\x{80}" },
        { "an escape that is broken by a letter is shown", "\xe2\x1b[m", "\\x{e2}\\u{1b}[m" },
        { "what pretends to be escaped is told apart", "\\u{1b}", "\\\\u{1b}" },
        { "what pretends to be a byte, too", "\\x{ff}", "\\\\x{ff}" },
};

START_TEST(a_text_is_escaped) {
        _cleanup_free_ char *text = escape_text(rows[_i].text, true);

        ck_assert_ptr_nonnull(text);
        ck_assert_msg(strcmp(text, rows[_i].wanted) == 0, "%s: %s", rows[_i].says, text);
}
END_TEST

static unsigned n_outside(const char *text, unsigned char first, unsigned char last) {
        unsigned n = 0;

        for (const unsigned char *p = (const unsigned char *) text; *p; p++)
                if (*p < first || *p > last)
                        n++;
        return n;
}

START_TEST(no_byte_of_any_pair_gets_through) {
        unsigned n_harmful = 0;

        for (unsigned a = 1; a < 256; a++)
                for (unsigned b = 1; b < 256; b++) {
                        const char pair[] = { (char) a, (char) b, '\0' };
                        _cleanup_free_ char *text = escape_text(pair, true);
                        _cleanup_free_ char *ascii = escape_text(pair, false);

                        if (!text || !ascii)
                                n_harmful++;
                        else
                                n_harmful += n_outside(text, 0x20, 0xff) +
                                             n_outside(ascii, 0x20, 0x7e);
                }
        ck_assert_uint_eq(n_harmful, 0);
}
END_TEST

START_TEST(no_utf8_leaves_ascii_alone) {
        _cleanup_free_ char *text = escape_text("B\xc3\xbc" "cher", false);

        ck_assert_str_eq(text, "B\\u{fc}cher");
}
END_TEST

/* What everything that is written into @out comes to. */
typedef struct Capture {
        Output out;
        char *text;
        size_t size;
} Capture;

static void capture_begin(Capture *c, bool colour) {
        *c = (Capture){};
        c->out = (Output){ .colour = colour, .utf8 = true, .width = 40 };
        c->out.stream = open_memstream(&c->text, &c->size);
        ck_assert_ptr_nonnull(c->out.stream);
}

static void capture_end(Capture *c, const char *wanted) {
        ck_assert_int_eq(output_finish(&c->out), 0);
        (void) fclose(c->out.stream);
        ck_assert_str_eq(c->text, wanted);
        free(c->text);
}

START_TEST(a_line_is_one_line) {
        Capture c;

        capture_begin(&c, false);
        output_line(&c.out, STYLE_BAD, "%s is %s", "a\nb", "\033[2J");
        capture_end(&c, "a\\u{0a}b is \\u{1b}[2J\n");
}
END_TEST

START_TEST(colour_is_ours_alone) {
        Capture c;

        capture_begin(&c, true);
        output_line(&c.out, STYLE_BAD, "%s", "\033[32mgood");
        capture_end(&c, "\033[31m\\u{1b}[32mgood\033[0m\n");
}
END_TEST

START_TEST(a_paragraph_is_wrapped_between_words_and_indented) {
        Capture c;

        capture_begin(&c, false);
        output_paragraph(&c.out, 4, "  x", STYLE_PLAIN,
                         "Anybody can make such a certificate, and a-word-that-is-longer-than-a-"
                         "whole-line is kept.");
        capture_end(&c, "  x Anybody can make such a certificate,\n"
                        "    and\n"
                        "    a-word-that-is-longer-than-a-whole-line\n"
                        "    is kept.\n");
}
END_TEST

START_TEST(a_table_has_headings_and_harmless_cells) {
        static const TableColumn columns[] = { { "ID", COLUMN_RIGHT }, { "SUBJECT", COLUMN_LEFT } };
        _cleanup_(table_freep) Table *table = NULL;
        Capture c;

        capture_begin(&c, false);
        ck_assert_int_eq(table_new(&c.out, columns, 2, &table), 0);
        ck_assert_int_eq(table_row(table), 0);
        ck_assert_int_eq(table_cell(table, STYLE_PLAIN, "%u", 7U), 0);
        ck_assert_int_eq(table_cell(table, STYLE_BAD, "%s", "CN=\033[31mx\xe2\x80\xae\ny"), 0);
        ck_assert_int_eq(table_print(table), 0);
        table = table_free(table);
        capture_end(&c, "ID SUBJECT\n 7 CN=\\u{1b}[31mx\\u{202e}\\u{0a}y\n");
}
END_TEST

START_TEST(a_table_without_rows_prints_nothing) {
        static const TableColumn columns[] = { { "ID", COLUMN_RIGHT } };
        _cleanup_(table_freep) Table *table = NULL;
        Capture c;

        capture_begin(&c, false);
        ck_assert_int_eq(table_new(&c.out, columns, 1, &table), 0);
        ck_assert_int_eq(table_print(table), 0);
        capture_end(&c, "");
}
END_TEST

static const Row json_rows[] = {
        { "plain JSON stays", "{\"a\":[1,true,\"b\\n\"]}", "{\"a\":[1,true,\"b\\n\"]}" },
        { "an override becomes an escape", "\"\xe2\x80\xae\"", "\"\\u202e\"" },
        { "DEL becomes an escape", "\"\177\"", "\"\\u007f\"" },
        { "CSI in one character becomes an escape", "\"\xc2\x9b\"", "\"\\u009b\"" },
        { "a tag becomes a pair", "\"\xf3\xa0\x81\x81\"", "\"\\udb40\\udc41\"" },
        { "a line end between becomes a space", "{\n}", "{ }" },
        { "letters beyond ASCII stay", "\"B\xc3\xbc\"", "\"B\xc3\xbc\"" },
};

START_TEST(json_is_harmless_and_means_the_same) {
        _cleanup_free_ char *text = escape_json(json_rows[_i].text);
        struct json_object *before, *after;

        ck_assert_msg(strcmp(text, json_rows[_i].wanted) == 0, "%s: %s", json_rows[_i].says, text);
        before = json_tokener_parse(json_rows[_i].text);
        after = json_tokener_parse(text);
        ck_assert_ptr_nonnull(after);
        ck_assert_msg(json_object_equal(before, after), "%s", json_rows[_i].says);
        (void) json_object_put(before);
        (void) json_object_put(after);
}
END_TEST

START_TEST(a_full_disk_is_noticed) {
        Output out = { .utf8 = true, .width = 80 };

        out.stream = fopen("/dev/full", "we");
        ck_assert_ptr_nonnull(out.stream);
        output_line(&out, STYLE_PLAIN, "accept");
        ck_assert_int_eq(output_finish(&out), -ENOSPC);
        (void) fclose(out.stream);
}
END_TEST

START_TEST(colour_needs_a_terminal) {
        Output out;
        FILE *stream = tmpfile();

        ck_assert_ptr_nonnull(stream);
        ck_assert_int_eq(setenv("TERM", "xterm", 1), 0);
        ck_assert_int_eq(unsetenv("NO_COLOR"), 0);
        output_init(&out, stream);
        ck_assert(!out.colour);
        (void) fclose(stream);
}
END_TEST

/* -- Files of certificates -------------------------------------------------------------------- */

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"

static const struct {
        const char *says;
        const char *text;
        size_t size; /* 0: a string */
        size_t n_chain;
        const char *refused; /* NULL: taken */
} files[] = {
        { "one PEM block is one certificate", BEGIN "MAA=\n" END, 0, 1, NULL },
        { "text around blocks is ignored", "s:/CN=x\n" BEGIN "MAA=\n" END "i:\n" BEGIN "MAEA\n" END,
          0, 2, NULL },
        { "CRLF is white space", "-----BEGIN CERTIFICATE-----\r\nMA\r\nA=\r\n" END, 0, 1, NULL },
        { "the old name of a block is known", "-----BEGIN X509 CERTIFICATE-----\nMAA=\n"
          "-----END X509 CERTIFICATE-----\n", 0, 1, NULL },
        { "a key is no certificate", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----",
          0, 0, "no certificate" },
        { "a block without an end is refused", BEGIN "MAA=\n", 0, 0, "no end" },
        { "bad base64 is refused", BEGIN "M*A=\n" END, 0, 0, "base64" },
        { "DER is taken", "\x30\x00", 2, 1, NULL },
        { "DER after DER is taken", "\x30\x01z\x30\x00", 5, 2, NULL },
        { "a long length is read", "\x30\x81\x01z", 4, 1, NULL },
        { "DER that is cut is refused", "\x30\x05z", 3, 0, "neither" },
        { "rubbish behind DER is refused", "\x30\x00x", 3, 0, "neither" },
        { "an endless length is refused", "\x30\x80\x00\x00", 4, 0, "neither" },
        { "a length of five bytes is refused", "\x30\x85\x00\x00\x00\x00\x00", 7, 0, "neither" },
        { "a length beyond everything is refused", "\x30\x84\xff\xff\xff\xff", 6, 0, "neither" },
        { "text is refused", "hello", 0, 0, "neither" },
        { "nothing is refused", "", 0, 0, "empty" },
};

START_TEST(a_file_of_certificates) {
        const char *says = files[_i].says, *reason = "";
        size_t size = files[_i].size > 0 ? files[_i].size : strlen(files[_i].text);
        _cleanup_(presented_done) Presented p = {};
        int r;

        r = presented_parse(&p, files[_i].text, size, &reason);
        ck_assert_msg(r == (files[_i].refused ? -EBADMSG : 0), "%s: %d %s", says, r, reason);
        if (files[_i].refused)
                ck_assert_msg(strstr(reason, files[_i].refused), "%s: %s", says, reason);
        else
                ck_assert_msg(p.n_chain == files[_i].n_chain, "%s: %zu", says, p.n_chain);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("output");
        TCase *tcase = tcase_create("output");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        (void) setlocale(LC_ALL, "C.UTF-8");
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, a_text_is_escaped, 0, N_ELEMENTS(rows));
        tcase_add_test(tcase, no_byte_of_any_pair_gets_through);
        tcase_add_test(tcase, no_utf8_leaves_ascii_alone);
        tcase_add_test(tcase, a_line_is_one_line);
        tcase_add_test(tcase, colour_is_ours_alone);
        tcase_add_test(tcase, a_paragraph_is_wrapped_between_words_and_indented);
        tcase_add_test(tcase, a_table_has_headings_and_harmless_cells);
        tcase_add_test(tcase, a_table_without_rows_prints_nothing);
        tcase_add_loop_test(tcase, json_is_harmless_and_means_the_same, 0, N_ELEMENTS(json_rows));
        tcase_add_test(tcase, a_full_disk_is_noticed);
        tcase_add_test(tcase, colour_needs_a_terminal);
        tcase_add_loop_test(tcase, a_file_of_certificates, 0, N_ELEMENTS(files));

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
