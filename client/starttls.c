/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* STARTTLS in the protocols that mail and its neighbours speak. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/i18n.h"
#include "client/starttls.h"

/* Lines of one answer: an EHLO or a capability list has perhaps thirty. */
#define ANSWER_LINES_MAX 256U

/* What one protocol does between connecting and the handshake. */
typedef int (*Upgrade)(Stream *stream, const char *host, Fault *fault);

struct StarttlsProtocol {
        const char *name;
        const char *label; /* as people write it */
        uint16_t port;
        const char *greeting; /* what its servers say first; NULL: they wait to be spoken to */
        bool greets_again;    /* once TLS is there */
        Upgrade upgrade;
};

/* -- What all of them need -------------------------------------------------------------------- */

/* The errors of a stream, in words. @what is what was waited for. */
static int stream_fault(Stream *stream, int error, const char *what, Fault *fault) {
        switch (error) {
        case -ENOMEM:
                return error;
        case -ETIMEDOUT:
                (void) fault_set(fault, FAULT_TIMEOUT, "The server did not send %s in time.", _(what));
                fault_hint(fault, "If it speaks TLS from the first byte, leave --starttls away.");
                return -ECONNABORTED;
        case -ECONNRESET:
                (void) fault_set(fault, FAULT_CLOSED,
                                 "The server hung up instead of sending %s.", _(what));
                fault_hint(fault, "If it speaks TLS from the first byte, leave --starttls away.");
                return -ECONNABORTED;
        case -EMSGSIZE:
                return fault_set(fault, FAULT_PROTOCOL,
                                 "The server sent a line that is too long instead of %s.", _(what));
        case -EBADMSG:
                return fault_set(fault, FAULT_PROTOCOL,
                                 "The server sent binary data instead of %s.", _(what));
        default:
                return fault_set(fault, FAULT_SYSTEM, "Waiting for %s failed: %s.", _(what),
                                 strerror(-error));
        }
}

static int refused(Fault *fault, const char *line) {
        (void) fault_set(fault, FAULT_NO_STARTTLS, "The server refuses STARTTLS: \"%s\".", line);
        fault_hint(fault, "If it has a port that speaks TLS from the first byte, use that one.");
        return -ECONNABORTED;
}

static int unexpected(Fault *fault, const char *line, const char *what) {
        return fault_set(fault, FAULT_PROTOCOL, "The server sent \"%.200s\" instead of %s.", line,
                         _(what));
}

/* A record of TLS begins with its type (alert or handshake) and the major version, 3. */
static bool looks_like_tls(const uint8_t *data, size_t size) {
        return size > 0 && (data[0] == 0x15 || data[0] == 0x16) && (size < 2 || data[1] == 0x03);
}

/* Refuses a server that answers in TLS where plain text is due. */
static int expect_plain(Stream *stream, const char *what, Fault *fault) {
        const uint8_t *data;
        size_t size;
        int r;

        r = stream_peek(stream, &data, &size);
        if (r < 0)
                return stream_fault(stream, r, what, fault);
        if (!looks_like_tls(data, size))
                return 0;

        (void) fault_set(fault, FAULT_TLS_ONLY, "The server speaks only TLS here.");
        fault_hint(fault, "Leave --starttls away.");
        return -ECONNABORTED;
}

static int endless(Fault *fault) {
        return fault_set(fault, FAULT_PROTOCOL, "The server's answer has no end.");
}

/* A greeting is what comes before the first word of ours. */
static int read_line(Stream *stream, char ret[static STREAM_LINE_MAX], const char *what,
                     Fault *fault) {
        int r;

        r = expect_plain(stream, what, fault);
        if (r < 0)
                return r;
        r = stream_line(stream, ret, STREAM_LINE_MAX);
        if (r < 0)
                return stream_fault(stream, r, what, fault);
        return stream->spoke || !stream->greeting || greeting_add(stream->greeting, ret) ? 0 : endless(fault);
}

static int say(Stream *stream, const char *text, Fault *fault) {
        int r;

        r = stream_write(stream, text, strlen(text));
        return r < 0 ? stream_fault(stream, r, "an answer", fault) : 0;
}

static bool starts_with(const char *line, const char *prefix) {
        return strncasecmp(line, prefix, strlen(prefix)) == 0;
}

/* The word at the start of @line is @word, and not the beginning of a longer one. */
static bool is_word(const char *line, const char *word) {
        size_t n = strlen(word);

        return starts_with(line, word) && (line[n] == ' ' || line[n] == '\0');
}

