/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A "no" in the words of the protocol. */
#include "config.h"

#include <iconv.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "client/cleanup.h"
#include "client/escape.h"
#include "client/lines.h"
#include "client/refusal.h"
#include "client/stream.h"
#include "client/tunnel-limits.h"

#define USEC_PER_SEC 1000000U
#define USEC_PER_MSEC 1000U

struct RefusalProtocol {
        const char *name;
        uint16_t port;       /* behind TLS */
        const char *no;      /* in the place of a greeting, and to commands unless @command says otherwise */
        const char *later;   /* the same, if it may be tried again */
        const char *command; /* NULL: as a greeting */
        bool tagged;         /* an answer begins with the command's first word */
        const char *end;     /* of every line */
        const char *quit;    /* the client's farewell, and what is said to that */
        const char *bye;
};

static const RefusalProtocol protocols[] = {
        { "imap", 993, "* BYE [ALERT] ", "* BYE [ALERT] ", " NO ", true, "\r\n", "LOGOUT", " OK bye\r\n" },
        { "pop3", 995, "-ERR [SYS/PERM] ", "-ERR [SYS/TEMP] ", NULL, false, "\r\n", "QUIT", "+OK bye\r\n" },
        { "smtp", 465, "554 5.7.0 ", "421 4.7.0 ", NULL, false, "\r\n", "QUIT", "221 2.0.0 bye\r\n" },
        { "lmtp", 0, "554 5.7.0 ", "421 4.7.0 ", NULL, false, "\r\n", "QUIT", "221 2.0.0 bye\r\n" },
        { "nntp", 563, "502 ", "400 ", NULL, false, "\r\n", "QUIT", "205 bye\r\n" },
        { "ftp", 990, "421 ", "421 ", NULL, false, "\r\n", "QUIT", "221 bye\r\n" },
        { "sieve", 0, "BYE \"", "BYE (TRYLATER) \"", "NO \"", false, "\"\r\n", "LOGOUT", "OK\r\n" },
};

const RefusalProtocol *refusal_protocol(const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(protocols); i++)
                if (strcmp(protocols[i].name, name) == 0)
                        return &protocols[i];
        return NULL;
}

const RefusalProtocol *refusal_protocol_by_port(uint16_t port) {
        for (size_t i = 0; port != 0 && i < N_ELEMENTS(protocols); i++)
                if (protocols[i].port == port)
                        return &protocols[i];
        return NULL;
}

/* -- Words ------------------------------------------------------------------------------------ */

/* The protocols know no other letters: those of other languages are written as well as ASCII can. */
static char *in_ascii(const char *text) {
        _cleanup_free_ char *harmless = escape_text(text, true), *ret = NULL;
        size_t n_in, n_out;
        char *in, *out;
        iconv_t conversion;

        if (!harmless)
                return NULL;
        n_in = strlen(harmless);
        n_out = 4 * n_in + 1;
        ret = calloc(1, n_out);
        if (!ret)
                return NULL;
        in = harmless;
        out = ret;
        conversion = iconv_open("ASCII//TRANSLIT", "UTF-8");
        if (conversion != (iconv_t) -1) {
                const size_t r = iconv(conversion, &in, &n_in, &out, &n_out);

                (void) iconv_close(conversion);
                if (r != (size_t) -1)
                        return TAKE_PTR(ret);
        }
        return escape_text(text, false);
}

static char *make_line(const char *tag, const char *begin, const char *text, const char *end) {
        const size_t fixed = strlen(tag) + strlen(begin) + strlen("certexc: ") + strlen(end);
        _cleanup_free_ char *words = in_ascii(text);
        char *line;

        if (!words)
                return NULL;
        /* What ends or escapes a string of ManageSieve is in no word that matters. */
        for (char *p = words; *p; p++)
                if (*p == '"' || *p == '\\')
                        *p = '\'';
        if (asprintf(&line, "%s%scertexc: %.*s%s", tag, begin, (int) (TUNNEL_LINE_MAX - fixed), words, end) < 0)
                return NULL;
        return line;
}

char *refusal_line(const RefusalProtocol *protocol, const char *text, bool later) {
        return make_line("", later ? protocol->later : protocol->no, text, protocol->end);
}

/* -- The client ------------------------------------------------------------------------------- */

/* Waits until @fd is ready for @events, as long as somebody reads @out. */
static bool wait_client(int fd, short events, int out, uint64_t until) {
        for (;;) {
                struct pollfd p[2] = { { .fd = fd, .events = events }, { .fd = out } };
                const uint64_t now = stream_now();

                if (now >= until)
                        return false;
                if (poll(p, 2, (int) ((until - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC)) < 0 && errno != EINTR)
                        return false;
                if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL))
                        return false;
                if (p[0].revents != 0)
                        return true;
        }
}

/* A line is shorter than what a descriptor takes at once when poll() says that it does. */
static bool write_line(int out, const char *line, uint64_t until) {
        return wait_client(out, POLLOUT, out, until) && write(out, line, strlen(line)) == (ssize_t) strlen(line);
}

/* A tag is given back if it is one, else it is nobody's. */
static const char *tag_of(const RefusalProtocol *protocol, const char *line, size_t n,
                          char tag[static TUNNEL_TAG_MAX + 1]) {
        if (!protocol->tagged)
                return "";
        if (n == 0 || n > TUNNEL_TAG_MAX)
                return "*";
        for (size_t i = 0; i < n; i++)
                if (line[i] <= ' ' || line[i] > '~' || strchr("(){%*\"\\+", line[i]))
                        return "*";
        memcpy(tag, line, n);
        tag[n] = '\0';
        return tag;
}

/* false: that was the last. */
static bool answer(const RefusalProtocol *protocol, const char *line, const char *text, bool later, int out,
                   uint64_t until) {
        const size_t n_tag = protocol->tagged ? strcspn(line, " \r") : 0;
        const char *command = line + n_tag + (line[n_tag] == ' ' ? 1 : 0);
        const size_t n_command = strcspn(command, " \r");
        char buffer[TUNNEL_TAG_MAX + 1];
        const char *tag = tag_of(protocol, line, n_tag, buffer);
        const bool last = n_command == strlen(protocol->quit) && strncasecmp(command, protocol->quit, n_command) == 0;
        _cleanup_free_ char *reply = NULL;

        if (!last)
                reply = make_line(tag, protocol->command ? protocol->command
                                       : later           ? protocol->later
                                                         : protocol->no,
                                  text, protocol->end);
        else if (asprintf(&reply, "%s%s", tag, protocol->bye) < 0)
                reply = NULL;
        return reply && write_line(out, reply, until) && !last;
}

void refusal_say(const RefusalProtocol *protocol, const char *text, bool later, int in, int out) {
        const uint64_t until = stream_now() + (uint64_t) TUNNEL_DRAIN_SEC * USEC_PER_SEC;
        _cleanup_free_ char *greeting = refusal_line(protocol, text, later);
        unsigned n_answered = 0;
        Lines lines = {};

        if (!greeting || !write_line(out, greeting, until))
                return;
        while (!lines.at_end && wait_client(in, POLLIN, out, until)) {
                const char *line;

                lines_read(&lines, in);
                for (line = lines_next(&lines); line; line = lines_next(&lines))
                        if (++n_answered > TUNNEL_DRAIN_LINES || !answer(protocol, line, text, later, out, until))
                                return;
        }
}
