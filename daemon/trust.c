/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust: has the authorities read by an importer, checks what it sends, and hands it on. */
#include "config.h"

#include "daemon/trust.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "daemon/authorities.h"
#include "daemon/importer.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/notices.h"
#include "daemon/reaper.h"
#include "daemon/trust-kept.h"
#include "daemon/trust-sources.h"
#include "daemon/worker.h"

/* Whoever replaces a store touches it more than once; this long after the first touch it is read. */
#define SETTLE_USEC (250U * 1000U)

/* What was kept is used from the start; so long after it all is read nevertheless, in case that
 * something has changed of which nobody knows that it counts. */
#define DISTRUST_KEPT_USEC (1000U * 1000U)

struct Trust {
        sd_event *event;
        Reaper *reaper;
        int program_fd;
        char *trust_file;
        TrustChanged changed;
        void *userdata;
        uint64_t load_usec;
        bool known; /* @changed has been called */
        bool doubts[_TRUST_DOUBT_MAX]; /* whether all that is to be blocked is */
        unsigned count;
        uint8_t sha256[SHA256_SIZE]; /* of the block */
        char *warning;
        TrustFolders folders; /* copies */
        char *blocked_warning;
        char *distrusted_warning;
        char *lists_warning;
        Authorities *block; /* the last good one */
        int block_fd;
        /* what was being read has this stamp, and what is kept on the disk those two */
        bool stamped;
        uint8_t stamp[SHA256_SIZE];
        uint8_t kept_stamp[SHA256_SIZE];
        uint8_t kept_sha256[SHA256_SIZE];
        sd_event_source *beginning;
        /* while an importer is at work */
        Process process;
        int socket_fd;
        sd_event_source *io;
        sd_event_source *timer;
        /* what tells of changes, and the time until they are looked at */
        Sources *sources;
        sd_event_source *settling;
};

const char *trust_from(const Trust *trust) {
        return trust->trust_file ? trust->trust_file : "the system's store";
}

bool trust_is_doubtful(const Trust *trust) {
        for (unsigned i = 0; i < _TRUST_DOUBT_MAX; i++)
                if (trust->doubts[i])
                        return true;
        return false;
}

const char *trust_doubt(const Trust *trust, TrustDoubt which) {
        const char *const warnings[_TRUST_DOUBT_MAX] = {
                [TRUST_DOUBT_BLOCKED] = trust->blocked_warning,
                [TRUST_DOUBT_DISTRUSTED] = trust->distrusted_warning,
                [TRUST_DOUBT_LISTS] = trust->lists_warning,
                [TRUST_DOUBT_UNREAD] = trust->warning,
        };

        return trust->doubts[which] ? warnings[which] : NULL;
}

unsigned trust_count(const Trust *trust) {
        return trust->count;
}

const Authorities *trust_authorities(const Trust *trust) {
        return trust->block;
}

const uint8_t *trust_sha256(const Trust *trust) {
        return trust->sha256;
}

const char *trust_warning(const Trust *trust) {
        return trust->warning;
}

const char *trust_blocked_warning(const Trust *trust) {
        return trust->blocked_warning;
}

const char *trust_distrusted_warning(const Trust *trust) {
        return trust->distrusted_warning;
}

const char *trust_lists_warning(const Trust *trust) {
        return trust->lists_warning;
}

char *trust_stale_lists(const Trust *trust, int64_t now) {
        return trust->block ? notice_stale(&trust->folders, authorities_lists(trust->block), now)
                            : NULL;
}

int trust_block_fd(const Trust *trust) {
        return trust->block_fd;
}

/* What there is to say of the folders. */
static void trust_review_folders(Trust *trust, const ImportReport *report) {
        free(trust->blocked_warning);
        free(trust->distrusted_warning);
        free(trust->lists_warning);
        trust->doubts[TRUST_DOUBT_BLOCKED] = report->n_lost > 0;
        trust->doubts[TRUST_DOUBT_DISTRUSTED] = report->distrusted_reason[0];
        trust->doubts[TRUST_DOUBT_LISTS] = report->n_lost_lists > 0;
        trust->doubts[TRUST_DOUBT_UNREAD] = false;
        trust->distrusted_warning = notice_distrusted(report);
        trust->blocked_warning = notice_blocked(&trust->folders, report);
        trust->lists_warning = notice_lists(&trust->folders, report);
        if (trust->blocked_warning)
                log_warning("%s", trust->blocked_warning);
        if (trust->distrusted_warning)
                log_warning("%s", trust->distrusted_warning);
        if (trust->lists_warning)
                log_warning("%s", trust->lists_warning);
}

