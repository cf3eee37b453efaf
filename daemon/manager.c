/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's life: what is opened, in which order, and what the loop is told from outside. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "client/cleanup.h"
#include "daemon/bus.h"
#include "daemon/cache.h"
#include "daemon/checkup.h"
#include "daemon/commits.h"
#include "daemon/directories.h"
#include "daemon/json.h"
#include "daemon/imports.h"
#include "daemon/judges.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/manager-rules.h"
#include "daemon/manager-store.h"
#include "daemon/manager.h"
#include "daemon/mender.h"
#include "daemon/monitors.h"
#include "daemon/namer.h"
#include "daemon/owners.h"
#include "daemon/sandbox.h"
#include "daemon/prompter.h"
#include "daemon/rules.h"
#include "daemon/share.h"
#include "daemon/store.h"
#include "daemon/trust.h"

/* Calls that are at work when the daemon is to stop have this long to get their answers. */
#define STOP_USEC UINT64_C(5000000)

/* -- the clock --------------------------------------------------------------------------- */

#ifdef CERTEXC_TESTING
static int64_t replaced_clock;

void manager_replace_clock(int64_t epoch) {
        replaced_clock = epoch;
}
#endif

int64_t manager_now(void) {
#ifdef CERTEXC_TESTING
        if (replaced_clock > 0)
                return replaced_clock;
#endif
        return (int64_t) time(NULL);
}

uint64_t manager_generation(const Manager *m) {
        return m->first_generation + store_generation(m->store) + m->trust_generation +
               m->rules_generation + m->conf_generation;
}

/* -- the configuration ------------------------------------------------------------------- */

/* Reads it anew; what held before stays if that cannot be done, or if it is not all understood. */
static int load_conf(Manager *m) {
        Conf conf;
        int r;

        conf_defaults(&conf);
        r = conf_read(&conf, m->options.conf_directory);
        if (r < 0) {
                conf_done(&conf);
                return log_error_errno(r, "Cannot read the configuration in %s: %m",
                                       m->options.conf_directory);
        }
        /* At the start there was nothing before. */
        m->conf.doubtful = m->conf.doubtful || m->conf_generation == 0;
        r = conf_replace(&m->conf, &conf);
        if (r < 0) {
                conf_done(&conf);
                return log_error_errno(r, "Cannot read the configuration: %m");
        }
        for (size_t i = 0; i < m->conf.n_warnings; i++)
                log_struct(LOG_WARNING, LOG_CONF_WARNING, m->conf.warnings[i], NULL);
        m->conf_generation++;
        return 0;
}

/* -- authorities ------------------------------------------------------------------------- */

static void tell_authorities_changed(Manager *m) {
        _cleanup_(json_freep) struct json_object *event = json_object_new_object();

        if (json_put_string(event, "event", "authorities-changed") == 0 &&
            json_put_int(event, "time", manager_now()) == 0)
                monitors_tell(m->monitors, OWNER_SYSTEM, event);
}

/* From now on questions are answered; what waited for this is under way. */
static void tell_ready(Manager *m, unsigned n_authorities) {
        const char *noun = n_authorities == 1 ? "authority" : "authorities";
        char message[256];

        (void) sd_notifyf(false, "READY=1\nSTATUS=Serving, with %u %s from %s", n_authorities, noun,
                          trust_from(m->trust));
        if (m->trust_generation > 1)
                return;
        (void) snprintf(message, sizeof(message), "Started, with %u %s from %s", n_authorities, noun,
                        trust_from(m->trust));
        log_struct(LOG_INFO, LOG_STARTED, message, "CERTEXC_VERSION", PACKAGE_VERSION,
                   "CERTEXC_STATE_DIRECTORY", m->options.state_directory, NULL);
}

static void on_trust_changed(Trust *trust, int fd, unsigned count, void *userdata) {
        Manager *m = userdata;
        int copy;

        /* What was judged by the same authorities stays. */
        if (m->trust_generation > 0 && m->trust_doubtful == trust_is_doubtful(trust) &&
            memcmp(m->trust_sha256, trust_sha256(trust), SHA256_SIZE) == 0)
                return;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0) {
                log_struct(LOG_ERR, LOG_TRUST_FAILED,
                           "Cannot take new authorities, the old ones stay; reload the daemon",
                           NULL);
                return;
        }
        judges_set_authorities(m->judges, copy);
        memcpy(m->trust_sha256, trust_sha256(trust), SHA256_SIZE);
        m->trust_doubtful = trust_is_doubtful(trust);
        m->trust_generation++;
        if (m->trust_generation > 1) {
                log_struct(LOG_INFO, LOG_TRUST_CHANGED, "The authorities were read again", NULL);
                tell_authorities_changed(m);
                prompter_changed(m->prompter, OWNER_SYSTEM, NULL, 0);
        }
        tell_ready(m, count);
}

