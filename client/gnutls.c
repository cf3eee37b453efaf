/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GnuTLS: the verdict as a verify function. What belongs to a session is kept in it as the private
 * data of an extension that is never sent: GnuTLS frees that with the session, no table of
 * sessions is needed, and the pointer of gnutls_session_set_ptr() stays the application's.
 */
#include "config.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "client/i18n.h"
#include "client/library.h"

/* From the range for private use; only a slot in the session, never on the wire. */
#define SLOT 0xfec1U
#define SLOT_NAME "certexc"

typedef struct Attachment {
        certexc_client *client;
        Endpoint endpoint;
        bool starttls;
        unsigned ask_seconds; /* 0: Verify, which asks nobody */
        certexc_answer *answer;
} Attachment;

static void attachment_free(gnutls_ext_priv_data_t data) {
        Attachment *a = data;

        a->answer = certexc_answer_free(a->answer);
        free(a);
}

/* false if nobody has the slot in this session, or another library does. */
static bool is_our_slot(gnutls_session_t session) {
        const char *name = gnutls_ext_get_name2(session, SLOT, GNUTLS_EXT_ANY);

        return name && strcmp(name, SLOT_NAME) == 0;
}

static Attachment *attachment_of(gnutls_session_t session) {
        gnutls_ext_priv_data_t data = NULL;

        if (!session || !is_our_slot(session))
                return NULL;
        return gnutls_ext_get_data(session, SLOT, &data) == 0 ? data : NULL;
}

int certexc_gnutls_set_endpoint(gnutls_session_t session, certexc_client *client, const char *host,
                                uint16_t port) {
        Endpoint endpoint;
        Attachment *a;
        const char *reason;
        int r;

        if (!session || !client || !host)
                return client_misuse(client);
        r = endpoint_set(host, strlen(host), port, &endpoint, &reason);
        if (r == -EINVAL)
                return trouble_set(client_trouble(client), r, "This is no host: %s.", _(reason));
        if (r < 0)
                return client_no_memory(client);

        r = gnutls_session_ext_register(session, SLOT_NAME, SLOT, GNUTLS_EXT_TLS, NULL, NULL,
                                        attachment_free, NULL, NULL, 0);
        if (!is_our_slot(session))
                return trouble_set(client_trouble(client), -EBUSY,
                                   "GnuTLS did not take the endpoint for this session: %s.",
                                   gnutls_strerror(r));

        a = calloc(1, sizeof(*a));
        if (!a)
                return client_no_memory(client);
        a->client = client;
        a->endpoint = endpoint;
        /* Frees the one before, if there was one. */
        gnutls_ext_set_data(session, SLOT, a);
        return 0;
}

int certexc_gnutls_set_starttls(gnutls_session_t session, bool starttls) {
        Attachment *a = attachment_of(session);

        if (!a)
                return -EINVAL;
        a->starttls = starttls;
        return 0;
}

int certexc_gnutls_set_ask(gnutls_session_t session, unsigned seconds) {
        Attachment *a = attachment_of(session);

        if (!a || seconds > CERTEXC_ASK_MAX)
                return -EINVAL;
        a->ask_seconds = seconds;
        return 0;
}

static int question_from_session(gnutls_session_t session, const Attachment *a,
                                 certexc_question **ret) {
        _cleanup_(certexc_question_freep) certexc_question *q = NULL;
        const gnutls_datum_t *chain;
        gnutls_datum_t staple = { 0 };
        unsigned n = 0;
        int r;

        r = certexc_question_new(a->endpoint.host, a->endpoint.port, &q);
        if (r < 0)
                return r;
        chain = gnutls_certificate_type_get2(session, GNUTLS_CTYPE_SERVER) == GNUTLS_CRT_X509
                        ? gnutls_certificate_get_peers(session, &n)
                        : NULL;
        if (!chain || n == 0)
                return -ENODATA;
        for (unsigned i = 0; i < n; i++) {
                r = certexc_question_add_certificate(q, chain[i].data, chain[i].size);
                if (r < 0)
                        return r;
        }
        if (gnutls_ocsp_status_request_get(session, &staple) >= 0 && staple.size > 0) {
                r = certexc_question_set_staple(q, staple.data, staple.size);
                if (r < 0)
                        return r;
        }
        (void) certexc_question_set_starttls(q, a->starttls);
        *ret = TAKE_PTR(q);
        return 0;
}

static int ask(gnutls_session_t session, Attachment *a) {
        _cleanup_(certexc_question_freep) certexc_question *q = NULL;
        int r;

        r = question_from_session(session, a, &q);
        if (r == -ENODATA)
                return trouble_set(client_trouble(a->client), r,
                                   "The server showed no X.509 certificate.");
        if (r < 0)
                return client_no_memory(a->client);
        if (a->ask_seconds > 0)
                return certexc_ask(a->client, q, a->ask_seconds, &a->answer);
        return certexc_verify(a->client, q, &a->answer);
}

int certexc_gnutls_verify(gnutls_session_t session) {
        Attachment *a = attachment_of(session);

        if (!a)
                return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
        a->answer = certexc_answer_free(a->answer);
        if (ask(session, a) < 0)
                return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
        return certexc_answer_verdict(a->answer) == CERTEXC_ACCEPT
                       ? 0
                       : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

int certexc_gnutls_reverify(gnutls_session_t session) {
        return certexc_gnutls_verify(session);
}

const certexc_answer *certexc_gnutls_get_answer(gnutls_session_t session) {
        const Attachment *a = attachment_of(session);

        return a ? a->answer : NULL;
}
