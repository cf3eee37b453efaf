/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why the verdict is what it is, in a sentence with what the answer knows of it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/i18n.h"
#include "client/library.h"

/* {time} stands for when it was allowed, {name} for its file. */
static const struct {
        const char *cause;
        const char *own;
        const char *for_everybody; /* of the administrator's; NULL: the same */
} unconfirmed[] = {
        { "imported",
          N_("On {time} it was taken over from elsewhere that this certificate is allowed; please say "
             "whether that still holds."), NULL },
        { "store-damaged",
          N_("You allowed this certificate on {time}. The store was damaged since, and what you decided "
             "later may be lost; please say whether it still holds."),
          N_("The administrator allowed this certificate for everybody on {time}. The store was damaged "
             "since, and what was decided later may be lost; the administrator can confirm it, and you can "
             "allow it for yourself.") },
        { "other-user",
          N_("Whoever had this account on {time}, under another name, allowed this certificate; please "
             "decide for yourself."), NULL },
        { "incomplete",
          N_("The file {name} allows this certificate, but does not have the certificate itself, or does not "
             "say for which problems. Whoever writes the file can complete it, and you can allow it for "
             "yourself."), NULL },
};

static const char *text_of(const certexc_answer *answer) {
        const char *because = certexc_answer_because(answer);
        const char *cause = certexc_answer_unconfirmed_because(answer);
        const certexc_exception *e = certexc_answer_exception(answer);

        for (size_t i = 0; cause && e && i < N_ELEMENTS(unconfirmed); i++)
                if (strcmp(unconfirmed[i].cause, cause) == 0)
                        return unconfirmed[i].for_everybody && certexc_exception_owner(e) == CERTEXC_OWNER_SYSTEM
                                       ? _(unconfirmed[i].for_everybody)
                                       : _(unconfirmed[i].own);
        return certexc_because_sentence(because);
}

static void write_name(FILE *stream, const certexc_exception *e) {
        const char *file = certexc_exception_file(e);

        (void) fputs(file ? file : "?", stream);
}

int certexc_answer_reason(const certexc_answer *answer, char **ret) {
        const char *text = answer ? text_of(answer) : NULL;
        const certexc_exception *e = certexc_answer_exception(answer);
        _cleanup_free_ char *written = NULL;
        size_t size = 0;
        FILE *stream;

        if (!text || !ret)
                return text ? -EINVAL : -ENOENT;
        stream = open_memstream(&written, &size);
        if (!stream)
                return -ENOMEM;
        while (*text) {
                if (strncmp(text, "{time}", 6) == 0)
                        advice_write_time(stream, certexc_exception_created(e));
                else if (strncmp(text, "{name}", 6) == 0)
                        write_name(stream, e);
                else
                        (void) fputc(*text, stream);
                text += *text == '{' ? 6 : 1;
        }
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(written);
        return 0;
}
