/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Losses: a line for each, in a file that is made anew and then takes its name. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "daemon/rebuild-losses.h"
#include "daemon/store-private.h"

/* A line: five numbers and two names. */
#define LINE_MAX_BYTES 256U

/* Stands for a name that there is none of. */
#define NO_NAME "-"

/* -- lines ----------------------------------------------------------------------------------- */

static void read_name(const char *text, char ret[static REBUILD_NAME_MAX]) {
        strcpy(ret, strcmp(text, NO_NAME) == 0 ? "" : text);
}

static bool read_line(const char *line, Mending *ret) {
        char database[REBUILD_NAME_MAX], journal[REBUILD_NAME_MAX];
        int end = 0;

        *ret = (Mending){ .rebuilt = true };
        if (sscanf(line, "%" SCNd64 " %d %" SCNu64 " %" SCNu64 " %" SCNu64 " %63[!-~] %63[!-~]%n", &ret->time,
                   &ret->cause, &ret->n_saved, &ret->n_missing, &ret->n_unconfirmed, database, journal,
                   &end) != 7 || strcmp(line + end, "\n") != 0)
                return false;
        read_name(database, ret->database);
        read_name(journal, ret->journal);
        return true;
}

static void write_line(FILE *f, const Mending *m) {
        (void) fprintf(f, "%" PRId64 " %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s\n", m->time, m->cause, m->n_saved,
                       m->n_missing, m->n_unconfirmed, *m->database ? m->database : NO_NAME,
                       *m->journal ? m->journal : NO_NAME);
}

/* -- the file -------------------------------------------------------------------------------- */

static FILE *open_file(int directory_fd, const char *name, int flags, const char *mode) {
        _cleanup_fd_ int fd = openat(directory_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        FILE *f = fd < 0 ? NULL : fdopen(fd, mode);

        if (f)
                (void) take_fd(&fd);
        return f;
}

/* The oldest make room. */
static void add(Losses *losses, const Mending *loss) {
        if (losses->n == LOSSES_KEPT_MAX)
                memmove(losses->items, losses->items + 1, --losses->n * sizeof(losses->items[0]));
        losses->items[losses->n++] = *loss;
}

/* All but those of @but. */
static void read_all(int directory_fd, int64_t but, Losses *ret) {
        FILE *f = open_file(directory_fd, LOSSES_FILE, O_RDONLY, "r");
        char line[LINE_MAX_BYTES];
        Mending loss;

        ret->n = 0;
        while (f && fgets(line, sizeof(line), f))
                if (read_line(line, &loss) && loss.time != but)
                        add(ret, &loss);
        if (f)
                (void) fclose(f);
}

static int write_new(int directory_fd, const Losses *losses) {
        FILE *f = open_file(directory_fd, LOSSES_NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC, "w");
        bool bad;

        if (!f)
                return -errno;
        for (size_t i = 0; i < losses->n; i++)
                write_line(f, losses->items + i);
        bad = fflush(f) != 0 || fsync(fileno(f)) < 0;
        if (fclose(f) != 0 || bad)
                return -EIO;
        return renameat(directory_fd, LOSSES_NEW_FILE, directory_fd, LOSSES_FILE) < 0 ? -errno : 0;
}

static int write_all(int directory_fd, const Losses *losses) {
        int r = write_new(directory_fd, losses);

        if (r < 0)
                (void) unlinkat(directory_fd, LOSSES_NEW_FILE, 0);
        else if (fsync(directory_fd) < 0)
                r = -EIO;
        return r;
}

/* -- what is told ---------------------------------------------------------------------------- */

void losses_read(int directory_fd, int64_t now, Losses *ret) {
        Losses all;

        read_all(directory_fd, INT64_MIN, &all);
        ret->n = 0;
        for (size_t i = 0; i < all.n; i++)
                if (now - all.items[i].time < LOSS_TOLD_SEC)
                        add(ret, all.items + i);
}

int losses_note(int directory_fd, const Mending *loss) {
        Losses losses;

        read_all(directory_fd, loss->time, &losses);
        add(&losses, loss);
        return write_all(directory_fd, &losses);
}

int losses_drop(int directory_fd, int64_t time) {
        Losses losses;

        read_all(directory_fd, time, &losses);
        if (losses.n > 0)
                return write_all(directory_fd, &losses);
        return unlinkat(directory_fd, LOSSES_FILE, 0) < 0 && errno != ENOENT ? -errno : 0;
}

void store_losses(const Store *store, int64_t now, Losses *ret) {
        losses_read(store->directory_fd, now, ret);
}
