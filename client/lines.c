/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines as they come in. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/lines.h"

static void forget_taken(Lines *lines) {
        lines->n_bytes -= lines->n_taken;
        memmove(lines->bytes, lines->bytes + lines->n_taken, lines->n_bytes);
        lines->n_taken = 0;
}

void lines_drop(Lines *lines) {
        lines->n_bytes = lines->n_taken = 0;
        lines->cut = false;
}

void lines_read(Lines *lines, int fd) {
        ssize_t n;

        forget_taken(lines);
        /* A line that fills all is cut: lines_next() has been asked, so there is no end in it. */
        if (lines->n_bytes == sizeof(lines->bytes) - 1) {
                lines->cut = true;
                lines->n_bytes = 0;
        }
        n = read(fd, lines->bytes + lines->n_bytes, sizeof(lines->bytes) - 1 - lines->n_bytes);
        if (n > 0)
                lines->n_bytes += (size_t) n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                lines->at_end = true;
}

char *lines_next(Lines *lines) {
        char *end;

        forget_taken(lines);
        end = memchr(lines->bytes, '\n', lines->n_bytes);
        if (!end)
                return NULL;
        *end = '\0';
        lines->n_taken = (size_t) (end + 1 - lines->bytes);
        if (lines->cut) {
                lines->cut = false;
                lines->bytes[0] = '\0';
        }
        return lines->bytes;
}
