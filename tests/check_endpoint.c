/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The canonical form of hosts: what is made of each spelling, and what is refused by name. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/endpoint.h"

#define L10 "abcdefghij"
#define L60 L10 L10 L10 L10 L10 L10
#define L63 L60 "abc"
/* 3 * 64 + 61 = 253 characters; 62 in the last label make 254. */
#define NAME253 L63 "." L63 "." L63 "." L60 "a"
#define NAME254 NAME253 "a"

#define IPV4_TRICK "unusual form"
#define FAKE "stands for no international name"
#define CHARACTER "a character that no host name may have"
#define DIRECTIONS "directions of writing"

/* Exactly one of @canonical and @refused is there. */
typedef struct Row {
        const char *says;
        const char *host;
        const char *canonical;
        const char *refused;
        HostKind kind;
} Row;

static const Row names[] = {
        { "a plain name stays", "imap.example.org", "imap.example.org" },
        { "upper case is folded", "IMAP.Example.ORG", "imap.example.org" },
        { "a name of one label is a name", "localhost", "localhost" },
        { "one trailing dot is dropped", "example.org.", "example.org" },
        { "two trailing dots are an empty label", "example.org..", .refused = "empty part" },
        { "a leading dot is an empty label", ".example.org", .refused = "empty part" },
        { "two dots inside are an empty label", "example..org", .refused = "empty part" },
        { "a lone dot is nothing", ".", .refused = "is empty" },
        { "nothing is refused", "", .refused = "is empty" },
        { "an underscore is kept", "_dmarc.mail_1.example", "_dmarc.mail_1.example" },
        { "an underscore beside an international label is kept", "a_b.bücher.example",
          "a_b.xn--bcher-kva.example" },
        { "hyphens inside are kept, in the third and fourth place too", "r1---sn-4g5.example",
          "r1---sn-4g5.example" },
        { "a leading hyphen is refused", "-a.example", .refused = "hyphen" },
        { "a trailing hyphen is refused", "a-.example", .refused = "hyphen" },
        { "a label that is only a hyphen is refused", "a.-.example", .refused = "hyphen" },
        { "digits may begin a label", "3com.example", "3com.example" },
        { "a label may be all digits if it is not the last", "1.example", "1.example" },
        { "a wildcard is no host", "*.example.org", .refused = CHARACTER },
        { "a space is refused by name", "example .org", .refused = "space" },
        { "a leading space is refused by name", " example.org", .refused = "space" },
        { "a tab is a control character", "example\t.org", .refused = "control" },
        { "a newline is a control character", "example.org\n", .refused = "control" },
        { "an escape is a control character", "\033[31mexample.org", .refused = "control" },
        { "DEL is a control character", "example\177.org", .refused = "control" },
        { "a slash is refused", "example.org/inbox", .refused = CHARACTER },
        { "an at sign is refused", "me@example.org", .refused = CHARACTER },
        { "a per cent sign is refused", "example%2eorg", .refused = CHARACTER },
        { "a quote is refused", "example'.org", .refused = CHARACTER },
        { "a label of 63 characters is allowed", L63 ".example", L63 ".example" },
        { "a label of 64 characters is refused", L63 "d.example", .refused = "63 characters" },
        { "253 characters are allowed", NAME253, NAME253 },
        { "253 characters and a trailing dot are allowed", NAME253 ".", NAME253 },
        { "254 characters are refused", NAME254, .refused = "253 characters" },
        { "254 characters and a trailing dot are refused", NAME254 ".", .refused = "253" },
        { "a URL is refused, and called one", "imaps://example.org", .refused = "a URL" },
};

