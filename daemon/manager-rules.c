/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's rules: their folders, and who hears of them. */
#include "config.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/json.h"
#include "daemon/log.h"
#include "daemon/manager-rules.h"
#include "daemon/manager.h"
#include "daemon/monitors.h"
#include "daemon/prompter.h"
#include "daemon/rules.h"

static void log_flaws(const Rules *rules) {
        for (size_t i = 0; i < rules_n_warnings(rules); i++)
                log_struct(LOG_WARNING, LOG_RULES_FAILED, rules_warning(rules, i), NULL);
        for (size_t i = 0; i < rules_n_notices(rules); i++)
                log_notice("%s", rules_notice(rules, i));
}

static void log_count(Manager *m) {
        const Rule *all;
        const size_t n = rules_all(m->rules, manager_now(), &all);
        char message[96];

        (void) snprintf(message, sizeof(message), "Decisions in files that are in force: %zu", n);
        log_struct(LOG_INFO, LOG_RULES_CHANGED, message, NULL);
}

static void tell_changed(Manager *m) {
        _cleanup_(json_freep) struct json_object *event = json_object_new_object();

        log_count(m);
        if (json_put_string(event, "event", "rules-changed") == 0 &&
            json_put_int(event, "time", manager_now()) == 0)
                monitors_tell(m->monitors, OWNER_SYSTEM, event);
        prompter_changed(m->prompter, OWNER_SYSTEM, NULL, 0);
}

/* The end of a reload: what the administrator has put there holds now. */
static void on_read(Rules *rules, int error, void *userdata) {
        Manager *m = userdata;

        if (error < 0)
                (void) log_error_errno(error, "Cannot read the decisions in files again, those that were "
                                              "read before stay in force: %m");
        else
                log_flaws(rules);
        if (rules_generation(rules) != m->rules_generation) {
                m->rules_generation = rules_generation(rules);
                tell_changed(m);
        }
        if (!m->stopping)
                (void) sd_notify(false, "READY=1");
}

int manager_open_rules(Manager *m) {
        _cleanup_free_ char *folder = NULL;
        const char *const configured = SYSCONFDIR "/certexc/exceptions.d";
        RuleFolders folders = { .owner = m->options.user_mode ? geteuid() : 0 };
        int r;

        if (asprintf(&folder, "%s/exceptions.d", m->options.conf_directory) < 0)
                return log_error_errno(-ENOMEM, "Cannot start: %m");
        folders.paths[RULES_ADMIN] = m->options.user_mode ? configured : folder;
        folders.paths[RULES_VENDOR] = VENDORDIR "/exceptions.d";
        folders.paths[RULES_OWN] = m->options.user_mode ? folder : NULL;

        r = rules_new(m->event, &folders, on_read, m, &m->rules);
        if (r < 0)
                return log_error_errno(r, "Cannot read the decisions in files: %m");
        log_flaws(m->rules);
        m->rules_generation = rules_generation(m->rules);
        if (m->rules_generation > 0)
                log_count(m);
        return 0;
}
