/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Client: which daemon is asked, and one call after the other. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/i18n.h"
#include "client/library.h"

#define INTERFACE "org.certexc1"
#define SYSTEM_SOCKET "/run/certexc/" INTERFACE
#define TIMEOUT_MS 5000U

/* Chains that need not be sent again; a mail program talks to a handful of servers. */
#define SHOWN_MAX 16U

struct certexc_client {
        char *socket;
        unsigned timeout;
        unsigned patience; /* beyond that */
        int64_t owner;
        Connection *connection; /* NULL while there is none */
        certexc_transport transport; /* NULL: the socket */
        void *transport_data;
        Trouble trouble;
        uint8_t shown[SHOWN_MAX][SHA256_SIZE];
        unsigned n_shown; /* ever; the oldest is overwritten */
};

/* The usual search. NULL when out of memory. */
static char *find_socket(void) {
        const char *given = secure_getenv("CERTEXC_SOCKET");
        const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
        _cleanup_free_ char *user = NULL;
        struct stat st;

        if (given && *given)
                return strdup(given);
        if (!runtime || *runtime != '/')
                return strdup(SYSTEM_SOCKET);
        if (asprintf(&user, "%s/certexc/" INTERFACE, runtime) < 0)
                return NULL;
        if (stat(user, &st) < 0 || !S_ISSOCK(st.st_mode))
                return strdup(SYSTEM_SOCKET);
        return TAKE_PTR(user);
}

int certexc_client_new(const char *socket, certexc_client **ret) {
        _cleanup_(certexc_client_freep) certexc_client *c = NULL;

        if (!ret || (socket && !*socket))
                return -EINVAL;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->timeout = TIMEOUT_MS;
        c->owner = CERTEXC_OWNER_SELF;
        c->socket = socket ? strdup(socket) : find_socket();
        if (!c->socket)
                return -ENOMEM;

        *ret = TAKE_PTR(c);
        return 0;
}

certexc_client *certexc_client_free(certexc_client *client) {
        if (!client)
                return NULL;
        client->connection = connection_free(client->connection);
        trouble_clear(&client->trouble);
        free(client->socket);
        free(client);
        return NULL;
}

const char *certexc_client_socket(const certexc_client *client) {
        return client ? client->socket : NULL;
}

void certexc_client_set_timeout(certexc_client *client, unsigned milliseconds) {
        if (client)
                client->timeout = milliseconds;
}

void certexc_client_set_owner(certexc_client *client, int64_t owner) {
        if (client)
                client->owner = owner;
}

void certexc_client_set_transport(certexc_client *client, certexc_transport transport,
                                  void *userdata) {
        if (!client)
                return;
        client->transport = transport;
        client->transport_data = userdata;
        client->connection = connection_free(client->connection);
}

const char *certexc_client_error(const certexc_client *client) {
        return client ? trouble_sentence(&client->trouble) : _("There is no client.");
}

const char *certexc_client_error_name(const certexc_client *client) {
        return client ? client->trouble.reply.error : NULL;
}

const char *certexc_client_error_json(const certexc_client *client) {
        return client ? json_text(client->trouble.reply.parameters) : NULL;
}

void client_set_patience(certexc_client *client, unsigned milliseconds) {
        client->patience = milliseconds;
}

/* How long a call may take; 0: without end. */
static unsigned bound(const certexc_client *client) {
        unsigned sum;

        if (client->timeout == 0 || __builtin_add_overflow(client->timeout, client->patience, &sum))
                return 0;
        return sum;
}

Trouble *client_trouble(certexc_client *client) {
        return &client->trouble;
}

unsigned client_timeout(const certexc_client *client) {
        return client->timeout;
}

int64_t client_owner(const certexc_client *client) {
        return client->owner;
}

bool client_has_transport(const certexc_client *client) {
        return client->transport != NULL;
}

int client_misuse(certexc_client *client) {
        if (!client)
                return -EINVAL;
        return trouble_set(&client->trouble, -EINVAL,
                           "The program called libcertexc without what the call needs.");
}

int client_no_memory(certexc_client *client) {
        return trouble_set(&client->trouble, -ENOMEM, "There is not enough memory.");
}

int client_bad_reply(certexc_client *client, const char *method, const char *field) {
        client->connection = connection_free(client->connection);
        return trouble_set(&client->trouble, -EPROTO,
                           "The daemon's reply to %s makes no sense (\"%s\"). Its version may not "
                           "fit that of this program; nothing was taken from it.",
                           method, field);
}

bool client_has_shown(const certexc_client *client, const uint8_t sha256[static SHA256_SIZE]) {
        unsigned n = client->n_shown < SHOWN_MAX ? client->n_shown : SHOWN_MAX;

        for (unsigned i = 0; i < n; i++)
                if (memcmp(client->shown[i], sha256, SHA256_SIZE) == 0)
                        return true;
        return false;
}

void client_note_shown(certexc_client *client, const uint8_t sha256[static SHA256_SIZE]) {
        if (!client_has_shown(client, sha256))
                memcpy(client->shown[client->n_shown++ % SHOWN_MAX], sha256, SHA256_SIZE);
}

