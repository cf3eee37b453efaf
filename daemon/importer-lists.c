/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of revoked certificates out of two folders. A file of the administrator's covers one of the
 * distribution's of the same name; an empty one, or a link to /dev/null, does no more than that. What
 * a file that is not right had before stays in force, and what has been lost is told.
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
        const char *name; /* "": the folder itself */
        bool is_vendor;
        int cover;   /* the folder whose file of the same name counts instead; -1 */
        int covered; /* the folder whose file of the same name does not count beside it; -1 */
        const char *reason; /* what is wrong with it: static; NULL */
} ListFile;

/* What a reading had of a file. */
typedef enum Had {
        HAD_NOTHING,
        HAD_PART,
        HAD_ALL,
} Had;

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

static bool is_there(int folder, const char *name) {
        struct stat st;

        return folder >= 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_of_file(const ListInfo *info, const ListFile *file) {
        return info->is_vendor == file->is_vendor &&
               (file->name[0] == '\0' || strcmp(info->file, file->name) == 0);
}

/* What the last reading had of the file. */
static Had had_of(const Lists *last, const ListFile *file) {
        Had had = HAD_NOTHING;

        for (size_t i = 0; i < lists_count(last) && had != HAD_PART; i++) {
                ListInfo info = lists_get(last, i);

                if (is_of_file(&info, file))
                        had = info.is_partial ? HAD_PART : HAD_ALL;
        }
        return had;
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

static const char *why_unread(int error) {
        switch (error) {
        case EFBIG:
                return "it is larger than any list";
        case EACCES:
        case EPERM:
                return "the daemon may not read it";
        case ENOENT:
        case ELOOP:
                return "it is a link that leads nowhere";
        case EIO:
                return "the disk does not give it out";
        default:
                return "it is no regular file that can be read";
        }
}

/* Nothing is in it. Whoever writes a file in place empties it first, and may get no further. */
static int add_nothing(const Lists *last, ListFile *file) {
        if (is_there(file->covered, file->name) && had_of(last, file) == HAD_NOTHING)
                return 0;
        file->reason = "it is empty (what covers a file of the distribution is a link to /dev/null)";
        return -EBADMSG;
}

/* 0, -ENOENT if it has been taken away, -errno with the reason in @file. */
static int add_file(Import *import, ListFile *file, const Lists *last) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = import_load(file->folder, file->name, LIST_FILE_BYTES_MAX, &data, &size);
        if (r == -ENOMEM || (r == -ENOENT && !is_there(file->folder, file->name)))
                return r;
        if (r < 0) {
                file->reason = why_unread(-r);
                return -EBADMSG;
        }
        if (size == 0)
                return add_nothing(last, file);
        return data[0] == 0x30 ? add_list(import, file, (Blob) { data, size })
                               : add_pem(import, file, data, size);
}

/* 0, -E2BIG if there was no room for all, -ENOMEM, -EIO. */
static int keep_last(Import *import, const ListFile *file, const Lists *last) {
        const char *fault;
        int r = 0;

        for (size_t i = 0; i < lists_count(last) && r == 0; i++) {
                ListInfo info = lists_get(last, i);

                if (is_of_file(&info, file) && !is_there(file->cover, info.file))
                        r = lists_builder_add(import->lists, info.der, info.file, info.is_vendor,
                                              &fault);
        }
        return r;
}

static void note_bad(Import *import, const ListFile *file, bool is_kept) {
        BadList *bad = &import->report.bad_lists[import->report.n_bad_lists % BAD_LISTS_NAMED];

        import->report.n_lost_lists += !is_kept;
        if (import->report.n_bad_lists++ >= BAD_LISTS_NAMED)
                return;
        (void) snprintf(bad->name, sizeof(bad->name), "%s", file->name);
        (void) snprintf(bad->reason, sizeof(bad->reason), "%s", file->reason);
        bad->is_vendor = file->is_vendor;
        bad->is_kept = is_kept;
}

/*
 * Instead of what was read of a broken file since there were @before lists, that counts which it had
 * when it was last whole. If it never was, what can be read of it, now or before, is better than
 * nothing; but it is marked, so that the next reading does not take it for all that there was.
 */
static int mend_file(Import *import, const ListFile *file, size_t before, const Lists *last) {
        const Had had = had_of(last, file);
        int r = 0;

        if (had == HAD_ALL || lists_builder_count(import->lists) == before) {
                lists_builder_cut(import->lists, before);
                r = keep_last(import, file, last);
        }
        if (r < 0 && r != -E2BIG)
                return r;
        if (had != HAD_ALL || r < 0)
                lists_builder_mark_partial(import->lists, before);
        note_bad(import, file, had == HAD_ALL && r == 0);
        return 0;
}

/* A file that is broken costs none of the others. One that is whole, but of which only what it
 * revokes can be believed, is in force and told. */
static int import_list_file(Import *import, ListFile *file, const Lists *last) {
        size_t before = lists_builder_count(import->lists);
        int r;

        if (is_null_device(file->folder, file->name))
                return 0;
        r = add_file(import, file, last);
        if (r == -ENOMEM || r == -EIO)
                return r;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return mend_file(import, file, before, last);
        if (file->reason)
                note_bad(import, file, true);
        return 0;
}

/* Takes @folder->folder over, a descriptor as in an order. */
static int import_folder(Import *import, ListFile *folder, const Lists *last) {
        _cleanup_(closedirp) DIR *d = folder->folder >= 0 ? fdopendir(folder->folder) : NULL;
        size_t before = lists_builder_count(import->lists);
        struct dirent *entry;
        int r = 0;

        if (folder->folder == -1)
                return 0;
        while (r == 0 && d && (errno = 0, entry = readdir(d))) {
                ListFile file = *folder;

                file.name = entry->d_name;
                if (is_list_name(file.name) && !is_there(file.cover, file.name))
                        r = import_list_file(import, &file, last);
        }
        if (r < 0 || (d && errno == 0))
                return r;
        folder->reason = d ? "the disk does not give all of its names out"
                           : "it is no folder that the daemon can read";
        return mend_file(import, folder, before, last);
}

int import_lists(Import *import, const int fds[static _IMPORT_FD_MAX]) {
        _cleanup_(authorities_freep) Authorities *last = NULL;
        const Lists *lists = NULL;
        ListFile vendor = {
                .folder = fds[IMPORT_VENDOR_LISTS],
                .name = "",
                .is_vendor = true,
                .cover = fds[IMPORT_LISTS],
                .covered = -1,
        };
        ListFile own = {
                .folder = fds[IMPORT_LISTS],
                .name = "",
                .cover = -1,
                .covered = fcntl(vendor.folder, F_DUPFD_CLOEXEC, 3),
        };
        int r;

        if (fds[IMPORT_LISTS] == -1 && fds[IMPORT_VENDOR_LISTS] == -1)
                return 0;
        r = lists_builder_new(&import->lists);
        if (r < 0)
                return r;
        if (fds[IMPORT_LAST] >= 0 && authorities_open(fds[IMPORT_LAST], &last) == 0)
                lists = authorities_lists(last);

        r = import_folder(import, &vendor, lists);
        if (r == 0)
                r = import_folder(import, &own, lists);
        (void) close_fd(own.covered);
        authorities_builder_attach_lists(import->builder, import->lists);
        return r;
}
