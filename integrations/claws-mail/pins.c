/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Claws Mail's own pins, handed to certexc and removed.
 *
 * A pin says that somebody accepted this certificate there, not what was wrong with it then. Where
 * certexc has a verdict, nothing is left to take over. Where it would ask, the pin becomes an exception
 * that waits to be confirmed: the person is asked once more. A pin is removed when certexc has what it
 * said, or has said why it will not (it was denied or taken back there), and not before.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>

#include <common/log.h>

#include "pins.h"
#include "subject.h"

#define PIN_SUFFIX ".cert"

/* "AA:BB: ...": a part of the name where Claws Mail keeps several certificates for one server. */
#define FINGERPRINT_CHARS 47U

/* Claws Mail writes 10 KiB at most. */
#define PIN_BYTES_MAX (64 * 1024)

/* Pins that are looked at in one go; the others follow at the next. */
#define PINS_MAX 500U

/* Until the daemon is looked for again. */
#define RETRY_SECONDS 60U

typedef struct Pin {
        char *path;
        char *host;
        uint16_t port;
} Pin;

/* What is to be taken over, as "certexc export" would print it. */
typedef struct Transfer {
        GString *decisions;
        GString *certificates;
        GPtrArray *paths;
} Transfer;

static guint retry_source, soon_source;

static Pin *pin_free(Pin *pin) {
        if (pin) {
                g_free(pin->path);
                g_free(pin->host);
                g_free(pin);
        }
        return NULL;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pin, pin_free)

/* -- files ------------------------------------------------------------------------------------- */

/* HOST.PORT.cert or HOST.PORT.FINGERPRINT.cert; NULL for any other name. */
static Pin *pin_by_name(const char *folder, const char *name) {
        g_autofree char *host = NULL;
        guint64 port;
        char *dot;

        if (!g_str_has_suffix(name, PIN_SUFFIX))
                return NULL;
        host = g_strndup(name, strlen(name) - strlen(PIN_SUFFIX));
        dot = strrchr(host, '.');
        if (dot && strlen(dot + 1) == FINGERPRINT_CHARS && strchr(dot, ':')) {
                *dot = '\0';
                dot = strrchr(host, '.');
        }
        if (!dot || !g_ascii_string_to_unsigned(dot + 1, 10, 1, UINT16_MAX, &port, NULL))
                return NULL;
        *dot = '\0';

        Pin *pin = g_new0(Pin, 1);

        pin->path = g_build_filename(folder, name, NULL);
        pin->host = g_steal_pointer(&host);
        pin->port = (uint16_t) port;
        return pin;
}

/* NULL if the file holds no certificate: then it is no pin for Claws Mail either. */
static gnutls_x509_crt_t pin_certificate(const Pin *pin) {
        g_autofree char *der = NULL;
        gnutls_x509_crt_t certificate = NULL;
        gsize size = 0;
        GStatBuf st;

        if (g_lstat(pin->path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PIN_BYTES_MAX ||
            !g_file_get_contents(pin->path, &der, &size, NULL) ||
            gnutls_x509_crt_init(&certificate) < 0)
                return NULL;
        if (gnutls_x509_crt_import(certificate,
                                   &(gnutls_datum_t){ (unsigned char *) der, (unsigned) size },
                                   GNUTLS_X509_FMT_DER) >= 0)
                return certificate;
        gnutls_x509_crt_deinit(certificate);
        return NULL;
}

static void pin_remove(const char *path) {
        if (g_unlink(path) < 0)
                log_warning(LOG_PROTOCOL, _("certexc: %s cannot be removed: %s\n"), path,
                            g_strerror(errno));
}

/* -- handing over ------------------------------------------------------------------------------ */

static void add_text(GString *list, const char *text) {
        g_string_append_printf(list, "%s%s", list->len > 0 ? ",\n" : "", text);
}

/* Host and digest are the daemon's own words for them, and have no character that JSON escapes. */
static void transfer_add(Transfer *t, const Pin *pin, gnutls_x509_crt_t certificate,
                         const certexc_answer *answer) {
        const char *sha256 = certexc_certificate_sha256(certexc_answer_leaf(answer));
        g_autofree char *decision = NULL, *bytes = NULL, *der64 = NULL;
        gnutls_datum_t der = { NULL, 0 };

        if (!sha256 || gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der) < 0)
                return;
        der64 = g_base64_encode(der.data, der.size);
        gnutls_free(der.data);
        decision = g_strdup_printf("{\"host\":\"%s\",\"port\":%u,\"action\":\"allow\",\"state\":"
                                   "\"unconfirmed\",\"pin\":\"certificate\",\"problems\":[],"
                                   "\"certificate\":\"%s\"}",
                                   certexc_answer_host(answer), pin->port, sha256);
        bytes = g_strdup_printf("{\"sha256\":\"%s\",\"der\":\"%s\"}", sha256, der64);
        add_text(t->decisions, decision);
        if (!strstr(t->certificates->str, sha256))
                add_text(t->certificates, bytes);
        g_ptr_array_add(t->paths, g_strdup(pin->path));
}

