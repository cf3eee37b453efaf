/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeping the block of authorities: what it was read from as a stamp, and the file. */
#include "config.h"

#include "daemon/trust-kept.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cleanup.h"
#include "daemon/authorities.h"
#include "daemon/limits.h"

#define KEPT_MAGIC UINT64_C(0x3154504543584543) /* "CEXCEPT1" */

/* Some file systems tell times in steps of two seconds. */
#define SETTLED_SEC 3

#ifdef CERTEXC_TESTING
static bool young_are_taken;

void kept_take_the_young(bool take) {
        young_are_taken = take;
}
#else
static const bool young_are_taken = false;
#endif

typedef struct Header {
        uint64_t magic;
        uint64_t size;
        uint8_t stamp[SHA256_SIZE];
        uint8_t sha256[SHA256_SIZE]; /* of the block, which follows */
} Header;

/* -- the stamp ------------------------------------------------------------------------------ */

/* Entries come in any order, so each is hashed by itself, and the digests are put together by XOR; no
 * two are of the same name. */
typedef struct Stamp {
        uint8_t digest[SHA256_SIZE];
        int64_t newest; /* the last change of anything, in seconds */
        unsigned n;
} Stamp;

static void closedirp(DIR **folder) {
        if (*folder)
                (void) closedir(*folder);
}

/* @st NULL: it is not there. 1 or -errno. */
static int stamp_add(Stamp *s, const char *path, const char *name, const struct stat *st) {
        _cleanup_free_ char *text = NULL;
        uint8_t digest[SHA256_SIZE];
        int n, r;

        n = !st ? asprintf(&text, "%s\n%s\nnothing", path, name)
                : asprintf(&text,
                           "%s\n%s\n%ju:%ju %o %u %jd %jd.%09ld %jd.%09ld", path, name,
                           (uintmax_t) st->st_dev, (uintmax_t) st->st_ino, (unsigned) st->st_mode,
                           (unsigned) st->st_uid, (intmax_t) st->st_size,
                           (intmax_t) st->st_mtim.tv_sec, (long) st->st_mtim.tv_nsec,
                           (intmax_t) st->st_ctim.tv_sec, (long) st->st_ctim.tv_nsec);
        if (n < 0)
                return -ENOMEM;
        r = sha256(text, (size_t) n, digest);
        if (r < 0)
                return r;
        for (size_t i = 0; i < SHA256_SIZE; i++)
                s->digest[i] ^= digest[i];
        if (st && st->st_ctim.tv_sec > s->newest)
                s->newest = st->st_ctim.tv_sec;
        return 1;
}

