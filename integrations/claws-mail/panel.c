/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Claws Mail's own dialog about a certificate, with what certexc knows written into it.
 *
 * The dialog belongs to the handler that comes after ours in the list. It is called by invoking the list
 * once more, with data of our own, by which our handler knows that it is to step aside. The dialog says
 * what Claws Mail found out; a person can agree to the rest only if it is shown as well. So the first
 * thing that runs in the dialog's loop puts a label above its buttons.
 */
#include "config.h"

#include <glib/gi18n-lib.h>
#include <gtk/gtk.h>

#include <common/hooks.h>

#include "panel.h"

typedef SSLCertificate Certificate;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Certificate, ssl_certificate_destroy)

typedef struct Panel {
        GList *before; /* windows that were there already */
        const char *words;
        bool over;
        bool shown;
} Panel;

static const SSLCertHookData *asking;

bool panel_is_asking(const SSLCertHookData *data) {
        return data == asking;
}

/* -- what is said ------------------------------------------------------------------------------ */

static void add_sentence(GString *text, const char *sentence) {
        if (sentence)
                g_string_append_printf(text, "%s%s", text->len > 0 ? "\n" : "", sentence);
}

/* Nothing in it comes out of a certificate. A problem that this library has no words for is named. */
static char *words_about(const certexc_answer *answer) {
        GString *text = g_string_new(NULL);
        const char *change = certexc_answer_change(answer);
        char *reason = NULL;

        if (certexc_answer_reason(answer, &reason) >= 0)
                add_sentence(text, reason);
        free(reason);
        if (change)
                add_sentence(text, certexc_change_sentence(change,
                                                           certexc_answer_change_was_due(answer)));
        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++) {
                const char *name = certexc_answer_problem(answer, i);
                const char *meaning = certexc_problem_meaning(name);

                g_string_append_printf(text, "\n\xe2\x80\xa2 %s", meaning ? meaning : name);
        }
        add_sentence(text, _("What you accept is kept by certexc for all your mail programs; \"certexc "
                             "list\" shows it and \"certexc revoke\" takes it back."));
        return g_string_free(text, FALSE);
}

static bool has_problem(const certexc_answer *answer, const char *name) {
        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++)
                if (strcmp(certexc_answer_problem(answer, i), name) == 0)
                        return true;
        return false;
}

static char *fingerprint(gnutls_x509_crt_t certificate) {
        unsigned char digest[16];
        size_t size = sizeof(digest);

        if (gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_MD5, digest, &size) < 0)
                return NULL;
        return readable_fingerprint(digest, (int) size);
}

/* The certificate that certexc knew there, as Claws Mail would have it from its own file; NULL if there
 * is none, or its bytes were not kept. */
static Certificate *certificate_before(const certexc_answer *answer, const Certificate *now) {
        const certexc_certificate *old = certexc_answer_change_old(answer);
        g_autoptr(Certificate) c = g_new0(Certificate, 1);
        uint8_t *der = NULL;
        size_t size = 0;
        int r;

        if (!old || certexc_get_certificate(daemon_client(), certexc_certificate_sha256(old), &der,
                                            &size) < 0)
                return NULL;
        r = gnutls_x509_crt_init(&c->x509_cert);
        if (r >= 0)
                r = gnutls_x509_crt_import(c->x509_cert,
                                           &(gnutls_datum_t){ der, (unsigned) size },
                                           GNUTLS_X509_FMT_DER);
        free(der);
        if (r < 0)
                return NULL;
        c->host = g_strdup(now->host);
        c->port = now->port;
        c->fingerprint = fingerprint(c->x509_cert);
        c->status = (guint) -1; /* Claws Mail's word for "not looked at" */
        return g_steal_pointer(&c);
}

/* -- where it is said -------------------------------------------------------------------------- */

static void find_buttons(GtkWidget *widget, gpointer userdata) {
        GtkWidget **found = userdata;

        if (GTK_IS_BUTTON_BOX(widget))
                *found = widget;
        else if (GTK_IS_CONTAINER(widget))
                gtk_container_forall(GTK_CONTAINER(widget), find_buttons, found);
}

/* The box that the dialog's rows are in; NULL if @window is no such dialog. */
static GtkBox *rows_of(GtkWindow *window) {
        GtkWidget *buttons = NULL, *rows;

        if (!gtk_window_get_modal(window))
                return NULL;
        find_buttons(GTK_WIDGET(window), &buttons);
        rows = buttons ? gtk_widget_get_parent(buttons) : NULL;
        return GTK_IS_BOX(rows) ? GTK_BOX(rows) : NULL;
}

static void add_label(GtkBox *rows, const char *words) {
        GtkWidget *label = gtk_label_new(words);

        gtk_label_set_xalign(GTK_LABEL(label), 0.0F);
        gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
        gtk_label_set_width_chars(GTK_LABEL(label), 60);
        gtk_label_set_max_width_chars(GTK_LABEL(label), 80);
        gtk_box_pack_start(rows, label, FALSE, FALSE, 0);
        gtk_widget_show(label);
}

static gboolean add_words(gpointer userdata) {
        GList *windows = gtk_window_list_toplevels();
        Panel *p = userdata;

        p->over = true;
        for (GList *w = windows; w && !p->shown; w = w->next) {
                GtkBox *rows = g_list_find(p->before, w->data) ? NULL : rows_of(w->data);

                if (rows) {
                        add_label(rows, p->words);
                        p->shown = true;
                }
        }
        g_list_free(windows);
        return G_SOURCE_REMOVE;
}

void panel_leave(SSLCertHookData *data) {
        const SSLCertHookData *outer = asking;

        asking = data;
        hooks_invoke(SSLCERT_ASK_HOOKLIST, data);
        asking = outer;
}

bool panel_ask(const SSLCertHookData *data, const certexc_answer *answer) {
        g_autoptr(Certificate) before = certificate_before(answer, data->cert);
        g_autofree char *words = words_about(answer);
        SSLCertHookData shown = {
                .cert = data->cert,
                .old_cert = before ? before : data->old_cert,
                .expired = has_problem(answer, "expired"),
        };
        Panel panel = { .before = gtk_window_list_toplevels(), .words = words };
        guint source = g_idle_add_full(G_PRIORITY_HIGH, add_words, &panel, NULL);

        panel_leave(&shown);
        if (!panel.over)
                g_source_remove(source);
        g_list_free(panel.before);
        return shown.accept && panel.shown;
}