/*
 * An answer of the SMTP family: three digits, then '-' on all lines but the last. Returns the
 * code, its last line in @ret, and in *@ret_offers whether a line after the first is @offer.
 */
static int read_reply(Stream *stream, char ret[static STREAM_LINE_MAX], const char *what,
                      const char *offer, bool *ret_offers, Fault *fault) {
        char code[4] = "";

        if (ret_offers)
                *ret_offers = false;
        for (unsigned i = 0; i < ANSWER_LINES_MAX; i++) {
                int r;

                r = read_line(stream, ret, what, fault);
                if (r < 0)
                        return r;
                if (!isdigit((unsigned char) ret[0]) || !isdigit((unsigned char) ret[1]) ||
                    !isdigit((unsigned char) ret[2]) || !strchr("- ", ret[3]) ||
                    (i > 0 && strncmp(ret, code, 3) != 0))
                        return unexpected(fault, ret, what);

                memcpy(code, ret, 3);
                if (i > 0 && ret_offers && is_word(ret + 4, offer))
                        *ret_offers = true;
                if (ret[3] != '-')
                        return (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
        }
        return endless(fault);
}

/* One command of the SMTP family and the code that lets the handshake begin. */
static int command_reply(Stream *stream, const char *command, int wanted, Fault *fault) {
        char line[STREAM_LINE_MAX];
        int r;

        r = say(stream, command, fault);
        if (r < 0)
                return r;
        r = read_reply(stream, line, "its answer to STARTTLS", NULL, NULL, fault);
        if (r < 0)
                return r;
        return r == wanted ? 0 : refused(fault, line);
}

/* -- The protocols ---------------------------------------------------------------------------- */

/* RFC 9051, section 6.2.1; RFC 3501 for PREAUTH. */
static int upgrade_imap(Stream *stream, const char *host, Fault *fault) {
        char line[STREAM_LINE_MAX];
        int r;

        r = read_line(stream, line, N_("an IMAP greeting"), fault);
        if (r < 0)
                return r;
        if (is_word(line, "* PREAUTH"))
                return fault_set(fault, FAULT_UNSAFE,
                                 "The server says that we are logged in before TLS began "
                                 "(PREAUTH); STARTTLS is impossible then, and somebody between "
                                 "may have written it.");
        if (!is_word(line, "* OK"))
                return unexpected(fault, line, N_("an IMAP greeting"));

        r = say(stream, "a STARTTLS\r\n", fault);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < ANSWER_LINES_MAX; i++) {
                r = read_line(stream, line, "its answer to STARTTLS", fault);
                if (r < 0)
                        return r;
                if (is_word(line, "a OK"))
                        return 0;
                if (is_word(line, "a NO") || is_word(line, "a BAD"))
                        return refused(fault, line);
                if (!starts_with(line, "* ") || is_word(line, "* BYE"))
                        return unexpected(fault, line, "its answer to STARTTLS");
        }
        return endless(fault);
}

/* RFC 2595, section 4. */
static int upgrade_pop3(Stream *stream, const char *host, Fault *fault) {
        char line[STREAM_LINE_MAX];
        int r;

        r = read_line(stream, line, N_("a POP3 greeting"), fault);
        if (r < 0)
                return r;
        if (!is_word(line, "+OK"))
                return unexpected(fault, line, N_("a POP3 greeting"));

        r = say(stream, "STLS\r\n", fault);
        if (r < 0)
                return r;
        r = read_line(stream, line, "its answer to STLS", fault);
        if (r < 0)
                return r;
        if (is_word(line, "-ERR"))
                return refused(fault, line);
        return is_word(line, "+OK") ? 0 : unexpected(fault, line, "its answer to STLS");
}

/* RFC 3207; of LMTP, RFC 2033, only the first command is another. */
static int upgrade_esmtp(Stream *stream, const char *hello, Fault *fault) {
        char line[STREAM_LINE_MAX];
        bool offers;
        int r;

        r = read_reply(stream, line, N_("an SMTP greeting"), NULL, NULL, fault);
        if (r < 0)
                return r;
        if (r != 220)
                return unexpected(fault, line, N_("an SMTP greeting"));

        r = say(stream, hello, fault);
        if (r < 0)
                return r;
        r = read_reply(stream, line, "its answer to EHLO", "STARTTLS", &offers, fault);
        if (r < 0)
                return r;
        if (r != 250)
                return unexpected(fault, line, "its answer to EHLO");
        if (!offers)
                return fault_set(fault, FAULT_NO_STARTTLS, "The server does not offer STARTTLS.");

        return command_reply(stream, "STARTTLS\r\n", 220, fault);
}

