/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Doubt, and the words for it: those of the warnings that status has. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/doubt.h"
#include "daemon/manager.h"
#include "daemon/rules.h"
#include "daemon/trust.h"

bool doubt_is(const Manager *m) {
        return m->conf.doubtful || trust_is_doubtful(m->trust) || rules_is_doubtful(m->rules);
}

static void say(FILE *out, bool *begun, const char *sentence) {
        if (!sentence)
                return;
        (void) fprintf(out, "%s%s", *begun ? " " : "", sentence);
        *begun = true;
}

static void say_conf(FILE *out, bool *begun, const Manager *m) {
        say(out, begun, m->conf.doubt ? m->conf.doubt : "The configuration is not understood");
        (void) fputs(". Something may be meant to be refused there. Until that is mended and the daemon is reloaded "
                     "nothing is accepted by exception.", out);
}

static void say_store(FILE *out, bool *begun, const Manager *m) {
        (void) fprintf(out,
                       "%sThe store in %s is not as it was written, and a denial may be missing. Until it is "
                       "rebuilt nothing is accepted by exception. That happens by itself once it can be "
                       "written to; \"certexc doctor\" tells more.",
                       *begun ? " " : "", m->options.state_directory);
        *begun = true;
}

char *doubt_text(const Manager *m, bool of_store) {
        bool begun = false;
        char *text = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&text, &size);
        if (!out)
                return NULL;
        if (m->conf.doubtful)
                say_conf(out, &begun, m);
        for (unsigned i = 0; i < _TRUST_DOUBT_MAX; i++)
                say(out, &begun, trust_doubt(m->trust, (TrustDoubt) i));
        for (size_t i = 0; i < rules_n_doubts(m->rules); i++)
                say(out, &begun, rules_warning(m->rules, i));
        if (of_store)
                say_store(out, &begun, m);
        /* Its words were lost for want of memory. */
        if (!begun)
                say(out, &begun, "Something that refuses may not be known to the daemon. Reload it.");
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
