/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The importer: a process that reads the authorities, puts them into a sealed block, sends it and
 * ends. What it reads is the administrator's; it is a process of its own so that the daemon parses
 * no DER, does not wait for the file system, and does not keep the memory that the reading takes.
 */
#include "config.h"

#include "daemon/importer-private.h"

#include <dirent.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon/certificate.h"
#include "daemon/limits.h"
#include "daemon/path.h"
#include "daemon/trust.h"
#include "daemon/worker.h"

/* PEM is a third larger than DER, and some files have each certificate in words as well. */
#define TRUST_FILE_BYTES_MAX (8U * AUTHORITIES_BYTES_MAX)

/* Under which an entry of the block list tells what was read of the file. */
static int source_key(const char *name, uint8_t ret[static SHA256_SIZE]) {
        return sha256(name, strlen(name), ret);
}

/* How it begins; certificates and keys begin with that of a sequence. */
#define SOURCE_TAG 0x01
#define LOST_TAG 0x02 /* of the file named, nobody knows all that it had */

/* The file's name and the certificate once more, so that the next importer knows what was blocked by
 * a file that is broken then; or the name alone. */
static int note_file(Import *import, uint8_t tag, const char *name, Blob der) {
        size_t n = strlen(name) + 1;
        _cleanup_free_ uint8_t *entry = malloc(1 + n + der.size);
        uint8_t key[SHA256_SIZE];
        int r;

        if (!entry)
                return -ENOMEM;
        entry[0] = tag;
        memcpy(entry + 1, name, n);
        if (der.size > 0)
                memcpy(entry + 1 + n, der.data, der.size);
        r = source_key(name, key);
        return r < 0 ? r
                     : authorities_builder_add(import->blocked, (Blob){ entry, 1 + n + der.size },
                                               key);
}

/* Such an entry taken apart; false for any other. */
static bool read_file_note(Blob entry, uint8_t *ret_tag, char ret_name[static IMPORT_NAME_SIZE],
                           Blob *ret_der) {
        const uint8_t *end = entry.size > 1 ? memchr(entry.data + 1, '\0', entry.size - 1) : NULL;
        size_t n = end ? (size_t) (end - entry.data) : 0;

        if (!end || (entry.data[0] != SOURCE_TAG && entry.data[0] != LOST_TAG) ||
            n > IMPORT_NAME_SIZE)
                return false;
        *ret_tag = entry.data[0];
        memcpy(ret_name, entry.data + 1, n);
        *ret_der = (Blob){ end + 1, entry.size - n - 1 };
        return true;
}

/* By its subject, to be seen as an issuer that nobody sends, and by its key, to be known again in
 * any other certificate. */
static int block_certificate(Import *import, Blob der) {
        _cleanup_(certificate_freep) Certificate *c = NULL;
        int r;

        r = certificate_new(der, CERTIFICATE_BLOCKED, -1, &c);
        if (r == -EBADMSG) {
                import->report.n_unreadable++;
                return 0;
        }
        if (r == 0)
                r = authorities_builder_add(import->blocked, c->der, c->subject_key);
        if (r == 0)
                r = authorities_builder_add(import->blocked, c->key, c->key_sha256);
        if (r == 0)
                r = note_file(import, SOURCE_TAG, import->source, der);
        import->n_read++;
        return r;
}

/* One certificate that cannot be read does not cost the others. */
static int import_certificate(Import *import, Blob der) {
        uint8_t key[SHA256_SIZE];
        int r;

        if (import->is_blocking)
                return block_certificate(import, der);
        r = path_subject_key(der, key);
        if (r == -EBADMSG) {
                import->report.n_unreadable++;
                return 0;
        }
        return r < 0 ? r : authorities_builder_add(import->builder, der, key);
}

/* -- the system's store --------------------------------------------------------------------- */

static void trust_list_freep(gnutls_x509_trust_list_t *list) {
        if (*list)
                gnutls_x509_trust_list_deinit(*list, 1);
}

static void datum_freep(gnutls_datum_t *datum) {
        gnutls_free(datum->data);
}

static int import_crt(Import *import, gnutls_x509_crt_t crt) {
        _cleanup_(datum_freep) gnutls_datum_t der = {};

        if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) < 0) {
                import->report.n_unreadable++;
                return 0;
        }
        return import_certificate(import, (Blob) { .data = der.data, .size = der.size });
}