/* What a link leads to counts, and the link where it leads nowhere. */
static int stamp_entry(Stamp *s, const char *path, int folder, const char *name) {
        struct stat st;

        if (s->n++ >= TRUST_STAMPED_MAX)
                return 0;
        if (fstatat(folder, name, &st, 0) < 0 &&
            fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return stamp_add(s, path, name, &st);
}

static int stamp_folder(Stamp *s, const char *path) {
        _cleanup_(closedirp) DIR *folder = opendir(path);
        struct dirent *entry;
        int r = 1;

        if (!folder)
                return 0;
        while (r > 0 && (errno = 0, entry = readdir(folder)))
                if (strcmp(entry->d_name, "..") != 0)
                        r = stamp_entry(s, path, dirfd(folder), entry->d_name);
        return r > 0 && errno != 0 ? 0 : r;
}

static int stamp_path(Stamp *s, const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return (errno == ENOENT || errno == ENOTDIR) && lstat(path, &st) < 0
                               ? stamp_add(s, path, "", NULL)
                               : 0; /* a link to nothing may lead to something at any time */
        return S_ISDIR(st.st_mode) ? stamp_folder(s, path) : stamp_add(s, path, "", &st);
}

int kept_stamp(const char *const *paths, size_t n, int64_t now, uint8_t ret[static SHA256_SIZE]) {
        Stamp s = {};
        int r;

        /* Another build may read the same otherwise. */
        r = stamp_path(&s, "/proc/self/exe");
        s.newest = 0;
        for (size_t i = 0; r > 0 && i < n; i++)
                if (paths[i])
                        r = stamp_path(&s, paths[i]);
        if (r <= 0)
                return r;
        if (s.newest >= now - SETTLED_SEC && !young_are_taken)
                return 0;
        memcpy(ret, s.digest, SHA256_SIZE);
        return 1;
}

/* -- the file ------------------------------------------------------------------------------- */

static int read_all(int fd, void *data, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = read(fd, (uint8_t *) data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                done += (size_t) n;
        }
        return 0;
}

/* 1 and the header, and the descriptor behind it; 0 if it is not what was looked for. */
static int open_kept(const char *directory, const uint8_t stamp[static SHA256_SIZE], Header *ret,
                     int *ret_fd) {
        _cleanup_free_ char *path = NULL;
        _cleanup_fd_ int fd = -1;
        struct stat st;

        if (asprintf(&path, "%s/" KEPT_FILE, directory) < 0)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
            st.st_size <= (off_t) sizeof(*ret) || read_all(fd, ret, sizeof(*ret)) < 0 ||
            ret->magic != KEPT_MAGIC || ret->size != (uint64_t) st.st_size - sizeof(*ret) ||
            ret->size > AUTHORITIES_KEPT_BYTES_MAX ||
            memcmp(ret->stamp, stamp, SHA256_SIZE) != 0)
                return 0;
        *ret_fd = take_fd(&fd);
        return 1;
}

int kept_read(const char *directory, const uint8_t stamp[static SHA256_SIZE], Authorities **ret,
              int *ret_fd) {
        _cleanup_free_ uint8_t *block = NULL;
        _cleanup_fd_ int file = -1, fd = -1;
        uint8_t digest[SHA256_SIZE];
        Header header;
        int r;

        r = open_kept(directory, stamp, &header, &file);
        if (r <= 0)
                return r;
        block = malloc(header.size);
        if (!block)
                return -ENOMEM;
        if (read_all(file, block, header.size) < 0 || sha256(block, header.size, digest) < 0 ||
            memcmp(digest, header.sha256, SHA256_SIZE) != 0)
                return 0;
        r = authorities_seal(block, header.size, &fd);
        if (r == 0)
                r = authorities_open(fd, ret);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        *ret_fd = take_fd(&fd);
        return 1;
}

static int write_all(int fd, const void *data, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, (const uint8_t *) data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t) n;
        }
        return 0;
}

static int write_kept(int directory, const Header *header, Blob block) {
        _cleanup_fd_ int fd = -1;
        int r;

        (void) unlinkat(directory, KEPT_NEW_FILE, 0);
        fd = openat(directory, KEPT_NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, header, sizeof(*header));
        if (r == 0)
                r = write_all(fd, block.data, block.size);
        if (r == 0 && renameat(directory, KEPT_NEW_FILE, directory, KEPT_FILE) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(directory, KEPT_NEW_FILE, 0);
        return r;
}

void kept_remove(const char *directory) {
        _cleanup_fd_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                (void) unlinkat(fd, KEPT_FILE, 0);
}

/* Nothing is synced: a file that did not reach the disk whole is known by its digest. */
int kept_write(const char *directory, const uint8_t stamp[static SHA256_SIZE],
               const Authorities *authorities) {
        Blob block = authorities_bytes(authorities);
        Header header = { .magic = KEPT_MAGIC, .size = block.size };
        _cleanup_fd_ int fd = -1;
        int r;

        if (block.size > AUTHORITIES_KEPT_BYTES_MAX)
                return -EFBIG;
        memcpy(header.stamp, stamp, SHA256_SIZE);
        r = sha256(block.data, block.size, header.sha256);
        if (r < 0)
                return r;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : write_kept(fd, &header, block);
}
