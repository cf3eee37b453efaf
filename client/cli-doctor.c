/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc doctor: a checklist of the daemon, its store and what they need; each finding in words, with
 * the way out. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/clock.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/times.h"

/* Columns of a mark and a label in front of a text. */
#define LABEL 16U

/* A store of a million decisions is rebuilt in less. */
#define REBUILD_TIMEOUT_MS (30U * 60U * 1000U)

typedef enum Severity {
        WELL,
        NOTE,
        WARNING,
        DAMAGE,
        _SEVERITY_MAX,
} Severity;

/* Words are the interface's. */
static const struct {
        const char *word;
        const char *mark;
        const char *ascii;
        Style style;
} severities[_SEVERITY_MAX] = {
        [WELL] = { "well", "✓", "ok", STYLE_GOOD },
        [NOTE] = { "note", "·", "-", STYLE_PLAIN },
        [WARNING] = { "warning", "!", "!", STYLE_WARN },
        [DAMAGE] = { "damage", "✗", "X", STYLE_BAD },
};

typedef struct Doctor {
        Cli *cli;
        Severity worst;
        bool alone; /* there is no daemon */
        struct json_object *json; /* what is printed at the end; NULL: a checklist is, as it goes */
        struct json_object *findings; /* belongs to @json */
} Doctor;

static void doctor_done(Doctor *d) {
        (void) json_object_put(d->json);
}

/* -- one line of the list ---------------------------------------------------------------------- */

static void add_member(struct json_object *o, const char *name, struct json_object *value) {
        if (value && json_object_object_add(o, name, value) < 0)
                (void) json_object_put(value);
}

/* JSON text of the library's as a member. */
static void add_text(Doctor *d, const char *name, const char *json) {
        if (d->json && json)
                add_member(d->json, name, json_tokener_parse(json));
}

static void add_finding(Doctor *d, const char *id, Severity severity, int64_t count,
                        const char *detail) {
        struct json_object *o = json_object_new_object();

        if (!o)
                return;
        add_member(o, "id", json_object_new_string(id));
        add_member(o, "severity", json_object_new_string(severities[severity].word));
        add_member(o, "count", json_object_new_int64(count));
        add_member(o, "detail", json_object_new_string(detail));
        if (json_object_array_add(d->findings, o) < 0)
                (void) json_object_put(o);
}

static void print_line(const Doctor *d, Severity severity, const char *label, const char *text) {
        const Output *out = &d->cli->out;
        char lead[64];

        if (out->utf8)
                (void) snprintf(lead, sizeof(lead), "%s  %s", severities[severity].mark, label);
        else
                (void) snprintf(lead, sizeof(lead), "%-2s %s", severities[severity].ascii, label);
        output_paragraph(out, LABEL, lead, severities[severity].style, "%s", text);
}

/* What was looked at. @id is the word for what was found, with @detail; @advice (may be NULL) is the
 * way out. Texts are translated already. */
static void _printf_(6, 7) look(Doctor *d, Severity severity, const char *id, const char *label,
                                const char *advice, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (severity > d->worst)
                d->worst = severity;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        if (d->json) {
                if (severity != WELL)
                        add_finding(d, id, severity, 1, "");
                return;
        }
        print_line(d, severity, label, text ? text : "");
        if (advice)
                output_paragraph(&d->cli->out, LABEL, "", STYLE_PLAIN, "%s", advice);
}

/* -- the daemon -------------------------------------------------------------------------------- */

/* Who serves the socket, as the kernel says: true and *@ret. */
static bool find_server(const char *path, struct ucred *ret) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size = sizeof(*ret);
        _cleanup_fd_ int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return false;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd >= 0 && connect(fd, (struct sockaddr *) &address, sizeof(address)) == 0 &&
               getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &size) == 0;
}

static void look_at_server(Doctor *d) {
        const char *path = certexc_client_socket(d->cli->client);
        struct ucred server;
        const struct passwd *pw;

        if (d->cli->bus) {
                look(d, WELL, "", _("Bus"), NULL, _("org.certexc1 on the system's bus"));
                return;
        }
        if (!find_server(path, &server))
                return;
        pw = getpwuid(server.uid);
        look(d, WELL, "", _("Socket"), NULL, _("%s, served by %s (process %d)"), path,
             pw ? pw->pw_name : "?", (int) server.pid);
}

static const char *text_or(const certexc_status *status, const char *name, const char *otherwise) {
        const char *text = certexc_status_text(status, name);

        return text && *text ? text : otherwise;
}