/* Names nobody: the server learns no more of this machine than its address. */
static int upgrade_smtp(Stream *stream, const char *host, Fault *fault) {
        return upgrade_esmtp(stream, "EHLO [127.0.0.1]\r\n", fault);
}

static int upgrade_lmtp(Stream *stream, const char *host, Fault *fault) {
        return upgrade_esmtp(stream, "LHLO [127.0.0.1]\r\n", fault);
}

/* RFC 4217, section 4. */
static int upgrade_ftp(Stream *stream, const char *host, Fault *fault) {
        char line[STREAM_LINE_MAX];
        int r;

        r = read_reply(stream, line, N_("an FTP greeting"), NULL, NULL, fault);
        if (r < 0)
                return r;
        if (r != 220)
                return unexpected(fault, line, N_("an FTP greeting"));
        return command_reply(stream, "AUTH TLS\r\n", 234, fault);
}

/* RFC 4642. */
static int upgrade_nntp(Stream *stream, const char *host, Fault *fault) {
        char line[STREAM_LINE_MAX];
        int r;

        r = read_reply(stream, line, N_("an NNTP greeting"), NULL, NULL, fault);
        if (r < 0)
                return r;
        if (r != 200 && r != 201)
                return unexpected(fault, line, N_("an NNTP greeting"));
        return command_reply(stream, "STARTTLS\r\n", 382, fault);
}

/* RFC 5804, section 2.2: capabilities, one a line, then OK. */
static int sieve_answer(Stream *stream, const char *what, bool *ret_offers, Fault *fault) {
        char line[STREAM_LINE_MAX];

        *ret_offers = false;
        for (unsigned i = 0; i < ANSWER_LINES_MAX; i++) {
                int r;

                r = read_line(stream, line, what, fault);
                if (r < 0)
                        return r;
                if (is_word(line, "OK"))
                        return 0;
                if (is_word(line, "NO") || is_word(line, "BYE"))
                        return refused(fault, line);
                if (line[0] != '"')
                        return unexpected(fault, line, what);
                if (starts_with(line, "\"STARTTLS\""))
                        *ret_offers = true;
        }
        return endless(fault);
}

static int upgrade_sieve(Stream *stream, const char *host, Fault *fault) {
        bool offers, again;
        int r;

        r = sieve_answer(stream, N_("a ManageSieve greeting"), &offers, fault);
        if (r < 0)
                return r;
        if (!offers)
                return fault_set(fault, FAULT_NO_STARTTLS, "The server does not offer STARTTLS.");

        r = say(stream, "STARTTLS\r\n", fault);
        if (r < 0)
                return r;
        return sieve_answer(stream, "its answer to STARTTLS", &again, fault);
}

/* RFC 4511, section 4.14.1: an extended request and its answer, the only BER that is read here. */
static int upgrade_ldap(Stream *stream, const char *host, Fault *fault) {
        static const uint8_t request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
                                         "1.3.6.1.4.1.1466.20037";
        uint8_t head[2], body[127];
        size_t size;
        int r;

        r = stream_write(stream, request, sizeof(request) - 1);
        if (r < 0)
                return stream_fault(stream, r, N_("an LDAP answer"), fault);
        r = expect_plain(stream, N_("an LDAP answer"), fault);
        if (r < 0)
                return r;
        r = stream_bytes(stream, head, sizeof(head));
        if (r < 0)
                return stream_fault(stream, r, N_("an LDAP answer"), fault);

        /* A success is some fifteen bytes; an answer that needs a long length is a long excuse. */
        if (head[0] != 0x30 || head[1] > sizeof(body))
                return fault_set(fault, FAULT_NO_STARTTLS,
                                 "The server does not answer StartTLS as LDAP does.");
        size = head[1];
        r = stream_bytes(stream, body, size);
        if (r < 0)
                return stream_fault(stream, r, N_("an LDAP answer"), fault);

        if (size < 8 || memcmp(body, "\x02\x01\x01\x78", 4) != 0 || body[4] > 127 ||
            body[5] != 0x0a || body[6] != 1)
                return fault_set(fault, FAULT_PROTOCOL,
                                 "The server's answer to StartTLS is no LDAP.");
        if (body[7] != 0)
                return fault_set(fault, FAULT_NO_STARTTLS,
                                 "The server refuses StartTLS (LDAP result %u).", body[7]);
        return 0;
}

