/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Endpoint: hosts in, one canonical form out, or the reason why not. */
#include "config.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/endpoint.h"
#include "client/i18n.h"

/* Before mapping: letters of four bytes each, and room for what the mapping deletes. */
#define HOST_INPUT_MAX 1024U

/* RFC 1035, section 2.3.4. */
#define LABEL_MAX 63U

#define ADDRESS_WORDS 8U

static const char fake_a_label[] =
        "the host name has an xn-- part that stands for no international name";

static const char a_url[] = N_("that is a URL; give the host alone, or HOST:PORT");

static void idn2_freep(char **p) {
        if (*p)
                idn2_free(*p);
}

static int refuse(const char **ret_reason, const char *reason) {
        *ret_reason = reason;
        return -EINVAL;
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static char lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool is_host_character(char c) {
        return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_' || c == '.';
}

static const char *idn_reason(int r) {
        switch (r) {
        case IDN2_ENCODING_ERROR:
                return "the host name is not valid UTF-8";
        case IDN2_TOO_BIG_DOMAIN:
                return "the host name is longer than 253 characters";
        case IDN2_TOO_BIG_LABEL:
        case IDN2_PUNYCODE_BIG_OUTPUT:
                return "the host name has a part that is longer than 63 characters";
        case IDN2_BIDI:
                return "the host name mixes directions of writing in a way that misleads";
        case IDN2_CONTEXTJ:
        case IDN2_CONTEXTJ_NO_RULE:
                return "the host name has an invisible joiner where none belongs";
        case IDN2_LEADING_COMBINING:
                return "the host name has a part that begins with a combining mark";
        case IDN2_HYPHEN_STARTEND:
                return "the host name has a part that begins or ends with a hyphen";
        case IDN2_PUNYCODE_BAD_INPUT:
        case IDN2_PUNYCODE_OVERFLOW:
        case IDN2_ALABEL_ROUNDTRIP_FAILED:
        case IDN2_INVALID_ALABEL:
                return fake_a_label;
        default:
                return "the host name has a character that no host name may have";
        }
}

/* Maps non-ASCII text to its A-labels (UTS 46, non-transitional). */
static int map_international(const char *text, char **ret, const char **ret_reason) {
        uint8_t *mapped = NULL;
        int r;

        r = idn2_lookup_u8((const uint8_t *) text, &mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
        if (r == IDN2_MALLOC)
                return -ENOMEM;
        if (r != IDN2_OK)
                return refuse(ret_reason, idn_reason(r));

        *ret = (char *) mapped;
        return 0;
}

/* An A-label must be what its own Unicode form maps to, or it pretends to be another name. */
static int check_a_label(const char *label, const char **ret_reason) {
        _cleanup_(idn2_freep) char *unicode = NULL, *again = NULL;
        const char *reason;
        int r;

        r = idn2_to_unicode_8z8z(label, &unicode, 0);
        if (r == IDN2_MALLOC)
                return -ENOMEM;
        if (r != IDN2_OK || strcmp(unicode, label) == 0)
                return refuse(ret_reason, fake_a_label);

        r = map_international(unicode, &again, &reason);
        if (r == -ENOMEM)
                return r;
        return r == 0 && strcmp(again, label) == 0 ? 0 : refuse(ret_reason, fake_a_label);
}

static int check_label(const char *start, size_t length, const char **ret_reason) {
        char label[LABEL_MAX + 1];

        if (length == 0)
                return refuse(ret_reason, "the host name has an empty part between dots");
        if (length > LABEL_MAX)
                return refuse(ret_reason,
                              "the host name has a part that is longer than 63 characters");
        if (start[0] == '-' || start[length - 1] == '-')
                return refuse(ret_reason,
                              "the host name has a part that begins or ends with a hyphen");
        if (strncmp(start, "xn--", 4) != 0)
                return 0;

        memcpy(label, start, length);
        label[length] = '\0';
        return check_a_label(label, ret_reason);
}

static int check_name(const char *name, const char **ret_reason) {
        for (const char *p = name; *p; p++)
                if (!is_host_character(*p))
                        return refuse(ret_reason,
                                      "the host name has a character that no host name may have");

        for (const char *label = name;; label++) {
                size_t length = strcspn(label, ".");
                int r = check_label(label, length, ret_reason);

                if (r < 0)
                        return r;
                label += length;
                if (!*label)
                        return 0;
        }
}

/* true if resolvers would take it as an IPv4 address: its last part is a number. */
static bool ends_in_number(const char *name) {
        const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;

        if (!*last)
                return false;
        if (last[0] == '0' && last[1] == 'x')
                return strspn(last + 2, "0123456789abcdef") == strlen(last + 2);
        return strspn(last, "0123456789") == strlen(last);
}

static void write_ipv4(const uint8_t address[static 4], Endpoint *e) {
        (void) snprintf(e->host, sizeof(e->host), "%u.%u.%u.%u", address[0], address[1], address[2],
                        address[3]);
        e->kind = HOST_IPV4;
}

/* The longest run of two or more zero words, the first of equals (RFC 5952, section 4.2). */
static unsigned longest_zeros(const unsigned words[static ADDRESS_WORDS], unsigned *ret_length) {
        unsigned best = ADDRESS_WORDS, best_length = 1;

        for (unsigned i = 0; i < ADDRESS_WORDS; i++) {
                unsigned n = 0;

                while (i + n < ADDRESS_WORDS && words[i + n] == 0)
                        n++;
                if (n > best_length) {
                        best = i;
                        best_length = n;
                }
        }
        *ret_length = best_length;
        return best;
}

static void write_ipv6(const uint8_t address[static 16], Endpoint *e) {
        unsigned words[ADDRESS_WORDS], zeros, n_zeros;
        size_t size = 0;

        for (unsigned i = 0; i < ADDRESS_WORDS; i++)
                words[i] = (unsigned) address[2 * i] << 8 | address[2 * i + 1];
        zeros = longest_zeros(words, &n_zeros);

        for (unsigned i = 0; i < ADDRESS_WORDS; i++) {
                const char *colon = size > 0 && e->host[size - 1] != ':' ? ":" : "";

                if (i == zeros) {
                        size += (size_t) snprintf(e->host + size, sizeof(e->host) - size, "::");
                        i += n_zeros - 1;
                        continue;
                }
                size += (size_t) snprintf(e->host + size, sizeof(e->host) - size, "%s%x", colon,
                                          words[i]);
        }
        e->kind = HOST_IPV6;
}

static int set_ipv6(const char *text, Endpoint *e, const char **ret_reason) {
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        uint8_t address[16];

        if (strstr(text, "://"))
                return refuse(ret_reason, a_url);
        if (strchr(text, '%'))
                return refuse(ret_reason,
                              "the address has a zone (the part after %), which means something "
                              "on one machine only");
        if (strchr(text, '[') || strchr(text, ']'))
                return refuse(ret_reason, "the address is in brackets; give it without");
        if (inet_pton(AF_INET6, text, address) != 1)
                return refuse(ret_reason, "the host has a colon and is no IPv6 address");

        if (memcmp(address, mapped, sizeof(mapped)) == 0)
                write_ipv4(address + sizeof(mapped), e);
        else
                write_ipv6(address, e);
        return 0;
}

/* @name has only one-byte characters, its last dot is dropped. */
static int set_ascii(const char *name, Endpoint *e, const char **ret_reason) {
        uint8_t address[4];
        int r;

        if (!*name)
                return refuse(ret_reason, "the host name is empty");
        if (inet_pton(AF_INET, name, address) == 1) {
                write_ipv4(address, e);
                return 0;
        }
        r = check_name(name, ret_reason);
        if (r < 0)
                return r;
        if (ends_in_number(name))
                return refuse(ret_reason, "the host looks like an IPv4 address in an unusual form; "
                                          "write it as four decimal numbers");

        if (strlen(name) > ENDPOINT_HOST_MAX)
                return refuse(ret_reason, "the host name is longer than 253 characters");
        (void) strcpy(e->host, name);
        e->kind = HOST_NAME;
        return 0;
}

/* Copies @host with ASCII folded to lower case; tells whether there is more than ASCII in it. */
static int read_input(const char *host, size_t size, char ret[static HOST_INPUT_MAX + 1],
                      bool *ret_ascii, const char **ret_reason) {
        *ret_ascii = true;
        if (size == 0)
                return refuse(ret_reason, "the host name is empty");
        if (size > HOST_INPUT_MAX)
                return refuse(ret_reason, "the host name is longer than 253 characters");

        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) host[i];

                if (c == '\0')
                        return refuse(ret_reason, "the host name has a NUL byte in it");
                if (c == ' ')
                        return refuse(ret_reason, "the host name has a space in it");
                if (c < 0x20 || c == 0x7f)
                        return refuse(ret_reason, "the host name has a control character in it");
                if (c >= 0x80)
                        *ret_ascii = false;
                ret[i] = lower(host[i]);
        }
        ret[size] = '\0';
        return 0;
}