static void look_at_daemon(Doctor *d, const certexc_status *status) {
        const char *version = text_or(status, "version", "?");
        const bool user = strcmp(text_or(status, "mode", "?"), "user") == 0;
        char date[TIMES_TEXT_MAX];

        times_write(certexc_status_number(status, "started"), date);
        look(d, WELL, "", _("Daemon"), NULL, _("certexcd %s, for %s, since %s"), version,
             user ? _("one user") : _("the system"), date);
        if (strcmp(version, PACKAGE_VERSION) != 0)
                look(d, WARNING, "version-differs", _("Version"),
                     user ? _("Start the daemon anew: systemctl --user restart certexcd.")
                          : _("Start the daemon anew: systemctl restart certexcd."),
                     _("The daemon is certexcd %s, and this program is certexc %s."), version,
                     PACKAGE_VERSION);
}

static void look_at_state(Doctor *d, const certexc_status *status) {
        const char *store = text_or(status, "store", "?");
        const char *detail = text_or(status, "store_detail", "");
        const char *directory = text_or(status, "state_directory", "?");

        if (strcmp(store, "ok") == 0)
                look(d, WELL, "", _("Store"), NULL, _("in %s, takes changes"), directory);
        else if (strcmp(store, "rebuilding") == 0)
                look(d, WARNING, "store-rebuilding", _("Store"),
                     _("Wait until that is done, then look again."),
                     _("It is being rebuilt: %s."), detail);
        else
                look(d, DAMAGE, "store-failed", _("Store"),
                     _("Verdicts go on, changes are refused until the reason is gone."), "%s: %s",
                     directory, detail);
}

static void look_at_rebuild(Doctor *d, const certexc_status *status) {
        const bool lost = certexc_status_number(status, "last_rebuild.missing") > 0;
        _cleanup_free_ char *sentence = explain_rebuild(status);

        if (sentence)
                look(d, lost ? WARNING : NOTE, lost ? "rebuilt-with-loss" : "rebuilt", _("Rebuilt"), NULL, "%s",
                     sentence);
}

/* Also after a restart and after other rebuilds: who looks seldom is to hear of it. */
static void look_at_losses(Doctor *d, const certexc_status *status) {
        for (size_t i = 0;; i++) {
                _cleanup_free_ char *sentence = explain_loss(status, i), *advice = NULL;

                if (!sentence)
                        return;
                if (asprintf(&advice, _("Look at \"certexc list\": what was decided shortly before may have to be decided "
                                        "again. You are told of this for 30 days, or until the file %s/losses is "
                                        "removed."), text_or(status, "state_directory", "?")) < 0)
                        advice = NULL;
                look(d, WARNING, "loss", _("Lost"), advice, "%s", sentence);
        }
}

static void look_at_decisions(Doctor *d, const certexc_status *status) {
        const int64_t exceptions = certexc_status_number(status, "counts.exceptions");
        const int64_t denials = certexc_status_number(status, "counts.denials");
        const int64_t unconfirmed = certexc_status_number(status, "counts.unconfirmed");
        const int64_t most = certexc_status_number(status, "counts.exceptions_max");
        const int64_t in_files = certexc_status_number(status, "in_files");
        const bool full = exceptions + denials + unconfirmed >= most - most / 10;

        look(d, full ? WARNING : WELL, "nearly-full", _("Decisions"),
             full ? _("Revoke what is not needed any more: past the bound nothing can be added.")
                  : NULL,
             _("%" PRId64 " allowed, %" PRId64 " denied, %" PRId64 " unconfirmed; %" PRId64
               " is the most"),
             exceptions, denials, unconfirmed, most);
        if (in_files > 0)
                look(d, WELL, "", _("In files"), NULL,
                     P_("%" PRId64 " decision is in force", "%" PRId64 " decisions are in force",
                        (unsigned long) in_files), in_files);
        if (unconfirmed > 0)
                look(d, NOTE, "unconfirmed", _("Unconfirmed"),
                     _("You are asked about each when you next connect there."),
                     P_("%" PRId64 " exception is kept, but accepts nothing until you say that it still holds.",
                        "%" PRId64 " exceptions are kept, but accept nothing until you say that they still hold.",
                        (unsigned long) unconfirmed),
                     unconfirmed);
}

static void look_at_authorities(Doctor *d, const certexc_status *status) {
        const int64_t n = certexc_status_number(status, "authorities");

        look(d, n > 0 ? WELL : DAMAGE, "no-authorities", _("Authorities"),
             n > 0 ? NULL
                   : _("Install your system's ca-certificates, then reload certexcd: until then every "
                       "certificate has an unknown issuer."),
             _("%" PRId64 " from %s"), n, text_or(status, "authorities_from", "?"));
}

static void look_at_clock(Doctor *d) {
        char now[TIMES_TEXT_MAX];
        const bool kept = clock_is_kept();

        times_write(time(NULL), now);
        look(d, kept ? WELL : NOTE, "clock-not-kept", _("Clock"),
             kept ? NULL
                  : _("Look whether date, year and time zone are true: certificates are judged by "
                      "them."),
             kept ? _("%s, kept right over the network")
                  : _("%s; nothing keeps it right over the network"),
             now);
}

