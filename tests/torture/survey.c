/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What damaged files still have. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/torture/survey.h"

#define SECTOR      512U
#define PAGE        4096U
#define DIGEST_SIZE 32U

typedef struct Bytes {
        char *data;
        size_t size;
} Bytes;

static void bytes_done(Bytes *b) {
        free(b->data);
}

/* Nothing of a file that is not there. */
static void bytes_read(const char *path, Bytes *ret) {
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st = {0};

        if (fd >= 0 && fstat(fd, &st) < 0)
                world_give_up("Cannot read %s: %m", path);
        ret->size = (size_t) st.st_size;
        ret->data = calloc(1, ret->size + 1);
        if (!ret->data || (ret->size > 0 && pread(fd, ret->data, ret->size, 0) != st.st_size))
                world_give_up("Cannot read %s: %m", path);
}

static void read_both(World *w, const char *kept, const char *name, Bytes *before, Bytes *after) {
        char path[64];

        (void) snprintf(path, sizeof(path), "%s/%s", kept, name);
        bytes_read(fixture_path(w->fixture, path), before);
        bytes_read(world_file(w, name), after);
}

static bool has(const Bytes *where, const void *what, size_t size) {
        return memmem(where->data, where->size, what, size) != NULL;
}

/* -- the journal --------------------------------------------------------------------------- */

/* The number behind "slot", or 0 if that is no slot. */
static unsigned long slot_sequence(const char *sector) {
        return strncmp(sector, "slot\t", 5) == 0 ? strtoul(sector + 5, NULL, 10) + 1 : 0;
}

/* Whose journal it is says the head, and so does each slot. */
static void survey_head(Survey *s, const Bytes *before, const Bytes *after, bool *ret_known) {
        const char *newest = before->data + SECTOR;

        if (before->size < 3UL * SECTOR)
                world_give_up("There is no journal");
        if (slot_sequence(newest + SECTOR) > slot_sequence(newest))
                newest += SECTOR;
        s->end_known = has(after, newest, SECTOR);
        *ret_known = s->end_known || has(after, before->data, SECTOR) ||
                     has(after, before->data + SECTOR, SECTOR) ||
                     has(after, before->data + 2UL * SECTOR, SECTOR);
}

static bool is_change(const char *line) {
        const char *kind = line + strspn(line, "0123456789");

        return strncmp(kind, "\tchange\t", 8) == 0 || strncmp(kind, "\tname\t", 6) == 0;
}

/* Up to its running digest: what stands before that proves itself. */
static size_t proven(const char *line) {
        size_t n = strcspn(line, "\n");

        while (n > 0 && line[n - 1] != '\t')
                n--;
        return n;
}

static void survey_lines(Survey *s, const Bytes *before, const Bytes *after, bool known) {
        const char *line = before->data + PAGE, *end = before->data + before->size;
        size_t size = 0;
        FILE *to = open_memstream(&s->lines, &size);

        while (to && line < end) {
                size_t n = strcspn(line, "\n") + 1;
                bool left = known && has(after, line, n);

                s->n_changes += is_change(line);
                s->n_missing += is_change(line) && !left;
                s->n_lost += is_change(line) && !(known && has(after, line, proven(line)));
                if (left)
                        (void) fwrite(line, 1, n, to);
                line += n;
        }
        if (!to || fclose(to) != 0)
                world_give_up("Out of memory");
        s->whole = strdup(before->data + PAGE);
        if (!s->whole)
                world_give_up("Out of memory");
}

static void survey_journal(World *w, const char *kept, Survey *s) {
        _cleanup_(bytes_done) Bytes before = {0}, after = {0};
        bool known;

        read_both(w, kept, "journal", &before, &after);
        survey_head(s, &before, &after, &known);
        survey_lines(s, &before, &after, known);
}

/* All lines about @host. */
static bool journal_has(const Survey *s, const char *host) {
        char field[80];

        (void) snprintf(field, sizeof(field), "\t%s\t", host);
        for (const char *line = s->whole; *line; line += strcspn(line, "\n") + 1) {
                size_t n = strcspn(line, "\n") + 1;

                if (memmem(line, n, field, strlen(field)) &&
                    !memmem(s->lines, strlen(s->lines), line, n))
                        return false;
        }
        return true;
}

/* -- the database -------------------------------------------------------------------------- */

/* Its pages that are as they were, where they were. Of a log that was damaged nothing is asked for:
 * one byte may make all that follows void. */
static void survey_pages(World *w, const char *kept, const char *name, bool is_log, Survey *s) {
        _cleanup_(bytes_done) Bytes before = {0}, after = {0};
        char *grown;
        bool same;

        read_both(w, kept, name, &before, &after);
        same = before.size == after.size && memcmp(before.data, after.data, after.size) == 0;
        grown = realloc(s->pages, s->n_pages_bytes + before.size + 1);
        if (!grown)
                world_give_up("Out of memory");
        s->pages = grown;
        grown += s->n_pages_bytes;
        s->n_pages_bytes += before.size;
        memset(grown, 0, before.size);
        if (is_log && same)
                memcpy(grown, before.data, before.size);
        for (size_t at = 0; !is_log && at + PAGE <= before.size && at + PAGE <= after.size;
             at += PAGE)
                if (memcmp(before.data + at, after.data + at, PAGE) == 0)
                        memcpy(grown + at, before.data + at, PAGE);
}

/* -- both ---------------------------------------------------------------------------------- */

void survey_take(World *w, const char *kept, Survey *ret) {
        *ret = (Survey){0};
        survey_journal(w, kept, ret);
        survey_pages(w, kept, "certexc.db", false, ret);
        survey_pages(w, kept, "certexc.db-wal", true, ret);
}

void survey_done(Survey *s) {
        free(s->lines);
        free(s->whole);
        free(s->pages);
}

bool survey_has(const Survey *s, const char *host, const uint8_t *digest) {
        return journal_has(s, host) ||
               (digest && memmem(s->pages, s->n_pages_bytes, digest, DIGEST_SIZE));
}
