/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's store as it is found at the start, and what is told of that. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/manager-store.h"
#include "daemon/manager.h"
#include "daemon/rebuild.h"

static void log_store(int priority, const Manager *m, const char *what, const char *reason) {
        _cleanup_free_ char *message = NULL;

        if (asprintf(&message, "%s in %s: %s", what, m->options.state_directory, reason) >= 0)
                log_struct(priority, LOG_STORE_FAILED, message, NULL);
}

static void log_read_only(const Manager *m) {
        _cleanup_free_ char *reason = NULL;
        int error = store_read_only(m->store);

        if (error < 0 &&
            asprintf(&reason, "%s; %s", store_error_reason(error), store_error_hint(error)) >= 0)
                log_store(LOG_WARNING, m, "The store can only be read", reason);
}

/* The reason, and of files that are damaged how all of them are (free()). */
static char *tell_damage(const Manager *m, int error, const StoreDamage *damage) {
        _cleanup_free_ char *files = NULL;
        char *text;

        if (error != -EUCLEAN || store_describe(m->options.state_directory, damage, &files) < 0)
                return strdup(damage->reason);
        return asprintf(&text, "%s (%s)", damage->reason, files) < 0 ? NULL : text;
}

int manager_open_store(Manager *m, int *ret_damage) {
        StoreDamage damage;
        int r;

        r = store_open(m->options.state_directory, &m->store, &damage);
        *ret_damage = r == -EBUSY || r == -EPROTONOSUPPORT || r == -ENOMEM ? 0 : r;
        if (*ret_damage < 0) {
                _cleanup_free_ char *found = tell_damage(m, r, &damage);

                r = store_hold(m->options.state_directory, &m->store, &damage.reason);
                if (r == 0)
                        log_store(LOG_WARNING, m, "The store must be mended", found ? found : "");
        }
        if (r < 0)
                log_store(LOG_ERR, m, "Cannot open the store", damage.reason);
        else
                log_read_only(m);
        return r;
}