static void look_at_warnings(Doctor *d, const certexc_status *status) {
        for (size_t i = 0; i < certexc_status_n_warnings(status); i++)
                look(d, WARNING, "warning", _("Warning"), NULL, "%s",
                     certexc_status_warning(status, i));
}

/* -- the store --------------------------------------------------------------------------------- */

static const struct {
        const char *step;
        const char *text;
} steps[] = {
        { "files", N_("Looking at the files") },
        { "structure", N_("Reading the database's pages") },
        { "rows", N_("Checking every row by its digest") },
        { "counts", N_("Counting") },
        { "journal", N_("Reading the journal") },
        { "waiting", N_("Waiting for another examination to end") },
};

static void show_progress(const char *step, int64_t done, int64_t total, void *userdata) {
        const Doctor *d = userdata;
        const char *text = step;

        for (size_t i = 0; i < N_ELEMENTS(steps); i++)
                if (strcmp(steps[i].step, step) == 0)
                        text = _(steps[i].text);
        if (total > 0)
                output_progress(&d->cli->err, "%s: %d %%", text,
                                (int) (100.0 * (double) done / (double) total));
        else
                output_progress(&d->cli->err, "%s ...", text);
}

static Severity severity_of(const char *word) {
        for (unsigned i = 0; i < _SEVERITY_MAX; i++)
                if (strcmp(severities[i].word, word) == 0)
                        return (Severity) i;
        return DAMAGE;
}

static void print_finding(Doctor *d, const certexc_check *check, size_t i) {
        const char *id = certexc_check_finding(check, i);
        const char *detail = certexc_check_finding_detail(check, i);
        const int64_t count = certexc_check_finding_count(check, i);
        const Severity severity = severity_of(certexc_check_finding_severity(check, i));
        const char *meaning = certexc_finding_meaning(id);

        if (severity > d->worst)
                d->worst = severity;
        if (d->json) {
                add_finding(d, id, severity, count, detail);
                return;
        }
        if (strcmp(id, "set-aside") != 0) {
                look(d, severity, id, severity == NOTE ? _("Note") : _("Found"), certexc_finding_advice(id),
                     "%s (%s: %" PRId64 ", %s)", meaning ? meaning : id, id, count, detail);
                return;
        }
        /* All of them follow, not the first alone. */
        look(d, severity, id, _("Note"), certexc_finding_advice(id), "%s (%s: %" PRId64 ")", meaning ? meaning : id,
             id, count);
        for (size_t j = 0; j < certexc_check_n_kept(check); j++)
                output_paragraph(&d->cli->out, LABEL, "", STYLE_DIM, "%s", certexc_check_kept(check, j));
}

static void look_at_check(Doctor *d, const certexc_check *check) {
        const int64_t rows = certexc_check_number(check, "rows");
        char space[32];

        (void) snprintf(space, sizeof(space), "%.1f GiB",
                        (double) certexc_check_number(check, "free_bytes") / (1 << 30));
        if (certexc_check_whole(check))
                look(d, WELL, "", _("Examined"), NULL,
                     _("rows that hold: %" PRId64 "; lines of the journal that hold: %" PRId64 "; last change: "
                       "number %" PRId64 "; free on the disk: %s"),
                     rows, certexc_check_number(check, "lines"),
                     certexc_check_number(check, "database_number"), space);
        else
                look(d, WELL, "", _("Examined"), NULL,
                     _("rows of your own that hold: %" PRId64 "; all of the store is the administrator's to "
                       "examine; free on the disk: %s"),
                     rows, space);
        for (size_t i = 0; i < certexc_check_n_findings(check); i++)
                print_finding(d, check, i);
}

static int examine(Doctor *d) {
        _cleanup_(certexc_check_freep) certexc_check *check = NULL;
        int r;

        r = certexc_check_store(d->cli->client, d->cli->options.deep ? CERTEXC_DEEP : 0,
                                show_progress, d, &check);
        output_progress(&d->cli->err, "%s", "");
        if (r < 0)
                return cli_fail_client(d->cli, r);
        add_text(d, "check", certexc_check_json(check));
        look_at_check(d, check);
        return EXIT_DONE;
}

/* What came of it is told by the status that follows. */
static int rebuild(Doctor *d) {
        _cleanup_free_ char *reply = NULL;
        int r;

        output_progress(&d->cli->err, "%s ...", _("Rebuilding the store"));
        certexc_client_set_timeout(d->cli->client, REBUILD_TIMEOUT_MS);
        r = certexc_call(d->cli->client, "Rebuild", NULL, &reply);
        output_progress(&d->cli->err, "%s", "");
        return r < 0 ? cli_fail_client(d->cli, r) : EXIT_DONE;
}