/* -- signals ----------------------------------------------------------------------------- */

static int on_stop_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        log_warning("Stopping although answers are waited for: connections: %u",
                    listener_n_connections(m->listener));
        return sd_event_exit(m->event, 0);
}

/* Takes nothing more; after_all() sees when the last answer is out. */
static int begin_to_stop(Manager *m) {
        m->stopping = true;
        (void) sd_notify(false, "STOPPING=1\nSTATUS=Answering the last calls");
        listener_stop(m->listener);
        bus_stop(m->bus);
        prompter_stop(m->prompter);
        return sd_event_add_time_relative(m->event, NULL, CLOCK_MONOTONIC, STOP_USEC, 0,
                                          on_stop_late, m);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *m = userdata;

        return m->stopping ? sd_event_exit(m->event, 0) : begin_to_stop(m);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info,
                     void *userdata) {
        Manager *m = userdata;
        uint64_t now = 0;

        if (m->stopping)
                return 0;
        (void) sd_event_now(m->event, CLOCK_MONOTONIC, &now);
        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now);
        if (load_conf(m) == 0)
                prompter_changed(m->prompter, OWNER_SYSTEM, NULL, 0);
        (void) trust_reload(m->trust); /* tells of its failures itself, and when it is done */
        bus_try_again(m->bus);
        rules_reload(m->rules); /* says that we are ready again */
        return 0;
}

static int add_signals(Manager *m) {
        static const struct {
                int number;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGTERM, on_stop },
                { SIGINT, on_stop },
                { SIGHUP, on_reload },
        };
        sigset_t set;
        int r;

        /* Before any thread is started, so that none of them gets one. */
        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&set);
        for (size_t i = 0; i < N_ELEMENTS(signals); i++)
                (void) sigaddset(&set, signals[i].number);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
                sd_event_source *source;

                r = sd_event_add_signal(m->event, &source, signals[i].number, signals[i].handler, m);
                if (r < 0)
                        return r;
                /* Who waits in the socket when we are to stop is left to the next daemon, not let in and
                 * turned out again. */
                r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
                (void) sd_event_source_set_floating(source, true);
                (void) sd_event_source_unref(source);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* -- leaving ----------------------------------------------------------------------------- */

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        log_info("Nobody has asked for %u s; leaving until somebody does",
                 m->conf.idle_exit_sec);
        return begin_to_stop(m);
}

/* Only where the service manager holds the socket and starts us again. */
static int watch_idleness(Manager *m) {
        bool counts = m->conf.idle_exit_sec > 0 && listener_was_passed(m->listener) &&
                      listener_n_connections(m->listener) == 0 && bus_is_idle(m->bus);
        int r;

        if (counts == m->idle_counts)
                return 0;
        m->idle_counts = counts;
        if (!counts)
                return sd_event_source_set_enabled(m->idle, SD_EVENT_OFF);
        r = sd_event_source_set_time_relative(m->idle, m->conf.idle_exit_sec * UINT64_C(1000000));
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(m->idle, SD_EVENT_ONESHOT);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        m->patience_usec = UINT64_MAX;
        shares_expire(m->shares, usec);
        return 0;
}

static int watch_shares(Manager *m) {
        uint64_t due = shares_due(m->shares);
        int r;

        if (due == m->patience_usec)
                return 0;
        m->patience_usec = due;
        if (due == UINT64_MAX)
                return sd_event_source_set_enabled(m->patience, SD_EVENT_OFF);
        r = sd_event_source_set_time(m->patience, due);
        return r < 0 ? r : sd_event_source_set_enabled(m->patience, SD_EVENT_ONESHOT);
}

/* Runs after whatever happened, since any of it may have ended the last connection. */
static int after_all(Manager *m) {
        int r;

        (void) mender_check(m->mender);
        r = watch_shares(m);
        if (r < 0)
                return r;
        if (!m->stopping)
                return watch_idleness(m);
        return listener_n_connections(m->listener) == 0 && bus_is_quiet(m->bus)
                       ? sd_event_exit(m->event, 0)
                       : 0;
}