static void drop_last_dot(char *name) {
        size_t length = strlen(name);

        if (length > 0 && name[length - 1] == '.')
                name[length - 1] = '\0';
}

int endpoint_set(const char *host, size_t size, uint16_t port, Endpoint *ret,
                 const char **ret_reason) {
        _cleanup_(idn2_freep) char *mapped = NULL;
        char text[HOST_INPUT_MAX + 1];
        Endpoint e = { .port = port };
        bool ascii;
        int r;

        r = read_input(host, size, text, &ascii, ret_reason);
        if (r < 0)
                return r;

        if (ascii && (strchr(text, ':') || strchr(text, '[')))
                r = set_ipv6(text, &e, ret_reason);
        else if (ascii) {
                drop_last_dot(text);
                r = set_ascii(text, &e, ret_reason);
        } else {
                r = map_international(text, &mapped, ret_reason);
                if (r < 0)
                        return r;
                drop_last_dot(mapped);
                r = set_ascii(mapped, &e, ret_reason);
        }
        if (r < 0)
                return r;

        *ret = e;
        return 0;
}

static int parse_port(const char *text, uint16_t *ret, const char **ret_reason) {
        unsigned port = 0;

        if (!*text)
                return refuse(ret_reason, "there is no port after the colon");
        for (const char *p = text; *p; p++) {
                if (!is_digit(*p))
                        return refuse(ret_reason, "the port is not a number");
                port = 10 * port + (unsigned) (*p - '0');
                if (port > UINT16_MAX)
                        return refuse(ret_reason, "the port is larger than 65535");
        }
        if (port == 0)
                return refuse(ret_reason, "the port is 0; ports begin at 1");
        *ret = (uint16_t) port;
        return 0;
}

