/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Check: the store examined by its daemon, on a connection of its own, and what was found as
 * sentences. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/fields.h"
#include "client/i18n.h"
#include "client/library.h"

struct certexc_check {
        JsonObject *object; /* the reply; what follows is borrowed from it */
        JsonObject *check;
        JsonObject *kept;
        JsonObject *findings;
        bool whole;
};

/* Who is told how far it has come. */
typedef struct Watcher {
        certexc_check_progress progress;
        void *userdata;
} Watcher;

static void add_parameters(Parameters *p, const certexc_client *client, unsigned flags) {
        if (flags & CERTEXC_DEEP)
                parameters_add(p, "deep", json_object_new_boolean(true));
        parameters_add_owner(p, client);
}

static int send_call(Connection *connection, certexc_client *client, unsigned flags,
                     int64_t deadline) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        _cleanup_free_ char *message = NULL;
        size_t size;
        int r;

        parameters_init(&p);
        add_parameters(&p, client, flags);
        if (p.bad)
                return -ENOMEM;
        r = varlink_write_call("org.certexc1.CheckStore", p.object, true, false, &message, &size);
        return r < 0 ? r : connection_send(connection, message, size, deadline);
}

static bool is_finding(JsonObject *object) {
        Fields f = FIELDS_INIT(object);

        (void) fields_string(&f, "id");
        (void) fields_string(&f, "severity");
        (void) fields_int(&f, "count", 1, INT64_MAX);
        (void) fields_string(&f, "detail");
        return fields_finish(&f, false) >= 0;
}

static int read_check(certexc_check *c, const char **ret_field) {
        Fields f = FIELDS_INIT(c->check);

        c->whole = fields_bool_or(&f, "whole", false);
        c->kept = fields_array(&f, "kept", true);
        c->findings = fields_array(&f, "findings", true);
        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        *ret_field = "findings";
        for (size_t i = 0; i < n_items(c->findings); i++)
                if (!json_object_is_type(json_object_array_get_idx(c->findings, i),
                                         json_type_object) ||
                    !is_finding(json_object_array_get_idx(c->findings, i)))
                        return -EPROTO;
        *ret_field = "kept";
        return is_string_array(c->kept) ? 0 : -EPROTO;
}

static int tell(const Watcher *watcher, JsonObject *progress) {
        Fields f = FIELDS_INIT(progress);
        const char *step = fields_string(&f, "step");
        int64_t done = fields_int(&f, "done", 0, INT64_MAX);
        int64_t total = fields_int(&f, "total", 0, INT64_MAX);

        if (fields_finish(&f, false) < 0)
                return -EPROTO;
        if (watcher->progress)
                watcher->progress(step, done, total, watcher->userdata);
        return 0;
}

/* One reply: 1 if it was the last, 0 if more come, -errno with the client's trouble set. */
static int take_reply(certexc_client *client, const Watcher *watcher, JsonObject *message,
                      JsonObject **ret) {
        _cleanup_(json_unrefp) JsonObject *owned = message;
        JsonObject *progress;
        VarlinkReply reply;
        VarlinkFault fault;

        if (varlink_reply_read(message, &reply, &fault) < 0)
                return client_bad_reply(client, "CheckStore", "");
        if (reply.error)
                return trouble_set_reply(client_trouble(client), TAKE_PTR(owned), &reply);
        if (!reply.continues) {
                *ret = json_object_get(reply.parameters);
                return 1;
        }

        Fields f = FIELDS_INIT(reply.parameters);
        progress = fields_object(&f, "progress", true);
        if (fields_finish(&f, false) < 0 || tell(watcher, progress) < 0)
                return client_bad_reply(client, "CheckStore", "progress");
        return 0;
}