static const Row international[] = {
        { "letters beyond ASCII become an A-label", "bücher.example", "xn--bcher-kva.example" },
        { "their upper case is folded", "BÜCHER.Example", "xn--bcher-kva.example" },
        { "a decomposed letter is the same letter", "bu\u0308cher.example",
          "xn--bcher-kva.example" },
        { "an A-label stays", "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "an A-label in upper case is folded", "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
        { "sharp s stays itself (non-transitional)", "faß.example", "xn--fa-hia.example" },
        { "final sigma stays itself (non-transitional)", "βόλος.example",
          "xn--nxasmm1c.example" },
        { "ideographic full stops separate labels", "例え。テスト．example｡",
          "xn--r8jz45g.xn--zckzah.example" },
        { "a full-width name is an ordinary name", "ｅｘａｍｐｌｅ．ｏｒｇ", "example.org" },
        { "a ligature is taken apart", "ﬁ.example", "fi.example" },
        { "a soft hyphen vanishes", "exa\u00admple.org", "example.org" },
        { "a name of soft hyphens only is empty", "\u00ad", .refused = "is empty" },
        { "Cyrillic stays Cyrillic", "почта.рф", "xn--80a1acny.xn--p1ai" },
        { "a right-to-left label is allowed", "אב.example", "xn--4dbc.example" },
        { "a right-to-left label that begins with a digit is refused", "1אב.example",
          .refused = DIRECTIONS },
        { "two directions in a label are refused", "אבa.example", .refused = DIRECTIONS },
        { "a right-to-left override is refused", "exa\u202emple.org", .refused = CHARACTER },
        { "a joiner without a reason is refused", "ab\u200cc.example", .refused = "joiner" },
        { "a zero width space vanishes", "exa\u200bmple.org", "example.org" },
        { "a combining mark cannot begin a label", "\u0301a.example", .refused = "combining" },
        { "an ideographic space is refused", "a\u3000b.example", .refused = CHARACTER },
        { "a no-break space is refused", "a\u00a0b.example", .refused = CHARACTER },
        { "a full-width slash is refused", "example.org／x", .refused = CHARACTER },
        { "a full-width colon is refused", "example.org：993", .refused = CHARACTER },
        { "a full-width at sign is refused", "me＠example.org", .refused = CHARACTER },
        { "a symbol is refused (IDNA 2008)", "☃.example", .refused = CHARACTER },
        { "a symbol's A-label is refused", "xn--n3h.example", .refused = FAKE },
        { "an A-label of plain ASCII is fake", "xn--example-.org", .refused = "hyphen" },
        { "an A-label without punycode is fake", "xn--unicode.org", .refused = FAKE },
        { "an A-label that overflows is fake", "xn--99999999999.example", .refused = FAKE },
        { "an A-label of a full stop is fake", "xn--xy-r13a.example", .refused = FAKE },
        { "an A-label of an upper-case letter is fake", "xn--bcher-2pa.example",
          .refused = FAKE },
        { "an A-label of a decomposed letter is fake", "xn--bucher-xyd.example",
          .refused = FAKE },
        { "an A-label of a soft hyphen is fake", "xn--ab-5da.example", .refused = FAKE },
        { "an A-label of a lone joiner is fake", "xn--abc-bn0a.example", .refused = FAKE },
        { "an A-label that only begins as one is fake", "xn--a.example", .refused = FAKE },
        { "a full-width xn-- is looked through", "ｘｎ－－unicode.org",
          .refused = CHARACTER },
        { "a byte that is not UTF-8 is refused", "b\xfc" "cher.example", .refused = "UTF-8" },
        { "an overlong slash is refused", "a\xc0\xaf" "b", .refused = "UTF-8" },
        { "a surrogate is refused", "a\xed\xa0\x80" "b", .refused = "UTF-8" },
        { "an international label that grows too long is refused",
          "ü" L60 "abc.example", .refused = "63 characters" },
};

static const Row addresses[] = {
        { "dotted decimal is an address", "192.0.2.1", "192.0.2.1", NULL, HOST_IPV4 },
        { "dotted decimal with a trailing dot is an address", "192.0.2.1.", "192.0.2.1", NULL,
          HOST_IPV4 },
        { "full-width digits are digits", "１２７.０.０.１", "127.0.0.1", NULL, HOST_IPV4 },
        { "127.1 is refused by name", "127.1", .refused = IPV4_TRICK },
        { "0x7f.1 is refused by name", "0x7f.1", .refused = IPV4_TRICK },
        { "octal is refused by name", "0177.0.0.1", .refused = IPV4_TRICK },
        { "a leading zero is refused by name", "192.0.2.01", .refused = IPV4_TRICK },
        { "a bare number is refused by name", "2130706433", .refused = IPV4_TRICK },
        { "a bare hexadecimal number is refused by name", "0x7F000001", .refused = IPV4_TRICK },
        { "a lone 0x is refused by name", "a.0x", .refused = IPV4_TRICK },
        { "five numbers are refused by name", "1.2.3.4.5", .refused = IPV4_TRICK },
        { "a number over 255 is refused by name", "1.2.3.256", .refused = IPV4_TRICK },
        { "a name that ends in a number is refused by name", "example.1", .refused = IPV4_TRICK },
        { "a name that only begins like hexadecimal is a name", "0xg.example", "0xg.example" },
        { "::ffff:a.b.c.d is that IPv4 address", "::ffff:192.0.2.1", "192.0.2.1", NULL,
          HOST_IPV4 },
        { "so is its hexadecimal form", "::FFFF:C000:0201", "192.0.2.1", NULL, HOST_IPV4 },
        { "so is its long form", "0:0:0:0:0:ffff:c000:201", "192.0.2.1", NULL, HOST_IPV4 },
        { "an IPv4-compatible address is IPv6, in hexadecimal", "::192.0.2.1", "::c000:201", NULL,
          HOST_IPV6 },
        { "IPv6 is lower case", "2001:DB8::ABCD", "2001:db8::abcd", NULL, HOST_IPV6 },
        { "leading zeros go", "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1", NULL,
          HOST_IPV6 },
        { "the first of two equal runs is shortened", "0:0:1:0:0:1:1:1", "::1:0:0:1:1:1", NULL,
          HOST_IPV6 },
        { "the longest run is shortened", "1:0:0:1:0:0:0:1", "1:0:0:1::1", NULL, HOST_IPV6 },
        { "one zero is not shortened", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7", NULL, HOST_IPV6 },
        { "a run at the end is shortened", "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::", NULL, HOST_IPV6 },
        { "nothing but zeros", "0::0", "::", NULL, HOST_IPV6 },
        { "loopback", "0:0::1", "::1", NULL, HOST_IPV6 },
        { "a zone is refused by name", "fe80::1%eth0", .refused = "zone" },
        { "brackets are refused by name", "[::1]", .refused = "brackets" },
        { "nine words are no address", "1:2:3:4:5:6:7:8:9", .refused = "no IPv6 address" },
        { "two double colons are no address", "1::2::3", .refused = "no IPv6 address" },
        { "five digits in a word are no address", "12345::", .refused = "no IPv6 address" },
        { "a port does not belong to the host", "example.org:993", .refused = "colon" },
};

static void check_row(const Row *row) {
        const char *reason = NULL;
        Endpoint e, again;
        int r;

        memset(&e, 0xa5, sizeof(e));
        again = e;
        r = endpoint_set(row->host, strlen(row->host), 993, &e, &reason);
        if (!row->canonical) {
                ck_assert_msg(r == -EINVAL, "%s: taken as '%.253s'", row->says, e.host);
                ck_assert_msg(strstr(reason, row->refused), "%s: %s", row->says, reason);
                ck_assert_mem_eq(&e, &again, sizeof(e));
                return;
        }

        ck_assert_msg(r == 0, "%s: %s", row->says, reason);
        ck_assert_msg(strcmp(e.host, row->canonical) == 0, "%s: %s", row->says, e.host);
        ck_assert_msg(e.kind == row->kind && e.port == 993, "%s", row->says);

        r = endpoint_set(e.host, strlen(e.host), 993, &again, &reason);
        ck_assert_msg(r == 0 && again.kind == e.kind && strcmp(again.host, e.host) == 0,
                      "%s: the canonical form is not its own", row->says);
}

START_TEST(names_row) {
        check_row(&names[_i]);
}
END_TEST

START_TEST(international_row) {
        check_row(&international[_i]);
}
END_TEST

START_TEST(addresses_row) {
        check_row(&addresses[_i]);
}
END_TEST

static const struct {
        const char *says;
        const char *text;
        const char *host;
        const char *refused;
        uint16_t port;
} texts[] = {
        { "a host alone takes the default port", "example.org", "example.org", NULL, 7 },
        { "a port after a colon is taken", "example.org:993", "example.org", NULL, 993 },
        { "the highest port is taken", "example.org:65535", "example.org", NULL, 65535 },
        { "leading zeros in a port mean nothing", "example.org:0993", "example.org", NULL, 993 },
        { "a trailing dot before the port is dropped", "Example.org.:25", "example.org", NULL, 25 },
        { "IPv4 with a port", "192.0.2.1:143", "192.0.2.1", NULL, 143 },
        { "IPv6 without brackets has no port", "2001:db8::993", "2001:db8::993", NULL, 7 },
        { "IPv6 in brackets", "[2001:DB8::1]", "2001:db8::1", NULL, 7 },
        { "IPv6 in brackets with a port", "[2001:db8::1]:993", "2001:db8::1", NULL, 993 },
        { "IPv4 mapped in brackets", "[::ffff:192.0.2.1]:25", "192.0.2.1", NULL, 25 },
        { "port 0 is refused", "example.org:0", .refused = "begin at 1" },
        { "port 65536 is refused", "example.org:65536", .refused = "65535" },
        { "a port that would overflow is refused", "example.org:4294967297", .refused = "65535" },
        { "an empty port is refused", "example.org:", .refused = "no port" },
        { "a port by name is refused", "example.org:imaps", .refused = "not a number" },
        { "a URL is called one", "imaps://example.org", .refused = "a URL" },
        { "a URL with a port and a path too", "https://example.org:993/", .refused = "a URL" },
        { "a negative port is refused", "example.org:-1", .refused = "not a number" },
        { "a signed port is refused", "example.org:+1", .refused = "not a number" },
        { "an open bracket is refused", "[::1", .refused = "never closed" },
        { "text after the bracket is refused", "[::1]993", .refused = "may follow" },
        { "a name in brackets is refused", "[example.org]:993", .refused = "IPv6 addresses only" },
        { "brackets in brackets are refused", "[[::1]]", .refused = "may follow" },
        { "a zone in brackets is refused", "[fe80::1%2]:993", .refused = "zone" },
        { "a port without a host is refused", ":993", .refused = "is empty" },
        { "an IPv4 trick is refused behind a port too", "127.1:993", .refused = IPV4_TRICK },
};

START_TEST(texts_row) {
        const char *reason = NULL;
        Endpoint e;
        int r;

        r = endpoint_parse(texts[_i].text, 7, &e, &reason);
        if (!texts[_i].host) {
                ck_assert_msg(r == -EINVAL, "%s: taken", texts[_i].says);
                ck_assert_msg(strstr(reason, texts[_i].refused), "%s: %s", texts[_i].says, reason);
                return;
        }
        ck_assert_msg(r == 0, "%s: %s", texts[_i].says, reason);
        ck_assert_str_eq(e.host, texts[_i].host);
        ck_assert_uint_eq(e.port, texts[_i].port);
}
END_TEST

START_TEST(an_embedded_nul_is_refused_by_name) {
        static const char host[] = "example.org\0.evil.example";
        const char *reason = NULL;
        Endpoint e;

        ck_assert_int_eq(endpoint_set(host, sizeof(host) - 1, 993, &e, &reason), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reason, "NUL"));
        ck_assert_int_eq(endpoint_set(host, 12, 993, &e, &reason), -EINVAL);
        ck_assert_int_eq(endpoint_set(host, 11, 993, &e, &reason), 0);
}
END_TEST

START_TEST(a_megabyte_is_refused) {
        _cleanup_free_ char *host = malloc(1 << 20);
        const char *reason = NULL;
        Endpoint e;

        memset(host, 'a', 1 << 20);
        ck_assert_int_eq(endpoint_set(host, 1 << 20, 993, &e, &reason), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reason, "253"));
}
END_TEST