static void trust_iterator_freep(gnutls_x509_trust_list_iter_t *iterator) {
        if (*iterator)
                gnutls_x509_trust_list_iter_deinit(*iterator);
}

static int import_system(Import *import) {
        _cleanup_(trust_list_freep) gnutls_x509_trust_list_t list = NULL;
        _cleanup_(trust_iterator_freep) gnutls_x509_trust_list_iter_t iterator = NULL;
        gnutls_x509_crt_t crt;
        int r;

        if (gnutls_x509_trust_list_init(&list, 0) < 0)
                return -ENOMEM;
        r = gnutls_x509_trust_list_add_system_trust(list, 0, 0);
        if (r < 0)
                return r == GNUTLS_E_UNIMPLEMENTED_FEATURE ? -EOPNOTSUPP : -EIO;

        while (gnutls_x509_trust_list_iter_get_ca(list, &iterator, &crt) == 0) {
                r = import_crt(import, crt);
                gnutls_x509_crt_deinit(crt);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* -- a file --------------------------------------------------------------------------------- */

/* The @size bytes of a regular file. It may shrink meanwhile; what it grows by is not seen. */
static int read_file(int fd, uint8_t *data, size_t size, size_t *ret_size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, data + done, size - done);

                if (n == 0)
                        break;
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        done += (size_t) n;
        }
        *ret_size = done;
        return 0;
}

int import_load(int folder, const char *path, size_t max, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_fd_ int fd = -1;
        struct stat st;
        int r;

        /* Not to hang on a FIFO. */
        fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if (st.st_size > (off_t) max)
                return -EFBIG;

        data = malloc((size_t) st.st_size + 1);
        if (!data)
                return -ENOMEM;
        r = read_file(fd, data, (size_t) st.st_size, ret_size);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(data);
        return 0;
}

static int import_pem(Import *import, const uint8_t *text, size_t size) {
        const gnutls_datum_t pem = { .data = (unsigned char *) text, .size = (unsigned) size };
        _cleanup_(datum_freep) gnutls_datum_t der = {};

        if (gnutls_pem_base64_decode2("CERTIFICATE", &pem, &der) < 0) {
                import->report.n_unreadable++;
                return 0;
        }
        return import_certificate(import, (Blob) { .data = der.data, .size = der.size });
}

/* Each block by itself, because one that is damaged makes GnuTLS refuse a whole list. */
static int import_text(Import *import, const uint8_t *data, size_t size) {
        static const char begin[] = "-----BEGIN CERTIFICATE-----";
        static const char end[] = "-----END CERTIFICATE-----";
        const uint8_t *p;
        int r;

        for (p = data; (p = memmem(p, size - (size_t) (p - data), begin, strlen(begin)));) {
                size_t left = size - (size_t) (p - data);
                const uint8_t *q = memmem(p, left, end, strlen(end));
                size_t length = q ? (size_t) (q - p) + strlen(end) : left;

                r = import_pem(import, p, length);
                if (r < 0)
                        return r;
                p += length;
        }
        return 0;
}

static int import_file(Import *import, const char *path) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = import_load(AT_FDCWD, path, TRUST_FILE_BYTES_MAX, &data, &size);
        return r < 0 ? r : import_text(import, data, size);
}

/* -- the block list ------------------------------------------------------------------------- */

static bool is_pem_name(const char *name) {
        size_t n = strlen(name);

        return name[0] != '.' && n > 4 && strcmp(name + n - 4, ".pem") == 0;
}

/*
 * What the last reading had of the file; name "": of all. 1 if that was all that there is to know,
 * 0 if there was nothing, or not all, -errno.
 */
static int keep_last(Import *import, const Authorities *last, const char *name) {
        bool some = false, lost = false;
        uint8_t tag;
        Blob der;
        int r = 0;

        for (size_t i = 0; last && r == 0 && i < authorities_count(last); i++) {
                if (!read_file_note(authorities_at(last, i), &tag, import->source, &der) ||
                    (name[0] && strcmp(import->source, name) != 0))
                        continue;
                some = true;
                lost |= tag == LOST_TAG;
                if (tag == SOURCE_TAG)
                        r = block_certificate(import, der);
        }
        return r < 0 ? r : some && !lost;
}

