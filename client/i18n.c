/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The catalogue. A library must not change what textdomain() is set to, so each text is looked up
 * in our own domain; where its files are is told once.
 */
#include "config.h"

#include <libintl.h>
#include <pthread.h>
#include <stdlib.h>

#include "client/i18n.h"

#define DOMAIN "certexc"

static void bind_domain(void) {
        const char *directory = LOCALEDIR;

#ifdef CERTEXC_TESTING
        /* So that tests see the catalogues of a build that is not installed. */
        if (secure_getenv("CERTEXC_LOCALEDIR"))
                directory = secure_getenv("CERTEXC_LOCALEDIR");
#endif
        (void) bindtextdomain(DOMAIN, directory);
        (void) bind_textdomain_codeset(DOMAIN, "UTF-8");
}

static void bind_once(void) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void) pthread_once(&once, bind_domain);
}

const char *i18n_text(const char *text) {
        bind_once();
        /* The empty text is the catalogue's own header. */
        return *text ? dgettext(DOMAIN, text) : text;
}

const char *i18n_plural(const char *one, const char *many, unsigned long n) {
        bind_once();
        return dngettext(DOMAIN, one, many, n);
}