/* -- no daemon --------------------------------------------------------------------------------- */

static void look_at_path(Doctor *d, const char *path) {
        struct stat st;
        const bool there = lstat(path, &st) == 0;

        look(d, DAMAGE, there ? "nobody-listens" : "no-socket", _("Socket"), NULL,
             !there                 ? _("%s: there is no socket")
             : S_ISSOCK(st.st_mode) ? _("%s: no daemon can be reached there")
                                    : _("%s: this is no socket"), path);
}

/* As the library looks for it. */
static void look_at_paths(Doctor *d) {
        const char *given = secure_getenv("CERTEXC_SOCKET"), *runtime = secure_getenv("XDG_RUNTIME_DIR");
        const char *asked = certexc_client_socket(d->cli->client);
        _cleanup_free_ char *own = NULL;

        if (!d->cli->options.socket && !(given && *given) && runtime && *runtime == '/' &&
            asprintf(&own, "%s/certexc/org.certexc1", runtime) < 0)
                own = NULL;
        if (own && strcmp(own, asked) != 0)
                look_at_path(d, own);
        look_at_path(d, asked);
}

static void look_at_unit(Doctor *d) {
        static const char *const units[] = {
                "/etc/systemd/system/certexcd.socket", "/usr/local/lib/systemd/system/certexcd.socket",
                "/usr/lib/systemd/system/certexcd.socket", "/lib/systemd/system/certexcd.socket",
        };
        const bool booted = access("/run/systemd/system", F_OK) == 0;
        const char *unit = NULL;

        for (size_t i = 0; !unit && i < N_ELEMENTS(units); i++)
                unit = access(units[i], F_OK) == 0 ? units[i] : NULL;

        look(d, unit ? NOTE : DAMAGE, unit ? "not-started" : "no-unit", _("Unit"),
             !booted ? _("This system was not started by systemd: start certexcd yourself, for you alone with "
                         "\"certexcd --user\".")
             : unit  ? _("Start it: systemctl enable --now certexcd.socket, or for you alone: systemctl --user "
                         "enable --now certexcd.socket. What keeps it from starting is told by: journalctl -u "
                         "certexcd.")
                     : _("Install certexcd, or start one for you alone: certexcd --user."),
             "%s: %s", unit ? unit : "certexcd.socket", unit ? _("is there") : _("is in no folder of systemd's"));
}

/* Nobody can be asked, which is what is told. */
static int look_around(Doctor *d) {
        d->alone = true;
        if (d->json)
                (void) cli_fail_client(d->cli, -ENOTCONN);
        look(d, DAMAGE, "no-daemon", _("Daemon"), NULL, "%s", certexc_client_error(d->cli->client));
        look_at_paths(d);
        look_at_unit(d);
        look_at_clock(d);
        return EXIT_DONE;
}

/* -- the whole --------------------------------------------------------------------------------- */

static int look_at_all(Doctor *d) {
        _cleanup_(certexc_status_freep) certexc_status *status = NULL;
        int r;

        r = certexc_get_status(d->cli->client, &status);
        if (r == -ENOTCONN && !d->cli->bus)
                return look_around(d);
        if (r < 0)
                return cli_fail_client(d->cli, r);
        add_text(d, "status", certexc_status_json(status));
        look_at_server(d);
        look_at_daemon(d, status);
        look_at_clock(d);
        look_at_authorities(d, status);
        look_at_state(d, status);
        look_at_rebuild(d, status);
        look_at_losses(d, status);
        look_at_decisions(d, status);
        look_at_warnings(d, status);
        (void) output_finish(&d->cli->out);
        return examine(d);
}

static int conclude(const Doctor *d) {
        const bool found = d->worst >= WARNING;
        const int status = d->alone ? EXIT_FAILED : found ? EXIT_FOUND : EXIT_DONE;

        if (d->json) {
                output_json(&d->cli->out, json_object_to_json_string_ext(d->json, JSON_C_TO_STRING_PLAIN));
                return status;
        }
        output_gap(&d->cli->out);
        output_line(&d->cli->out, STYLE_BOLD, "%s",
                    found ? _("Something is to be looked at: see above.") : _("All is well."));
        return status;
}

int cli_doctor(Cli *cli, int n, char **arguments) {
        _cleanup_(doctor_done) Doctor d = { .cli = cli };
        int status = EXIT_DONE;

        if (cli->options.json) {
                d.json = json_object_new_object();
                d.findings = json_object_new_array();
                if (!d.json || !d.findings)
                        return cli_no_memory(cli);
                add_member(d.json, "findings", d.findings);
        }
        if (cli->options.rebuild)
                status = rebuild(&d);
        if (status == EXIT_DONE)
                status = look_at_all(&d);
        return status == EXIT_DONE ? conclude(&d) : status;
}
