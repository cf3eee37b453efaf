/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/path.h"
#include "tests/block.h"

#ifdef CERTEXC_SANITIZERS
/* GnuTLS 3.7 loses some bytes of name constraints that it refuses. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
        return "leak:libgnutls.so\n";
}
#endif

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "block: cannot %s: %s\n", what, strerror(-r));
        abort();
}

static void add_certificates(AuthoritiesBuilder *b, const Blob *certificates, size_t n, bool keys) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_(certificate_freep) Certificate *c = NULL;

                if (certificate_new(certificates[i], CERTIFICATE_AUTHORITY, -1, &c) < 0)
                        continue;
                must(authorities_builder_add(b, c->der, c->subject_key), "add a certificate");
                if (keys)
                        must(authorities_builder_add(b, c->key, c->key_sha256), "add a key");
        }
}

/* The block's memfd; with @keys each certificate's key is in it as well. */
static int seal(const Blob *certificates, size_t n, bool keys) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        int fd = -1;

        must(authorities_builder_new(&b), "begin");
        add_certificates(b, certificates, n, keys);
        must(authorities_builder_seal(b, &fd), "seal");
        return fd;
}

static Authorities *open_block(int fd) {
        Authorities *a = NULL;

        must(authorities_open(fd, &a), "open");
        return a;
}

int block_fd(const Blob *certificates, size_t n) {
        return seal(certificates, n, false);
}

Authorities *block_new(const Blob *certificates, size_t n) {
        _cleanup_fd_ int fd = seal(certificates, n, false);

        return open_block(fd);
}

Authorities *block_list_new(const Blob *certificates, size_t n) {
        _cleanup_fd_ int fd = seal(certificates, n, true);

        return open_block(fd);
}

Authorities *block_with_lists(const Blob *certificates, size_t n, const Blob *lists,
                              size_t n_lists) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        _cleanup_(lists_builder_freep) ListsBuilder *l = NULL;
        _cleanup_fd_ int fd = -1;
        const char *fault;

        must(authorities_builder_new(&b), "begin");
        must(lists_builder_new(&l), "begin");
        add_certificates(b, certificates, n, false);
        for (size_t i = 0; i < n_lists; i++) {
                int r = lists_builder_add(l, lists[i], "test", false, &fault);

                if (r != -EBADMSG)
                        must(r, "add a list");
        }
        authorities_builder_attach_lists(b, l);
        must(authorities_builder_seal(b, &fd), "seal");
        return open_block(fd);
}