/* Broken is what is told, and what stays so until it is read whole. */
static int note_broken(Import *import, const char *name, bool kept) {
        int r;

        import->report.n_broken++;
        import->report.n_lost += !kept;
        (void) snprintf(import->report.broken, sizeof(import->report.broken), "%s", name);
        r = kept ? 0 : note_file(import, LOST_TAG, name, (Blob){});
        return r == -E2BIG ? 0 : r;
}

/* A file that is broken costs none of the others, nor the authorities; what was read of it before
 * stays blocked. */
static int import_block_file(Import *import, int folder, const char *name,
                             const Authorities *last) {
        uint32_t n_read = import->n_read, n_unreadable = import->report.n_unreadable;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        bool broken;
        int r;

        (void) snprintf(import->source, sizeof(import->source), "%s", name);
        r = import_load(folder, name, TRUST_FILE_BYTES_MAX, &data, &size);
        if (r == 0)
                r = import_text(import, data, size);
        if (r == -ENOMEM || (data && r == -EIO))
                return r;
        broken = r < 0 || import->n_read == n_read || import->report.n_unreadable > n_unreadable;
        r = broken ? keep_last(import, last, name) : 0;
        if (r >= 0 && broken)
                r = note_broken(import, name, r > 0);
        import->report.n_unreadable = n_unreadable;
        return r;
}

/* The folder is there and cannot be read: all that was blocked by it stays so. */
static int keep_all(Import *import, const Authorities *last) {
        int r = keep_last(import, last, "");

        return r < 0 ? r : note_broken(import, "", r > 0);
}

static void closedirp(DIR **folder) {
        if (*folder)
                (void) closedir(*folder);
}

/* Takes @fd over, which is -1 where there is no such folder. @last: the last good reading's. */
static int import_block_list(Import *import, int fd, const Authorities *last) {
        _cleanup_(closedirp) DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;
        int r = 0;

        if (fd == -1)
                return 0;
        import->is_blocking = true;
        if (!folder)
                r = keep_all(import, last);
        while (r == 0 && folder && (errno = 0, entry = readdir(folder)))
                if (is_pem_name(entry->d_name))
                        r = import_block_file(import, dirfd(folder), entry->d_name, last);
        if (r == 0 && folder && errno != 0)
                r = keep_all(import, last);
        import->is_blocking = false;
        return r;
}

/* -- the whole life ------------------------------------------------------------------------- */

static int import_all(Import *import, const char *trust_file, int *ret_fd) {
        _cleanup_(authorities_freep) Authorities *last = NULL;
        int fds[_IMPORT_FD_MAX], r;

        r = import_order_receive(WORKER_SOCKET_FD, fds);
        if (r < 0)
                return r;
        r = authorities_builder_new(&import->builder);
        if (r < 0)
                return r;
        r = authorities_builder_new(&import->blocked);
        if (r < 0)
                return r;
        authorities_builder_attach(import->builder, import->blocked);
        r = trust_file ? import_file(import, trust_file) : import_system(import);
        if (r == 0 && !trust_file)
                r = import_distrusted(import);
        if (r < 0)
                return r;
        if (fds[IMPORT_LAST] >= 0)
                (void) authorities_open(fds[IMPORT_LAST], &last);
        r = import_block_list(import, fds[IMPORT_BLOCKED], last ? authorities_blocked(last) : NULL);
        if (r < 0)
                return r;
        r = import_lists(import, fds);
        if (r < 0)
                return r;
        return authorities_builder_seal(import->builder, ret_fd);
}

static int send_report(const ImportReport *report, int fd) {
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec iov = { (void *) report, sizeof(*report) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct cmsghdr *header;

        if (fd >= 0) {
                message.msg_control = control;
                message.msg_controllen = sizeof(control);
                header = CMSG_FIRSTHDR(&message);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(header), &fd, sizeof(fd));
        }
        return sendmsg(WORKER_SOCKET_FD, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int importer_run(const char *trust_file) {
        _cleanup_fd_ int fd = -1;
        Import import = {};
        int r;

        (void) prctl(PR_SET_NAME, "certexcd-import", 0, 0, 0);
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

        r = import_all(&import, trust_file, &fd);
        (void) authorities_builder_free(import.builder);
        (void) authorities_builder_free(import.blocked);
        (void) lists_builder_free(import.lists);

        import.report.error = r < 0 ? (uint32_t) -r : 0;
        return send_report(&import.report, fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