static void trust_warn(Trust *trust, const char *format, ...) _printf_(2, 3);

static void trust_warn(Trust *trust, const char *format, ...) {
        va_list arguments;

        free(trust->warning);
        va_start(arguments, format);
        if (vasprintf(&trust->warning, format, arguments) < 0)
                trust->warning = NULL;
        va_end(arguments);
        log_warning("%s", trust->warning ? trust->warning : "Out of memory");
}

static void trust_end_import(Trust *trust) {
        trust->io = sd_event_source_disable_unref(trust->io);
        trust->timer = sd_event_source_disable_unref(trust->timer);
        trust->socket_fd = close_fd(trust->socket_fd);
        reaper_end(trust->reaper, &trust->process);
}

/* The next importer takes from it what it finds broken. */
static void trust_keep(Trust *trust, Authorities **authorities, int fd) {
        (void) authorities_free(trust->block);
        trust->block = TAKE_PTR(*authorities);
        (void) close_fd(trust->block_fd);
        trust->block_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* The block that is kept now, which @fd is. */
static void trust_accept(Trust *trust, int fd) {
        trust->known = true;
        trust->count = (unsigned) authorities_count(trust->block);
        if (authorities_digest(trust->block, trust->sha256) < 0)
                trust->sha256[0]++; /* another one, for all that is known */
        trust->changed(trust, fd, trust->count, trust->userdata);
}

/* -- for the next start --------------------------------------------------------------------- */

/* What cannot be had this way is read. */
static void trust_take_kept(Trust *trust) {
        _cleanup_(authorities_freep) Authorities *kept = NULL;
        _cleanup_fd_ int fd = -1;

        if (!trust->folders.kept || sources_stamp(trust->sources, trust->kept_stamp) <= 0 ||
            kept_read(trust->folders.kept, trust->kept_stamp, &kept, &fd) <= 0)
                return;
        (void) authorities_digest(kept, trust->kept_sha256);
        trust_keep(trust, &kept, fd);
}

/* Only what was read without a fault: what there is to say of one is in no file. A disk that does not take
 * it costs the next start some time. */
static void trust_put_kept(Trust *trust) {
        bool same = memcmp(trust->kept_sha256, trust->sha256, SHA256_SIZE) == 0;

        if (!trust->folders.kept)
                return;
        if (!trust->stamped || trust_is_doubtful(trust) || trust->warning || trust->blocked_warning ||
            trust->distrusted_warning || trust->lists_warning) {
                if (!same)
                        kept_remove(trust->folders.kept);
                return;
        }
        if (same && memcmp(trust->kept_stamp, trust->stamp, SHA256_SIZE) == 0)
                return;
        if (kept_write(trust->folders.kept, trust->stamp, trust->block) < 0)
                return;
        memcpy(trust->kept_stamp, trust->stamp, SHA256_SIZE);
        memcpy(trust->kept_sha256, trust->sha256, SHA256_SIZE);
}

/* -- reading -------------------------------------------------------------------------------- */

/*
 * An import came to nothing. The authorities that are known stay; if none have been read yet, from
 * now on none are known, and whoever waits for a judge gets one.
 */
static void trust_fail(Trust *trust, const char *reason) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *builder = NULL;
        _cleanup_fd_ int fd = -1;
        Authorities *none;

        trust_end_import(trust);
        if (trust->known) {
                trust_warn(trust,
                           "Cannot read the authorities from %s again: %s. The %u that were read "
                           "before stay in use; mend it and reload the daemon.",
                           trust_from(trust), reason, trust->count);
                return;
        }

        trust_warn(trust,
                   "Cannot read the authorities from %s: %s. Every certificate has an unknown "
                   "issuer until you mend it and reload the daemon.",
                   trust_from(trust), reason);
        if (authorities_builder_new(&builder) < 0 || authorities_builder_seal(builder, &fd) < 0 ||
            authorities_open(fd, &none) < 0)
                return;
        trust_keep(trust, &none, fd);
        trust_accept(trust, fd);
}