static int add_leaving(Manager *m) {
        int r;

        r = sd_event_add_time_relative(m->event, &m->idle, CLOCK_MONOTONIC, STOP_USEC, 0, on_idle,
                                       m);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(m->idle, SD_EVENT_OFF);
        if (r < 0)
                return r;
        m->patience_usec = UINT64_MAX;
        r = sd_event_add_time(m->event, &m->patience, CLOCK_MONOTONIC, 0, 0, on_patience, m);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(m->patience, SD_EVENT_OFF);
}

/* -- life -------------------------------------------------------------------------------- */

static void take_finished(void *userdata) {
        Manager *m = userdata;

        if (commits_dispatch_one(m->commits))
                turn_want(&m->commits_turn);
        mender_look(m->mender);
}

static int on_commits(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Manager *m = userdata;

        commits_heard(m->commits);
        (void) turn_at_once(&m->commits_turn);
        return 0;
}

static int open_loop(Manager *m) {
        int r;

        r = sd_event_default(&m->event);
        if (r < 0)
                return log_error_errno(r, "Cannot make the event loop: %m");
        r = sd_event_set_watchdog(m->event, true);
        if (r < 0)
                return log_error_errno(r, "Cannot serve the watchdog: %m");
        r = add_signals(m);
        if (r < 0)
                return log_error_errno(r, "Cannot watch signals: %m");
        r = turns_new(m->event, NULL, &m->turns);
        if (r < 0)
                return log_error_errno(r, "Cannot take turns: %m");
        r = add_leaving(m);
        if (r < 0)
                return log_error_errno(r, "Cannot watch the loop: %m");
        return 0;
}

static int make_directories(Manager *m) {
        const Options *o = &m->options;
        int r;

        r = directory_make_private(o->state_directory);
        if (r == -EPERM)
                return log_error_errno(r, "%s belongs to another user than the daemon runs as; "
                                          "give it to that user or give --state-dir",
                                       o->state_directory);
        if (r == -EACCES)
                return log_error_errno(r, "Others may write to %s, and its mode cannot be set to 0700 where the file "
                                          "system is read-only; what is in it may be anybody's. Mount it writable, "
                                          "or give --state-dir", o->state_directory);
        if (r < 0)
                return log_error_errno(r, "Cannot make %s: %m", o->state_directory);
        if (r > 0)
                log_warning("Others may read %s, and its mode cannot be set to 0700 while the file system is "
                            "read-only; it is set once that is mounted writable", o->state_directory);

        r = directory_make_above(o->socket_path, o->user_mode ? 0700 : 0755);
        if (r < 0)
                return log_error_errno(r, "Cannot make the directory of %s: %m", o->socket_path);
        return 0;
}

static int open_store(Manager *m) {
        int damage, r;

        r = manager_open_store(m, &damage);
        if (r < 0)
                return r;
        r = commits_new(m->store, &m->commits);
        if (r < 0)
                return log_error_errno(r, "Cannot start the committing thread: %m");
        r = turn_begin(m->turns, TURNS_OF_STORE, take_finished, m, &m->commits_turn);
        if (r < 0)
                return log_error_errno(r, "Cannot watch the committing thread: %m");
        r = sd_event_add_io(m->event, NULL, commits_fd(m->commits), EPOLLIN, on_commits, m);
        if (r < 0)
                return log_error_errno(r, "Cannot watch the committing thread: %m");
        r = checkups_new(m, &m->checkups);
        if (r < 0)
                return log_error_errno(r, "Cannot prepare examining the store: %m");
        r = mender_new(m, &m->mender);
        if (r < 0)
                return r;
        return damage < 0 ? mender_start(m->mender, damage) : 0;
}

static int open_memory(Manager *m) {
        if (cache_new(&m->cache) < 0 || monitors_new(&m->monitors) < 0 ||
            owners_new(&m->owners) < 0 || namer_new(m->event, caller_user_name, &m->namer) < 0 ||
            prompter_new(m, &m->prompter) < 0 ||
            imports_new(&m->imports) < 0 || shares_new(&m->shares) < 0)
                return log_error_errno(-ENOMEM, "Cannot start: %m");
        return 0;
}