/* The daemon tells more than twice a second that it is still at it. */
static int receive(certexc_client *client, Connection *connection, const Watcher *watcher,
                   JsonObject **ret) {
        for (;;) {
                JsonObject *message = NULL;
                int r;

                r = connection_receive(connection, true,
                                       connection_deadline(client_timeout(client)), &message);
                if (r < 0)
                        return trouble_set(client_trouble(client), r,
                                           "The certexc daemon did not finish examining its store. "
                                           "Try again; its log tells why.");
                r = take_reply(client, watcher, message, ret);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

static int ask_elsewhere(certexc_client *client, unsigned flags, JsonObject **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };

        parameters_init(&p);
        add_parameters(&p, client, flags);
        return parameters_call(&p, client, "CheckStore", ret);
}

static int ask(certexc_client *client, unsigned flags, const Watcher *watcher, JsonObject **ret) {
        _cleanup_(connection_freep) Connection *connection = NULL;
        int64_t deadline = connection_deadline(client_timeout(client));
        int r;

        /* Only the socket tells of progress. */
        if (client_has_transport(client))
                return ask_elsewhere(client, flags, ret);
        trouble_clear(client_trouble(client));
        r = connection_new(certexc_client_socket(client), deadline, client_trouble(client),
                           &connection);
        if (r < 0)
                return r;
        r = send_call(connection, client, flags, deadline);
        if (r == -ENOMEM)
                return client_no_memory(client);
        if (r < 0)
                return trouble_set(client_trouble(client), r,
                                   "The certexc daemon did not take the call of CheckStore. Try "
                                   "again; its log tells why.");
        return receive(client, connection, watcher, ret);
}

int certexc_check_store(certexc_client *client, unsigned flags, certexc_check_progress progress,
                        void *userdata, certexc_check **ret) {
        _cleanup_(certexc_check_freep) certexc_check *c = NULL;
        Watcher watcher = { progress, userdata };
        const char *field = "check";
        int r;

        if (!client || !ret || (flags & ~CERTEXC_DEEP) != 0)
                return client_misuse(client);
        c = calloc(1, sizeof(*c));
        if (!c)
                return client_no_memory(client);
        r = ask(client, flags, &watcher, &c->object);
        if (r < 0)
                return r;

        Fields f = FIELDS_INIT(c->object);
        c->check = fields_object(&f, "check", true);
        if (fields_finish(&f, false) < 0 || read_check(c, &field) < 0)
                return client_bad_reply(client, "CheckStore", field);
        *ret = TAKE_PTR(c);
        return 0;
}

certexc_check *certexc_check_free(certexc_check *check) {
        if (!check)
                return NULL;
        (void) json_object_put(check->object);
        free(check);
        return NULL;
}

bool certexc_check_whole(const certexc_check *check) {
        return check && check->whole;
}

int64_t certexc_check_number(const certexc_check *check, const char *field) {
        JsonObject *value = NULL;

        if (!check || !field || !json_object_object_get_ex(check->check, field, &value))
                return 0;
        return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

size_t certexc_check_n_kept(const certexc_check *check) {
        return check ? n_items(check->kept) : 0;
}

const char *certexc_check_kept(const certexc_check *check, size_t i) {
        return check ? string_item(check->kept, i) : NULL;
}

size_t certexc_check_n_findings(const certexc_check *check) {
        return check ? n_items(check->findings) : 0;
}

static JsonObject *field_of(const certexc_check *check, size_t i, const char *name) {
        if (i >= certexc_check_n_findings(check))
                return NULL;
        return json_object_object_get(json_object_array_get_idx(check->findings, i), name);
}

const char *certexc_check_finding(const certexc_check *check, size_t i) {
        return json_object_get_string(field_of(check, i, "id"));
}

const char *certexc_check_finding_severity(const certexc_check *check, size_t i) {
        return json_object_get_string(field_of(check, i, "severity"));
}

int64_t certexc_check_finding_count(const certexc_check *check, size_t i) {
        return json_object_get_int64(field_of(check, i, "count"));
}

const char *certexc_check_finding_detail(const certexc_check *check, size_t i) {
        return json_object_get_string(field_of(check, i, "detail"));
}

const char *certexc_check_json(const certexc_check *check) {
        return check ? json_text(check->check) : NULL;
}

/* -- words ------------------------------------------------------------------------------------- */

#define REBUILD_IT                                                                                 \
        N_("Look for disk errors, make a copy of the state directory, then have the store made whole " \
           "again: \"certexc doctor --rebuild\".")

static const struct {
        const char *id;
        const char *meaning;
        const char *advice;
} findings[] = {
        { "directory-open", N_("Others than the daemon may look into the state directory."),
          N_("Take the rights away: chmod 0700 on the directory, owned by the daemon's user.") },
        { "file-open", N_("Others than the daemon may read a file of the store."),
          N_("Take the rights away: chmod 0600 on the file, owned by the daemon's user.") },
        { "files-replaced", N_("certexc.db was removed or replaced while the daemon runs."),
          N_("The daemon notices it by itself at the next question; ask again then.") },
        { "disk-nearly-full",
          N_("The disk of the state directory is nearly full: the store could not be made anew "
             "there."),
          N_("Free some space. While the disk is full, verdicts go on and changes are refused.") },
        { "set-aside", N_("Files that were damaged, older than they should be, or empty where they should not, were set "
                         "aside when the store was rebuilt before."),
          N_("They are kept in case something is missing; remove them when nothing is.") },
        { "structure-damaged", N_("The database's pages do not add up."), REBUILD_IT },
        { "references-broken", N_("Rows of the database refer to others that are not there."),
          REBUILD_IT },
        { "decisions-damaged",
          N_("Decisions are not as they were written. They are not used; you are asked again."),
          REBUILD_IT },
        { "authorities-damaged",
          N_("What you believe or distrust is not as it was written. It is not believed."), REBUILD_IT },
        { "certificates-damaged", N_("Certificates are not as they were written."), REBUILD_IT },
        { "certificates-missing", N_("Certificates of decisions are not there."), REBUILD_IT },
        { "names-damaged", N_("Users' names that decisions belong to are not as they were written."),
          REBUILD_IT },
        { "history-damaged", N_("Lines of the history make no sense."), REBUILD_IT },
        { "history-incomplete", N_("The history lacks lines. No decision depends on them."),
          N_("Nothing needs to be done. It comes of damage to both copies at once.") },
        { "counters-wrong", N_("What the store counts is not what is there."), REBUILD_IT },
        { "certificates-unused", N_("Certificates are kept that no decision is about."),
          N_("Nothing needs to be done; they take some space.") },
        { "refusals-differ",
          N_("What was denied or revoked is not complete. Nothing is accepted by exception until that "
             "is mended."),
          REBUILD_IT },
        { "last-write-ahead", N_("The store was last changed at a time that is yet to come."),
          N_("This computer's clock is or was wrong. Set it right; ends count by the later of the "
             "two.") },
        { "journal-missing", N_("The journal, the second copy of the decisions, is not there."),
          REBUILD_IT },
        { "journal-damaged", N_("The journal, the second copy of the decisions, is damaged."),
          REBUILD_IT },
        { "journal-behind", N_("The journal lacks changes that the database has."), REBUILD_IT },
        { "journal-other", N_("The journal is not the one that the database goes with."),
          REBUILD_IT },
        { "database-behind", N_("The database lacks changes that the journal has."),
          N_("The daemon brings it up by itself; if this stays, look for disk errors.") },
        { "copies-differ", N_("Database and journal tell decisions differently."), REBUILD_IT },
        { "histories-differ", N_("Database and journal tell the history differently."), REBUILD_IT },
};

const char *certexc_finding_meaning(const char *id) {
        for (size_t i = 0; id && i < N_ELEMENTS(findings); i++)
                if (strcmp(findings[i].id, id) == 0)
                        return _(findings[i].meaning);
        return NULL;
}

const char *certexc_finding_advice(const char *id) {
        for (size_t i = 0; id && i < N_ELEMENTS(findings); i++)
                if (strcmp(findings[i].id, id) == 0)
                        return _(findings[i].advice);
        return NULL;
}
