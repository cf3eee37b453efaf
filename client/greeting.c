/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server says before it is spoken to. */
#include "config.h"

#include <string.h>

#include "client/greeting.h"

bool greeting_add(Greeting *greeting, const char *line) {
        const size_t n = strlen(line);

        if (n + 2 > sizeof(greeting->text) - greeting->size)
                return false;
        for (size_t i = 0; i < n; i++)
                greeting->text[greeting->size++] = (char) (line[i] >= ' ' && line[i] <= '~' ? line[i] : '?');
        greeting->text[greeting->size++] = '\r';
        greeting->text[greeting->size++] = '\n';
        return true;
}

void greeting_drop_codes(Greeting *greeting, const char *word) {
        const size_t begin = strlen(word);

        while (greeting->size > begin && greeting->text[begin] == '[') {
                const char *code = greeting->text + begin;
                const char *end = memchr(code, ']', greeting->size - begin);
                size_t n;

                if (!end)
                        return;
                n = (size_t) (end + 1 - code);
                n += strspn(end + 1, " ");
                memmove(greeting->text + begin, greeting->text + begin + n, greeting->size - begin - n);
                greeting->size -= n;
        }
}
