/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of revoked certificates out of two folders. A file of the administrator's covers one of the
 * distribution's of the same name; an empty one, or a link to /dev/null, does no more than that.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "daemon/importer-private.h"
#include "daemon/limits.h"

/* PEM is a third larger than DER, and some files have the list in words as well. */
#define LIST_FILE_BYTES_MAX (2U * LISTS_BYTES_MAX)

/* A file while it is read. */
typedef struct ListFile {
        int folder;
        const char *name;
        bool is_vendor;
        const char *reason; /* what is wrong with it: static; NULL */
} ListFile;

static void closedirp(DIR **folder) {
        if (*folder)
                (void) closedir(*folder);
}

static void datum_freep(gnutls_datum_t *datum) {
        gnutls_free(datum->data);
}

static bool is_list_name(const char *name) {
        static const char *const ends[] = { ".crl", ".pem", ".der" };
        size_t n = strlen(name);

        for (size_t i = 0; name[0] != '.' && n > 4 && i < N_ELEMENTS(ends); i++)
                if (strcmp(name + n - 4, ends[i]) == 0)
                        return true;
        return false;
}

/* The link that says: nothing here. */
static bool is_null_device(int folder, const char *name) {
        struct stat st;

        return fstatat(folder, name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
               st.st_rdev == makedev(1, 3);
}

static int add_list(Import *import, ListFile *file, Blob der) {
        const char *fault = NULL;
        int r;

        r = lists_builder_add(import->lists, der, file->name, file->is_vendor, &fault);
        if (r == -E2BIG)
                file->reason = "the lists are more, or larger, than the daemon holds";
        else if (r == -EBADMSG)
                file->reason = "a list in it cannot be read";
        else if (r == 0 && fault)
                file->reason = fault;
        return r;
}

static int add_pem(Import *import, ListFile *file, const uint8_t *text, size_t size) {
        static const char begin[] = "-----BEGIN X509 CRL-----";
        static const char end[] = "-----END X509 CRL-----";
        const uint8_t *p = text, *limit = text + size;
        bool found = false;
        int r;

        while ((p = memmem(p, (size_t) (limit - p), begin, strlen(begin)))) {
                const uint8_t *q = memmem(p, (size_t) (limit - p), end, strlen(end));
                const uint8_t *after = q ? q + strlen(end) : limit;
                const gnutls_datum_t pem = { (unsigned char *) p, (unsigned) (after - p) };
                _cleanup_(datum_freep) gnutls_datum_t der = {};

                if (gnutls_pem_base64_decode2("X509 CRL", &pem, &der) < 0) {
                        file->reason = "a list in it is damaged";
                        return -EBADMSG;
                }
                r = add_list(import, file, (Blob) { der.data, der.size });
                if (r < 0)
                        return r;
                found = true;
                p = after;
        }
        if (!found)
                file->reason = "there is no list in it, neither in PEM form nor in DER";
        return found ? 0 : -EBADMSG;
}

static int add_file(Import *import, ListFile *file) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = import_load(file->folder, file->name, LIST_FILE_BYTES_MAX, &data, &size);
        if (r < 0) {
                file->reason = r == -EFBIG    ? "it is larger than any list"
                               : r == -EACCES ? "the daemon may not read it"
                                              : "it is no regular file that can be read";
                return r;
        }
        if (size == 0)
                return 0;
        return data[0] == 0x30 ? add_list(import, file, (Blob) { data, size })
                               : add_pem(import, file, data, size);
}

/* What the last good reading had of the file. The number of lists, or -ENOMEM, -EIO. */
static int keep_last(Import *import, const ListFile *file, const Lists *last) {
        const char *fault;
        int n = 0, r = 0;

        for (size_t i = 0; i < lists_count(last) && r >= 0; i++) {
                ListInfo info = lists_get(last, i);

                if (strcmp(info.file, file->name) != 0 || info.is_vendor != file->is_vendor)
                        continue;
                r = lists_builder_add(import->lists, info.der, info.file, info.is_vendor, &fault);
                n += r == 0;
        }
        return r == -ENOMEM || r == -EIO ? r : n;
}

static void note_bad(Import *import, const ListFile *file, bool kept) {
        BadList *bad = &import->report.bad_list;

        if (import->report.n_bad_lists++ > 0)
                return;
        (void) snprintf(bad->name, sizeof(bad->name), "%s", file->name);
        (void) snprintf(bad->reason, sizeof(bad->reason), "%s", file->reason);
        bad->is_vendor = file->is_vendor;
        bad->is_kept = kept;
}

/* A file that is broken costs none of the others. One that is whole, but of which only what it
 * revokes can be believed, is in force and told. */
static int import_list_file(Import *import, ListFile *file, const Lists *last) {
        size_t before = lists_builder_count(import->lists);
        int r, n = 0;

        if (is_null_device(file->folder, file->name))
                return 0;
        r = add_file(import, file);
        if (r == -ENOMEM || r == -EIO)
                return r;
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                lists_builder_cut(import->lists, before);
                n = keep_last(import, file, last);
                if (n < 0)
                        return n;
        }
        if (file->reason)
                note_bad(import, file, n > 0 || r >= 0);
        return 0;
}

/* Takes @fd over. @cover: the folder whose files come before those of the same name here; -1. */
static int import_folder(Import *import, int fd, int cover, bool is_vendor, const Lists *last) {
        _cleanup_(closedirp) DIR *folder = fdopendir(fd);
        struct dirent *entry;
        struct stat st;
        int r = 0;

        if (!folder)
                return 0;
        while (r == 0 && (entry = readdir(folder))) {
                ListFile file = {
                        .folder = dirfd(folder),
                        .name = entry->d_name,
                        .is_vendor = is_vendor,
                };

                if (!is_list_name(file.name) ||
                    (cover >= 0 && fstatat(cover, file.name, &st, AT_SYMLINK_NOFOLLOW) == 0))
                        continue;
                r = import_list_file(import, &file, last);
        }
        return r;
}

int import_lists(Import *import, const int fds[static _IMPORT_FD_MAX]) {
        _cleanup_(authorities_freep) Authorities *last = NULL;
        const Lists *lists = NULL;
        int r;

        if (fds[IMPORT_LISTS] < 0 && fds[IMPORT_VENDOR_LISTS] < 0)
                return 0;
        r = lists_builder_new(&import->lists);
        if (r < 0)
                return r;
        if (fds[IMPORT_LAST] >= 0 && authorities_open(fds[IMPORT_LAST], &last) == 0)
                lists = authorities_lists(last);

        /* The administrator's last, because reading a folder closes it. */
        r = import_folder(import, fds[IMPORT_VENDOR_LISTS], fds[IMPORT_LISTS], true, lists);
        if (r == 0)
                r = import_folder(import, fds[IMPORT_LISTS], -1, false, lists);
        authorities_builder_attach_lists(import->builder, import->lists);
        return r;
}
