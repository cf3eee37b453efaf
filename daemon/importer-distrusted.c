/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system's store distrusts, as p11-kit's trust modules tell it. GnuTLS gives an authority out
 * that is also on their block list, and only refuses it when it verifies a chain; our own validation
 * must know it. Where there is no such module, as where the store is a file of PEM, nothing is told.
 */
#include "config.h"

#include <gnutls/gnutls.h>
#include <gnutls/pkcs11.h>
#include <stdio.h>

#include "daemon/importer-private.h"
#include "daemon/path.h"

#define DISTRUSTED                                                                                 \
        (GNUTLS_PKCS11_OBJ_FLAG_PRESENT_IN_TRUSTED_MODULE | GNUTLS_PKCS11_OBJ_FLAG_CRT |           \
         GNUTLS_PKCS11_OBJ_FLAG_MARK_DISTRUSTED)

typedef struct Objects {
        gnutls_pkcs11_obj_t *items;
        unsigned n;
} Objects;

static void objects_done(Objects *objects) {
        for (unsigned i = 0; i < objects->n; i++)
                gnutls_pkcs11_obj_deinit(objects->items[i]);
        gnutls_free(objects->items);
}

static void datum_freep(gnutls_datum_t *datum) {
        gnutls_free(datum->data);
}

/* It alone, and no other of its key: another authority may have signed the same name and key. */
static int block(Import *import, Blob der) {
        uint8_t key[SHA256_SIZE];
        int r;

        r = path_subject_key(der, key);
        if (r == -EBADMSG) {
                import->report.n_distrusted_unread++;
                return 0;
        }
        return r < 0 ? r : authorities_builder_add(import->blocked, der, key);
}

/* Some are known by issuer and serial number alone, without a certificate. GnuTLS does not give out these two;
 * and if they left a doubt, a store that has always had such an entry would leave it for ever. */
static int block_object(Import *import, gnutls_pkcs11_obj_t object) {
        _cleanup_(datum_freep) gnutls_datum_t der = {};

        if (gnutls_pkcs11_obj_export2(object, &der) < 0 || der.size == 0) {
                import->report.n_distrusted_unread++;
                return 0;
        }
        return block(import, (Blob){ der.data, der.size });
}

static void note(Import *import, int error) {
        (void) snprintf(import->report.distrusted_reason, sizeof(import->report.distrusted_reason),
                        "%s", gnutls_strerror(error));
}

int import_distrusted(Import *import) {
        _cleanup_(objects_done) Objects objects = {};
        int r;

        /* Of what p11-kit knows only modules that are there for this: no smart card is asked. */
        r = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_AUTO_TRUSTED, NULL);
        if (r >= 0)
                r = gnutls_pkcs11_obj_list_import_url4(&objects.items, &objects.n, "pkcs11:",
                                                       DISTRUSTED);
        if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || r == GNUTLS_E_UNIMPLEMENTED_FEATURE)
                return 0;
        if (r < 0) {
                note(import, r);
                return 0;
        }
        r = 0;
        for (unsigned i = 0; i < objects.n && r == 0; i++)
                r = block_object(import, objects.items[i]);
        return r;
}