START_TEST(the_canonical_form_of_anything_is_its_own) {
        static const char *const pieces[] = {
                "a", "B", "9", "0x", "-", "_", ".", "..", ":", "::", "xn--", "ü", "ß", "。", "％",
                "א", "\u0660", "\u200d", "\xff", "%", "[", "]", "255", "ffff", "１", "\u0308", "İ",
                "bcher-kva", "Ⅷ", "𝟘", "/", "~", "\u1e9e", "ﷺ",
        };
        uint32_t state = 1;
        unsigned taken = 0;

        for (unsigned i = 0; i < 20000; i++) {
                char text[256] = "";
                const char *reason = NULL;
                Endpoint e, again;

                for (unsigned n = 1 + i % 7; n > 0; n--) {
                        state = state * 1664525 + 1013904223;
                        (void) strcat(text, pieces[(state >> 16) % N_ELEMENTS(pieces)]);
                }
                if (endpoint_set(text, strlen(text), 0, &e, &reason) < 0) {
                        ck_assert_ptr_nonnull(reason);
                        continue;
                }
                taken++;
                ck_assert_msg(endpoint_set(e.host, strlen(e.host), 0, &again, &reason) == 0,
                              "%s gives %s: %s", text, e.host, reason);
                ck_assert_str_eq(e.host, again.host);
                ck_assert_int_eq(e.kind, again.kind);
        }
        ck_assert_uint_gt(taken, 1000);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("endpoint");
        TCase *tcase = tcase_create("endpoint");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, names_row, 0, N_ELEMENTS(names));
        tcase_add_loop_test(tcase, international_row, 0, N_ELEMENTS(international));
        tcase_add_loop_test(tcase, addresses_row, 0, N_ELEMENTS(addresses));
        tcase_add_loop_test(tcase, texts_row, 0, N_ELEMENTS(texts));
        tcase_add_test(tcase, an_embedded_nul_is_refused_by_name);
        tcase_add_test(tcase, a_megabyte_is_refused);
        tcase_add_test(tcase, the_canonical_form_of_anything_is_its_own);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