static int open_trust(Manager *m) {
        _cleanup_free_ char *blocked = NULL, *lists = NULL;
        int r;

        if (asprintf(&blocked, "%s/blocked.d", m->options.conf_directory) < 0 ||
            asprintf(&lists, "%s/crls.d", m->options.conf_directory) < 0)
                return log_error_errno(-ENOMEM, "Cannot start: %m");
        r = judges_new(m->event, m->turns, &m->judges);
        if (r < 0)
                return log_error_errno(r, "Cannot prepare the judges: %m");
        r = trust_new(m->event, m->options.trust_file,
                      &(TrustFolders){ .paths = { blocked, lists, VENDORDIR "/crls.d" },
                                       .kept = m->options.state_directory },
                      on_trust_changed, m, &m->trust);
        if (r < 0)
                return log_error_errno(r, "Cannot prepare reading the authorities: %m");
        /* It gets ready while the store is opened. */
        if (trust_block_fd(m->trust) >= 0)
                (void) judges_prepare(m->judges, trust_block_fd(m->trust));
        return 0;
}

int manager_new(Options *options, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        struct timespec now = {};
        int r;

        if (!m)
                return log_error_errno(-ENOMEM, "Cannot start: %m");
        m->started = manager_now();
        (void) clock_gettime(CLOCK_REALTIME, &now);
        m->first_generation = (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
        m->options = *options;
        *options = (Options){ 0 };
        conf_defaults(&m->conf);

        r = load_conf(m);
        if (r < 0)
                return r;
        r = open_loop(m);
        if (r < 0)
                return r;
        r = make_directories(m);
        if (r < 0)
                return r;
        r = open_memory(m);
        if (r < 0)
                return r;
        r = open_trust(m);
        if (r < 0)
                return r;
        r = open_store(m);
        if (r < 0)
                return r;
        r = listener_new(m, m->options.socket_path, &m->listener);
        if (r < 0)
                return r;
        /* Before the first worker that opens anything is started: a judge has a sandbox of its own. */
        r = sandbox_enter_daemon();
        if (r < 0)
                return log_error_errno(r, "Cannot shut the doors that are not needed: %m");
        r = manager_open_rules(m);
        if (r < 0)
                return r;

        r = m->options.bus ? bus_new(m, &m->bus) : 0;
        if (r < 0)
                return log_error_errno(r, "Cannot prepare the bus: %m");

        *ret = TAKE_PTR(m);
        return 0;
}

/* As sd_event_run(), but that it is known when the loop sleeps, and that what is to be looked at after each
 * event costs no event of its own. */
int manager_step(Manager *m, uint64_t usec) {
        int r, n = sd_event_prepare(m->event);

        if (n == 0) {
                turns_rest(m->turns);
                n = sd_event_wait(m->event, usec);
        }
        if (n > 0)
                n = sd_event_dispatch(m->event);
        if (n <= 0)
                return n;
        r = after_all(m);
        return r < 0 ? r : n;
}

int manager_run(Manager *m) {
        int r = 0;

        while (r >= 0 && sd_event_get_state(m->event) != SD_EVENT_FINISHED)
                r = manager_step(m, UINT64_MAX);
        if (r < 0)
                return log_error_errno(r, "The event loop failed: %m");
        log_struct(LOG_INFO, LOG_STOPPED, "Stopped", NULL);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;

        /* Who asks goes first; what was promised to the store is still done, and told. */
        m->listener = listener_free(m->listener);
        m->bus = bus_free(m->bus);
        m->checkups = checkups_free(m->checkups);
        m->commits = commits_free(m->commits);
        m->mender = mender_free(m->mender);
        m->trust = trust_free(m->trust);
        m->rules = rules_free(m->rules);
        m->judges = judges_free(m->judges);
        m->imports = imports_free(m->imports);
        m->namer = namer_free(m->namer);
        m->owners = owners_free(m->owners);
        m->monitors = monitors_free(m->monitors);
        m->prompter = prompter_free(m->prompter);
        m->cache = cache_free(m->cache);
        m->store = store_free(m->store);
        m->shares = shares_free(m->shares);
        turn_end(&m->commits_turn);
        m->turns = turns_free(m->turns);
        m->idle = sd_event_source_disable_unref(m->idle);
        m->patience = sd_event_source_disable_unref(m->patience);
        m->event = sd_event_unref(m->event);
        conf_done(&m->conf);
        options_done(&m->options);
        free(m);
        return NULL;
}
