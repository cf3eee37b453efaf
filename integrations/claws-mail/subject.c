/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates of Claws Mail as questions. */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>
#include <glib/gstdio.h>

#include <common/utils.h>

#include "subject.h"

/* Bytes of a chain's file, of which Claws Mail writes 10 KiB for each certificate at most. */
#define CHAIN_BYTES_MAX (256 * 1024)

/* Certificates of issuers that go along; a way to an authority has two or three. */
#define ISSUERS_MAX 8U

char *subject_folder(void) {
        return g_build_filename(get_rc_dir(), "certs", NULL);
}

static int add(certexc_question *question, gnutls_x509_crt_t certificate) {
        gnutls_datum_t der = { NULL, 0 };
        int r;

        if (gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der) < 0)
                return -EINVAL;
        r = certexc_question_add_certificate(question, der.data, der.size);
        gnutls_free(der.data);
        return r;
}

/* The file of Claws Mail with the certificates that the server sent. */
static char *chain_path(const char *host, uint16_t port) {
        g_autofree char *folder = subject_folder();
        g_autofree char *name = g_strdup_printf("%s.%u.cert.chain", host, port);

        subst_for_filename(name);
        return g_build_filename(folder, name, NULL);
}

/* Adds all but the first. They prove nothing and are not believed: the daemon finds a way from the
 * server's certificate to an authority among them, or does not. */
static void add_issuers(certexc_question *question, const gnutls_datum_t *pem) {
        gnutls_x509_crt_t *list = NULL;
        unsigned n = 0;

        if (gnutls_x509_crt_list_import2(&list, &n, pem, GNUTLS_X509_FMT_PEM, 0) < 0)
                return;
        for (unsigned i = 0; i < n; i++) {
                if (i > 0 && i <= ISSUERS_MAX)
                        (void) add(question, list[i]);
                gnutls_x509_crt_deinit(list[i]);
        }
        gnutls_free(list);
}

static void add_known_issuers(certexc_question *question, const char *host, uint16_t port) {
        g_autofree char *path = chain_path(host, port), *text = NULL;
        gsize size = 0;
        GStatBuf st;

        if (g_stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= CHAIN_BYTES_MAX &&
            g_file_get_contents(path, &text, &size, NULL))
                add_issuers(question,
                            &(gnutls_datum_t){ (unsigned char *) text, (unsigned) size });
}

int subject_question(gnutls_x509_crt_t certificate, const char *host, uint16_t port,
                     certexc_question **ret) {
        g_autoptr(certexc_question) question = NULL;
        int r;

        r = certexc_question_new(host, port, &question);
        if (r < 0)
                return r;
        r = add(question, certificate);
        if (r < 0)
                return r;
        add_known_issuers(question, host, port);
        *ret = g_steal_pointer(&question);
        return 0;
}
