/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/path.h"
#include "tests/block.h"

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "block: cannot %s: %s\n", what, strerror(-r));
        abort();
}

int block_fd(const Blob *certificates, size_t n) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        int fd = -1;

        must(authorities_builder_new(&b), "begin");
        for (size_t i = 0; i < n; i++) {
                uint8_t key[SHA256_SIZE];

                if (path_subject_key(certificates[i], key) < 0)
                        continue;
                must(authorities_builder_add(b, certificates[i], key), "add an authority");
        }
        must(authorities_builder_seal(b, &fd), "seal");
        return fd;
}

Authorities *block_new(const Blob *certificates, size_t n) {
        _cleanup_fd_ int fd = block_fd(certificates, n);
        Authorities *a = NULL;

        must(authorities_open(fd, &a), "open");
        return a;
}