/* RFC 6120, section 5.4. */
static int upgrade_xmpp(Stream *stream, const char *host, Fault *fault) {
        _cleanup_free_ char *open = NULL;
        char text[STREAM_LINE_MAX];
        int r;

        /* A canonical host holds nothing that XML would mind. */
        if (asprintf(&open,
                     "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                     "xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>",
                     host) < 0) {
                open = NULL;
                return -ENOMEM;
        }
        r = say(stream, open, fault);
        if (r < 0)
                return r;
        r = expect_plain(stream, "its XMPP features", fault);
        if (r < 0)
                return r;
        r = stream_until(stream, "</stream:features>", text, sizeof(text));
        if (r < 0)
                return stream_fault(stream, r, "its XMPP features", fault);
        if (!strstr(text, "<starttls"))
                return fault_set(fault, FAULT_NO_STARTTLS, "The server does not offer STARTTLS.");

        r = say(stream, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", fault);
        if (r < 0)
                return r;
        r = stream_until(stream, ">", text, sizeof(text));
        if (r < 0)
                return stream_fault(stream, r, "its answer to STARTTLS", fault);
        return starts_with(text, "<proceed") ? 0 : refused(fault, text);
}

/* -- The table -------------------------------------------------------------------------------- */

static const StarttlsProtocol protocols[] = {
        { "imap", "IMAP", 143, "* ", false, upgrade_imap },
        { "pop3", "POP3", 110, "+OK", false, upgrade_pop3 },
        { "smtp", "SMTP", 587, "220", false, upgrade_smtp },
        { "lmtp", "LMTP", 24, "220", false, upgrade_lmtp },
        { "ldap", "LDAP", 389, NULL, false, upgrade_ldap },
        { "xmpp", "XMPP", 5222, "<?xml", false, upgrade_xmpp },
        { "ftp", "FTP", 21, "220", false, upgrade_ftp },
        { "nntp", "NNTP", 119, "20", false, upgrade_nntp },
        { "sieve", "ManageSieve", 4190, "\"", true, upgrade_sieve },
};

const StarttlsProtocol *starttls_by_name(const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(protocols); i++)
                if (strcmp(protocols[i].name, name) == 0)
                        return &protocols[i];
        return NULL;
}

const char *starttls_name(unsigned i) {
        return i < N_ELEMENTS(protocols) ? protocols[i].name : NULL;
}

uint16_t starttls_default_port(const StarttlsProtocol *protocol) {
        return protocol->port;
}

const StarttlsProtocol *starttls_by_port(uint16_t port) {
        for (size_t i = 0; i < N_ELEMENTS(protocols); i++)
                if (protocols[i].port == port || (port == 25 && protocols[i].port == 587))
                        return &protocols[i];
        return NULL;
}

const StarttlsProtocol *starttls_guess(const char *text, uint16_t port) {
        const StarttlsProtocol *usual = starttls_by_port(port);

        /* SMTP and FTP greet alike: the port decides, and mail is what we are for. */
        if (usual && usual->greeting && starts_with(text, usual->greeting))
                return usual;
        for (size_t i = 0; i < N_ELEMENTS(protocols); i++)
                if (protocols[i].greeting && starts_with(text, protocols[i].greeting))
                        return &protocols[i];
        return NULL;
}

const char *starttls_protocol_name(const StarttlsProtocol *protocol) {
        return protocol->name;
}

int starttls_upgrade(const StarttlsProtocol *protocol, Stream *stream, const char *host,
                     Fault *fault) {
        int r;

        r = protocol->upgrade(stream, host, fault);
        if (r < 0)
                return r;

        /* The server must wait for us now. What it sent already was written into the plain part
         * by somebody, to be read as if it had come through TLS (CVE-2011-0411 and its kin). */
        if (stream_has_more(stream))
                return fault_set(fault, FAULT_UNSAFE,
                                 "There is more text behind the %s server's go-ahead for TLS: "
                                 "somebody between may have put it there.", protocol->label);
        if (stream->greeting && protocol->greets_again)
                stream->greeting->size = 0;
        if (stream->greeting && protocol->upgrade == upgrade_imap)
                greeting_drop_codes(stream->greeting, "* OK ");
        return 0;
}