/* 0, or why not: the pins stay then. What was taken back in certexc before is not revived by a pin. */
static int transfer_send(const Transfer *t) {
        g_autofree char *text =
                g_strdup_printf("{\"format\":\"certexc-export\",\"version\":1,\"decisions\":[\n%s\n],"
                                "\"certificates\":[\n%s\n]}\n",
                                t->decisions->str, t->certificates->str);
        g_autoptr(certexc_import) import = NULL;
        int r;

        if (t->paths->len == 0)
                return 0;
        r = certexc_import_decisions(daemon_client(), text, strlen(text), CERTEXC_SKIP, &import);
        if (r < 0)
                return r;
        for (guint i = 0; i < t->paths->len; i++)
                pin_remove(g_ptr_array_index(t->paths, i));
        log_message(LOG_PROTOCOL,
                    g_dngettext(GETTEXT_PACKAGE,
                             "certexc: %u certificate that was accepted in Claws Mail was taken over; "
                             "you are asked about it once more.\n",
                             "certexc: %u certificates that were accepted in Claws Mail were taken "
                             "over; you are asked about each once more.\n",
                             t->paths->len),
                    t->paths->len);
        return 0;
}

/* The daemon itself will not say: the others may be better off. */
static int cannot_settle(const Pin *pin) {
        log_warning(LOG_PROTOCOL, _("certexc: %s stays in force: %s\n"), pin->path,
                    certexc_client_error(daemon_client()));
        return 0;
}

static int settle_pin(const Pin *pin, gnutls_x509_crt_t certificate, Transfer *t) {
        g_autoptr(certexc_question) question = NULL;
        g_autoptr(certexc_answer) answer = NULL;
        int r;

        /* A host that is none is one that nobody connects to. */
        r = subject_question(certificate, pin->host, pin->port, &question);
        if (r < 0)
                return 0;
        r = certexc_verify(daemon_client(), question, &answer);
        if (r < 0)
                return r == -EBUSY || daemon_is_away(r) ? r : cannot_settle(pin);
        if (certexc_answer_verdict(answer) == CERTEXC_PROMPT)
                transfer_add(t, pin, certificate, answer);
        else
                pin_remove(pin->path);
        return 0;
}

static int settle_each(GDir *dir, const char *folder, Transfer *t) {
        const char *name;
        unsigned n = 0;
        int r = 0;

        while (r >= 0 && n < PINS_MAX && (name = g_dir_read_name(dir))) {
                g_autoptr(Pin) pin = pin_by_name(folder, name);
                gnutls_x509_crt_t certificate = pin ? pin_certificate(pin) : NULL;

                if (!certificate)
                        continue;
                r = settle_pin(pin, certificate, t);
                gnutls_x509_crt_deinit(certificate);
                n++;
        }
        if (n == PINS_MAX)
                pins_settle_later();
        return r;
}

static int settle(void) {
        g_autofree char *folder = subject_folder();
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        Transfer t;
        int r;

        if (!dir)
                return 0;
        t = (Transfer){ g_string_new(NULL), g_string_new(NULL),
                        g_ptr_array_new_with_free_func(g_free) };
        r = settle_each(dir, folder, &t);
        if (r >= 0)
                r = transfer_send(&t);
        g_string_free(t.decisions, TRUE);
        g_string_free(t.certificates, TRUE);
        g_ptr_array_unref(t.paths);
        return r;
}

/* -- when -------------------------------------------------------------------------------------- */

static gboolean retry(gpointer userdata) {
        retry_source = 0;
        pins_settle();
        return G_SOURCE_REMOVE;
}

static gboolean soon(gpointer userdata) {
        soon_source = 0;
        pins_settle();
        return G_SOURCE_REMOVE;
}

void pins_settle(void) {
        if (settle() >= 0)
                return;
        log_warning(LOG_PROTOCOL,
                    _("certexc: what Claws Mail has accepted before stays in force: %s\n"),
                    certexc_client_error(daemon_client()));
        pins_settle_later();
}

void pins_settle_later(void) {
        if (retry_source == 0)
                retry_source = g_timeout_add_seconds(RETRY_SECONDS, retry, NULL);
}

void pins_settle_soon(void) {
        if (soon_source == 0)
                soon_source = g_idle_add_full(G_PRIORITY_HIGH, soon, NULL, NULL);
}

void pins_forget(void) {
        if (retry_source != 0)
                g_source_remove(retry_source);
        if (soon_source != 0)
                g_source_remove(soon_source);
        retry_source = soon_source = 0;
}