static int parse_brackets(const char *text, uint16_t port, Endpoint *ret,
                          const char **ret_reason) {
        const char *end = strchr(text, ']');
        Endpoint e;
        int r;

        if (!end)
                return refuse(ret_reason, "the bracket before the address is never closed");
        if (end[1] == ':') {
                r = parse_port(end + 2, &port, ret_reason);
                if (r < 0)
                        return r;
        } else if (end[1])
                return refuse(ret_reason,
                              "only a colon and a port may follow an address in brackets");
        if (!memchr(text, ':', (size_t) (end - text)))
                return refuse(ret_reason, "brackets are for IPv6 addresses only");

        r = endpoint_set(text + 1, (size_t) (end - text) - 1, port, &e, ret_reason);
        if (r < 0)
                return r;
        *ret = e;
        return 0;
}

int endpoint_parse(const char *text, uint16_t default_port, Endpoint *ret,
                   const char **ret_reason) {
        const char *colon = strchr(text, ':');
        uint16_t port = default_port;
        int r;

        if (text[0] == '[')
                return parse_brackets(text, default_port, ret, ret_reason);
        if (strstr(text, "://"))
                return refuse(ret_reason, a_url);
        if (!colon || strchr(colon + 1, ':'))
                return endpoint_set(text, strlen(text), port, ret, ret_reason);

        r = parse_port(colon + 1, &port, ret_reason);
        if (r < 0)
                return r;
        return endpoint_set(text, (size_t) (colon - text), port, ret, ret_reason);
}
