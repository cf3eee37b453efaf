/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The witness: one sector, overwritten in place. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/journal-private.h"
#include "daemon/store-witness.h"

#define SETTLED  "settled"
#define CHANGING "changing"

static pthread_once_t boot_once = PTHREAD_ONCE_INIT;
static uint8_t this_boot[BOOT_ID_SIZE]; /* zeros if the kernel does not say */

static void ask_boot_id(void) {
        _cleanup_fd_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        char text[37] = "", hex[2 * BOOT_ID_SIZE + 1] = "";
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        size_t size = 0;

        for (ssize_t i = 0; i < n && size < sizeof(hex) - 1; i++)
                if (text[i] != '-')
                        hex[size++] = text[i];
        (void) sector_id(hex, this_boot);
}

/* No process sees another boot. */
static void read_boot_id(uint8_t ret[static BOOT_ID_SIZE]) {
        (void) pthread_once(&boot_once, ask_boot_id);
        memcpy(ret, this_boot, BOOT_ID_SIZE);
}

int witness_read(int directory_fd, Witness *ret) {
        _cleanup_fd_ int fd = -1;
        char sector[JOURNAL_SECTOR + 1], copy[JOURNAL_SECTOR];
        Witness w = { 0 };
        char *f[5];
        ssize_t n;
        int r;

        fd = openat(directory_fd, WITNESS_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ELOOP ? 0 : -errno;
        n = pread(fd, sector, sizeof(sector), 0);
        if (n < 0)
                return errno == EISDIR || errno == ESPIPE ? 0 : -errno;
        if (n != JOURNAL_SECTOR)
                return 0;
        r = sector_unseal(sector, copy, f, N_ELEMENTS(f));
        if (r <= 0)
                return r;
        w.settled = strcmp(f[1], SETTLED) == 0;
        if (strcmp(f[0], "witness") != 0 || (!w.settled && strcmp(f[1], CHANGING) != 0) ||
            !sector_number(f[2], &w.number) || !sector_id(f[3], w.journal_id) ||
            !sector_id(f[4], w.boot_id))
                return 0;
        *ret = w;
        return 1;
}

static int write_sector(int fd, const char *sector, bool sync) {
        ssize_t n = pwrite(fd, sector, JOURNAL_SECTOR, 0);

        if (n != (ssize_t) JOURNAL_SECTOR)
                return n < 0 ? -errno : -ENOSPC;
        if (sync && fdatasync(fd) < 0)
                return -EIO;
        return 0;
}

/* Its first bytes get their name once they are on the disk. */
static int write_anew(int directory_fd, const char *sector) {
        _cleanup_fd_ int fd = -1;
        int r;

        (void) unlinkat(directory_fd, WITNESS_NEW_FILE, 0);
        fd = openat(directory_fd, WITNESS_NEW_FILE,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_sector(fd, sector, true);
        if (r == 0 && renameat(directory_fd, WITNESS_NEW_FILE, directory_fd, WITNESS_FILE) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(directory_fd, WITNESS_NEW_FILE, 0);
                return r;
        }
        return fsync(directory_fd) < 0 ? -EIO : 0;
}

int witness_write(int directory_fd, const Witness *w, bool sync) {
        char sector[JOURNAL_SECTOR], journal[2 * JOURNAL_ID_SIZE + 1], boot[2 * BOOT_ID_SIZE + 1];
        uint8_t boot_id[BOOT_ID_SIZE];
        _cleanup_fd_ int fd = -1;
        struct stat st;
        int r;

        read_boot_id(boot_id);
        hex_encode(w->journal_id, JOURNAL_ID_SIZE, journal);
        hex_encode(boot_id, BOOT_ID_SIZE, boot);
        (void) snprintf(sector, sizeof(sector), "witness\t%s\t%llu\t%s\t%s\t",
                        w->settled ? SETTLED : CHANGING, (unsigned long long) w->number, journal,
                        boot);
        r = sector_seal(sector);
        if (r < 0)
                return r;
        fd = openat(directory_fd, WITNESS_FILE, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
                (void) renameat(directory_fd, WITNESS_FILE, directory_fd, WITNESS_STRANGE);
        else if (fd < 0 && errno != ENOENT)
                return -errno;
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != JOURNAL_SECTOR)
                return write_anew(directory_fd, sector);
        return write_sector(fd, sector, sync);
}

int witness_update(int directory_fd, const Witness *w) {
        int r;

        r = witness_write(directory_fd, w, false);
        if (r < 0)
                (void) unlinkat(directory_fd, WITNESS_FILE, 0);
        return r;
}

bool witness_knows_end(const Witness *w) {
        static const uint8_t unknown[BOOT_ID_SIZE];
        uint8_t boot_id[BOOT_ID_SIZE];

        read_boot_id(boot_id);
        return w->settled || (memcmp(boot_id, unknown, BOOT_ID_SIZE) != 0 &&
                              memcmp(boot_id, w->boot_id, BOOT_ID_SIZE) == 0);
}

int witness_bears_out(int directory_fd, const JournalReader *reader) {
        JournalSlot slot;
        Witness w;
        int r;

        r = witness_read(directory_fd, &w);
        if (r < 0 || !journal_reader_slot(reader, false, &slot))
                return r < 0 ? r : 0;
        if (r > 0 && slot.end.number < w.number)
                return 0;
        return journal_reader_is_certain(reader) || (r > 0 && witness_knows_end(&w));
}
