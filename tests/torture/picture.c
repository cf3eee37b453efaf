/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that was decided, as one text. */
#include "config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/picture.h"

static bool draw_verdict(World *w, FILE *to, const char *probe) {
        struct json_object *reply = world_call(w, "Verify", probe);
        bool there = reply != NULL;

        (void) fprintf(to, "%.60s: %s", probe, world_at(reply, "verdict"));
        (void) fprintf(to, " %s%s", world_at(reply, "because"), reply_error(reply));
        (void) fprintf(to, " %s\n", world_at(reply, "exception.id"));
        (void) json_object_put(reply);
        return there;
}

/* All pages of a list, a line for each item. */
static bool draw_list(World *w, FILE *to, const char *method, const char *more, const char *items) {
        char parameters[128], after[32] = "0";

        while (*after) {
                struct json_object *reply, *list;

                (void) snprintf(parameters, sizeof(parameters), "%s'after':%s", more, after);
                reply = world_call(w, method, parameters);
                list = reply_field(reply, items);
                if (!list)
                        (void) fprintf(to, "%s: %s\n", method, reply_error(reply));
                for (size_t i = 0; list && i < json_object_array_length(list); i++)
                        (void) fprintf(
                                to, "%s\n",
                                json_object_to_json_string(json_object_array_get_idx(list, i)));
                (void) snprintf(after, sizeof(after), "%s", world_at(reply, "next"));
                (void) json_object_put(reply);
                if (!reply)
                        return false;
        }
        return true;
}

char *picture_new(World *w, const char *const *probes) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *to = open_memstream(&text, &size);
        bool there = true;

        if (!to)
                world_give_up("Out of memory");
        for (; there && *probes; probes++)
                there = draw_verdict(w, to, *probes);
        there = there && draw_list(w, to, "ListExceptions", "'all':true,", "exceptions") &&
                draw_list(w, to, "GetHistory", "", "entries");
        (void) fclose(to);
        return there ? TAKE_PTR(text) : NULL;
}

const char *picture_difference(const char *a, const char *b) {
        static char text[8192];
        size_t n;

        while (*a && *b) {
                size_t m = strcspn(b, "\n");

                n = strcspn(a, "\n");
                if (n != m || memcmp(a, b, n) != 0)
                        break;
                a += n + (a[n] == '\n');
                b += m + (b[m] == '\n');
        }
        (void) snprintf(text, sizeof(text), "\n    %.*s\n instead of\n    %.*s",
                        (int) strcspn(a, "\n"), a, (int) strcspn(b, "\n"), b);
        return text;
}