/* What a good import still may have to say. */
static void trust_review(Trust *trust, unsigned count, unsigned n_unreadable) {
        if (count == 0)
                trust_warn(trust,
                           "There is no authority in %s%s. Every certificate has an unknown issuer "
                           "until you %s and reload the daemon.",
                           trust_from(trust),
                           n_unreadable > 0 ? ", only damaged certificates" : "",
                           trust->trust_file ? "put certificates in PEM form there"
                                             : "install the ca-certificates of your system");
        else if (n_unreadable > 0)
                trust_warn(trust,
                           "There are damaged certificates in %s: %u left out, the other %u are in "
                           "use.",
                           trust_from(trust), n_unreadable, count);
        else {
                free(trust->warning);
                trust->warning = NULL;
        }
}

static int trust_on_report(sd_event_source *source, int socket_fd, uint32_t events,
                           void *userdata) {
        _cleanup_(authorities_freep) Authorities *authorities = NULL;
        _cleanup_fd_ int fd = -1;
        Trust *trust = userdata;
        ImportReport report = {};
        int r;

        r = import_report_receive(socket_fd, &report, &fd);
        if (r == 0)
                return 0;

        if (r < 0)
                trust_fail(trust, "the process that read them ended before it was done");
        else if (report.error != 0)
                trust_fail(trust, notice_reason((int) (report.error & INT32_MAX)));
        else if (fd < 0 || authorities_open(fd, &authorities) < 0)
                trust_fail(trust, "the process that read them sent something else");
        else {
                trust_end_import(trust);
                trust_review(trust, (unsigned) authorities_count(authorities),
                             report.n_unreadable);
                trust_review_folders(trust, &report);
                trust_keep(trust, &authorities, fd);
                trust_accept(trust, fd);
                trust_put_kept(trust);
        }
        return 0;
}

static int trust_on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        trust_fail(userdata, "it took too long");
        return 0;
}

static bool is_there(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0;
}

