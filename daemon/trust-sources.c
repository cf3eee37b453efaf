/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files and folders that authorities come from: watching them, and their stamp. */
#include "config.h"

#include "daemon/trust-sources.h"

#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/trust-kept.h"
#include "daemon/watch.h"

/* Where systems keep what they trust: the files that GnuTLS reads, and p11-kit's folders. */
static const char *const system_folders[] = {
        "/etc/ssl/certs",
        "/etc/ssl",
        "/etc/pki/tls/certs",
        "/etc/pki/ca-trust/source",
        "/etc/pki/ca-trust/source/anchors",
        "/etc/pki/ca-trust/source/blocklist",
        "/etc/pki/ca-trust/extracted/pem",
        "/etc/ca-certificates/trust-source",
        "/etc/ca-certificates/extracted",
        "/usr/share/pki/ca-trust-source",
};

#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_Q_OVERFLOW)

struct Sources {
        sd_event *event;
        const char *trust_file;
        const TrustFolders *folders;
        SourcesTouched touched;
        void *userdata;
        sd_event_source *watches[N_ELEMENTS(system_folders) + 1];
        size_t n_watches;
        Watch *folder_watches[_TRUST_FOLDER_MAX];
};

static const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static void on_folder(const char *name, void *userdata) {
        Sources *sources = userdata;

        sources->touched(sources->userdata);
}

static int on_touch(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        Sources *sources = userdata;

        if ((event->mask & CHANGES) == 0)
                return 0;
        /* Beside the file that was named there may be others, which are none of our business. */
        if (!sources->trust_file || (event->mask & IN_Q_OVERFLOW) ||
            (event->len > 0 && strcmp(event->name, base_name(sources->trust_file)) == 0))
                sources->touched(sources->userdata);
        return 0;
}

/* A folder that is not there is not watched. */
static void watch_folder(Sources *sources, const char *folder) {
        sd_event_source **watch = &sources->watches[sources->n_watches];

        if (sd_event_add_inotify(sources->event, watch, folder, WATCH_EVENTS, on_touch, sources) >= 0)
                sources->n_watches++;
}

/* The folder and not the file, because whoever replaces a file renames another over it. */
static int watch_file(Sources *sources) {
        _cleanup_free_ char *folder = strdup(sources->trust_file);

        if (!folder)
                return -ENOMEM;
        if (base_name(folder) == folder)
                watch_folder(sources, ".");
        else {
                folder[base_name(folder) - folder] = '\0';
                watch_folder(sources, folder);
        }
        return 0;
}

int sources_new(sd_event *event, const char *trust_file, const TrustFolders *folders,
                SourcesTouched touched, void *userdata, Sources **ret) {
        _cleanup_(sources_freep) Sources *sources = calloc(1, sizeof(*sources));
        int r;

        if (!sources)
                return -ENOMEM;
        sources->event = sd_event_ref(event);
        sources->trust_file = trust_file;
        sources->folders = folders;
        sources->touched = touched;
        sources->userdata = userdata;
        /* One that cannot be watched is read all the same. */
        for (unsigned i = 0; i < _TRUST_FOLDER_MAX; i++)
                if (folders->paths[i])
                        (void) watch_new(event, folders->paths[i], on_folder, sources,
                                         &sources->folder_watches[i]);
        for (size_t i = 0; !trust_file && i < N_ELEMENTS(system_folders); i++)
                watch_folder(sources, system_folders[i]);
        r = trust_file ? watch_file(sources) : 0;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(sources);
        return 0;
}

Sources *sources_free(Sources *sources) {
        if (!sources)
                return NULL;
        for (size_t i = 0; i < sources->n_watches; i++)
                (void) sd_event_source_disable_unref(sources->watches[i]);
        for (unsigned i = 0; i < _TRUST_FOLDER_MAX; i++)
                (void) watch_free(sources->folder_watches[i]);
        (void) sd_event_unref(sources->event);
        free(sources);
        return NULL;
}

int sources_stamp(const Sources *sources, uint8_t ret[static SHA256_SIZE]) {
        const char *paths[N_ELEMENTS(system_folders) + _TRUST_FOLDER_MAX + 1];
        size_t n = 0;

        if (sources->trust_file)
                paths[n++] = sources->trust_file;
        for (size_t i = 0; !sources->trust_file && i < N_ELEMENTS(system_folders); i++)
                paths[n++] = system_folders[i];
        for (unsigned i = 0; i < _TRUST_FOLDER_MAX; i++)
                paths[n++] = sources->folders->paths[i];
        return kept_stamp(paths, n, (int64_t) time(NULL), ret);
}