static int explain_call(certexc_client *c, int error, const char *method) {
        switch (error) {
        case -ECONNRESET:
                return trouble_set(&c->trouble, error,
                                   "The certexc daemon went away before it answered %s. Try "
                                   "again; its log tells why.",
                                   method);
        case -ETIMEDOUT:
                return trouble_set(&c->trouble, error,
                                   "The certexc daemon did not answer %s within %u ms. Try again "
                                   "later; its log may tell why.",
                                   method, bound(c));
        case -EPROTO:
                return trouble_set(&c->trouble, error,
                                   "What serves %s does not speak Varlink. Say where certexcd's "
                                   "socket is with CERTEXC_SOCKET.",
                                   c->socket);
        default:
                return trouble_set(&c->trouble, error, "The certexc daemon at %s: %s.", c->socket,
                                   strerrordesc_np(-error));
        }
}

/* One message there, one back. What goes wrong here leaves the connection useless. */
static int exchange(certexc_client *c, const char *message, size_t size, int64_t deadline,
                    JsonObject **ret) {
        int sent, r;

        sent = connection_send(c->connection, message, size, deadline);
        /* A daemon that hangs up may have said why. */
        if (sent < 0 && sent != -ECONNRESET)
                return sent;
        r = connection_receive(c->connection, true, deadline, ret);
        return r < 0 ? r : 0;
}

static int exchange_anew(certexc_client *c, const char *message, size_t size, JsonObject **ret) {
        int64_t deadline = connection_deadline(bound(c));
        bool again = false;
        int r;

        for (;;) {
                if (!c->connection) {
                        r = connection_new(c->socket, deadline, &c->trouble, &c->connection);
                        if (r < 0)
                                return r;
                }
                r = exchange(c, message, size, deadline, ret);
                if (r != -ECONNRESET || again)
                        return r;
                /* It was restarted, maybe between letting us in and hearing us. The next one is asked, and none
                 * after that. All our methods may be said twice. */
                c->connection = connection_free(c->connection);
                again = true;
        }
}

static int take_reply(certexc_client *c, const char *method, JsonObject *message,
                      JsonObject **ret) {
        VarlinkFault fault;
        VarlinkReply reply;

        if (varlink_reply_read(message, &reply, &fault) < 0 || reply.continues ||
            (c->connection && !connection_is_quiet(c->connection))) {
                (void) json_object_put(message);
                c->connection = connection_free(c->connection);
                return explain_call(c, -EPROTO, method);
        }
        if (reply.error)
                return trouble_set_reply(&c->trouble, message, &reply);

        *ret = reply.parameters ? json_object_get(reply.parameters) : json_object_new_object();
        (void) json_object_put(message);
        return *ret ? 0 : client_no_memory(c);
}

/* The same over another way. */
static int call_transport(certexc_client *c, const char *method, JsonObject *parameters,
                          JsonObject **ret) {
        _cleanup_free_ char *text = NULL;
        VarlinkFault fault;
        int r;

        r = c->transport(c->transport_data, method, json_text(parameters) ?: "{}", &text);
        if (r < 0)
                return trouble_set(&c->trouble, r, "The certexc daemon could not be asked: %s.",
                                   strerrordesc_np(-r) ?: "");
        r = varlink_parse((Blob){ (const uint8_t *) text, strlen(text) }, ret, &fault);
        return r == -EBADMSG ? explain_call(c, -EPROTO, method) : r;
}

int client_call(certexc_client *client, const char *method, JsonObject *parameters,
                JsonObject **ret) {
        _cleanup_free_ char *name = NULL, *message = NULL;
        JsonObject *reply = NULL;
        size_t size;
        int r;

        trouble_clear(&client->trouble);
        if (asprintf(&name, "%s%s", strchr(method, '.') ? "" : INTERFACE ".", method) < 0) {
                name = NULL;
                return client_no_memory(client);
        }
        if (client->transport) {
                r = call_transport(client, name, parameters, &reply);
                return r < 0 ? r : take_reply(client, method, reply, ret);
        }
        r = varlink_write_call(name, parameters, false, false, &message, &size);
        if (r < 0)
                return client_no_memory(client);

        r = exchange_anew(client, message, size, &reply);
        if (r < 0) {
                client->connection = connection_free(client->connection);
                return client->trouble.error ? r : explain_call(client, r, method);
        }
        return take_reply(client, method, reply, ret);
}

int certexc_call(certexc_client *client, const char *method, const char *parameters, char **ret) {
        _cleanup_(json_unrefp) JsonObject *in = NULL, *out = NULL;
        VarlinkFault fault;
        Blob text;
        char *copy;
        int r;

        if (!client || !method || !*method || !ret)
                return client_misuse(client);
        if (parameters) {
                text = (Blob){ (const uint8_t *) parameters, strlen(parameters) };
                r = varlink_parse(text, &in, &fault);
                if (r == -EBADMSG)
                        return trouble_set(&client->trouble, -EINVAL,
                                           "The parameters are no JSON object: %s at byte %zu.",
                                           fault.reason, fault.offset);
                if (r < 0)
                        return client_no_memory(client);
        }

        r = client_call(client, method, in, &out);
        if (r < 0)
                return r;
        copy = strdup(json_text(out) ?: "{}");
        if (!copy)
                return client_no_memory(client);
        *ret = copy;
        return 0;
}