/* Opens the folders that are there and lets the importer have them. */
static int trust_send_order(Trust *trust) {
        int fds[_IMPORT_FD_MAX] = { -1, -1, -1, trust->block_fd };
        int r;

        for (unsigned i = 0; i < _TRUST_FOLDER_MAX; i++) {
                if (!trust->folders.paths[i])
                        continue;
                fds[i] = open(trust->folders.paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                /* The importer then says that the folder cannot be read, and keeps what it had. A link that leads
                 * nowhere is no folder that nobody made. */
                if (fds[i] < 0 && (errno != ENOENT || is_there(trust->folders.paths[i])))
                        fds[i] = IMPORT_FD_CLOSED;
        }
        r = import_order_send(trust->socket_fd, fds);
        for (unsigned i = 0; i < _TRUST_FOLDER_MAX; i++)
                if (fds[i] >= 0)
                        (void) close_fd(fds[i]);
        return r;
}

static int trust_start_import(Trust *trust) {
        _cleanup_fd_ int theirs = -1;
        int r, pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        trust->socket_fd = pair[0];
        theirs = pair[1];

        /* Before it is read: what changes meanwhile has another one. */
        trust->stamped = trust->folders.kept && sources_stamp(trust->sources, trust->stamp) > 0;
        r = trust_send_order(trust);
        if (r < 0)
                return r;
        r = worker_spawn(trust->program_fd, IMPORTER_ROLE, trust->trust_file, theirs, -1,
                         &trust->process);
        if (r < 0)
                return r;
        r = sd_event_add_io(trust->event, &trust->io, trust->socket_fd, EPOLLIN, trust_on_report,
                            trust);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(trust->event, &trust->timer, CLOCK_MONOTONIC,
                                          trust->load_usec, 0, trust_on_time, trust);
}

int trust_reload(Trust *trust) {
        int r;

        trust_end_import(trust);
        r = trust_start_import(trust);
        if (r < 0)
                trust_fail(trust, strerror(-r));
        return r;
}

/* From the loop, so that who made this has it. */
static int trust_on_begin(sd_event_source *source, void *userdata) {
        Trust *trust = userdata;

        if (trust->io || trust->known)
                return 0;
        if (!trust->block) {
                (void) trust_reload(trust);
                return 0;
        }
        trust->doubts[TRUST_DOUBT_UNREAD] = false;
        trust_accept(trust, trust->block_fd);
        (void) sd_event_source_set_time_relative(trust->settling, DISTRUST_KEPT_USEC);
        (void) sd_event_source_set_enabled(trust->settling, SD_EVENT_ONESHOT);
        return 0;
}

/* -- changes -------------------------------------------------------------------------------- */

static int trust_on_settled(sd_event_source *source, uint64_t usec, void *userdata) {
        Trust *trust = userdata;

        /* What is being read now may be from before; then it is read once more. */
        if (trust->io)
                return sd_event_source_set_time_relative(source, SETTLE_USEC) < 0
                               ? 0
                               : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        (void) trust_reload(trust);
        return 0;
}

static void trust_settle(void *userdata) {
        Trust *trust = userdata;
        int enabled = SD_EVENT_OFF;

        /* The first touch counts, so that a folder that never rests is read all the same. */
        (void) sd_event_source_get_enabled(trust->settling, &enabled);
        if (enabled != SD_EVENT_OFF)
                return;
        (void) sd_event_source_set_time_relative(trust->settling, SETTLE_USEC);
        (void) sd_event_source_set_enabled(trust->settling, SD_EVENT_ONESHOT);
}

/* -------------------------------------------------------------------------------------------- */

static int trust_set_folders(Trust *trust, const TrustFolders *folders) {
        if (folders->kept) {
                trust->folders.kept = strdup(folders->kept);
                if (!trust->folders.kept)
                        return -ENOMEM;
        }
        for (unsigned i = 0; i < _TRUST_FOLDER_MAX; i++) {
                if (!folders->paths[i])
                        continue;
                trust->folders.paths[i] = strdup(folders->paths[i]);
                if (!trust->folders.paths[i])
                        return -ENOMEM;
        }
        return 0;
}

int trust_new(sd_event *event, const char *trust_file, const TrustFolders *folders,
              TrustChanged changed, void *userdata, Trust **ret) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        int r;

        trust = calloc(1, sizeof(*trust));
        if (!trust)
                return -ENOMEM;

        trust->event = sd_event_ref(event);
        trust->program_fd = trust->socket_fd = trust->block_fd = -1;
        trust->process = (Process) PROCESS_INIT;
        trust->changed = changed;
        trust->userdata = userdata;
        trust->doubts[TRUST_DOUBT_UNREAD] = true;
        trust->load_usec = AUTHORITIES_LOAD_SEC * UINT64_C(1000000);
        if (trust_file) {
                trust->trust_file = strdup(trust_file);
                if (!trust->trust_file)
                        return -ENOMEM;
        }

        r = folders ? trust_set_folders(trust, folders) : 0;
        if (r < 0)
                return r;
        r = reaper_new(event, &trust->reaper);
        if (r < 0)
                return r;
        r = worker_open_program(&trust->program_fd);
        if (r < 0)
                return r;
        /* Before it is read, so that no change falls between. */
        r = sd_event_add_time_relative(event, &trust->settling, CLOCK_MONOTONIC, 0, 0,
                                       trust_on_settled, trust);
        if (r == 0)
                r = sd_event_source_set_enabled(trust->settling, SD_EVENT_OFF);
        if (r >= 0)
                r = sources_new(event, trust->trust_file, &trust->folders, trust_settle, trust,
                                &trust->sources);
        if (r < 0)
                return r;
        trust_take_kept(trust);
        r = sd_event_add_defer(event, &trust->beginning, trust_on_begin, trust);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(trust);
        return 0;
}

Trust *trust_free(Trust *trust) {
        if (!trust)
                return NULL;

        (void) sources_free(trust->sources);
        (void) sd_event_source_disable_unref(trust->settling);
        (void) sd_event_source_disable_unref(trust->beginning);
        if (trust->reaper)
                trust_end_import(trust);
        (void) reaper_free(trust->reaper);
        (void) close_fd(trust->program_fd);
        (void) sd_event_unref(trust->event);
        free(trust->trust_file);
        free(trust->warning);
        for (unsigned i = 0; i < _TRUST_FOLDER_MAX; i++)
                free((char *) trust->folders.paths[i]);
        free((char *) trust->folders.kept);
        free(trust->blocked_warning);
        free(trust->distrusted_warning);
        free(trust->lists_warning);
        (void) authorities_free(trust->block);
        (void) close_fd(trust->block_fd);
        free(trust);
        return NULL;
}

#ifdef CERTEXC_TESTING
void trust_set_load_usec(Trust *trust, uint64_t usec) {
        trust->load_usec = usec;
}
#endif
