/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is on the bus: each sender by its unique name, which is never used again. The bus is asked
 * once who it is, without waiting (sd_bus_query_sender_creds() would), and tells when it leaves. A
 * sender's calls are done one after another, as on the socket; those that wait for a person step
 * aside.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "client/varlink.h"
#include "daemon/bus-private.h"
#include "daemon/limits.h"

/* No uid: nobody has said yet who it is. */
#define UID_UNKNOWN ((uid_t) -1)

#define DRIVER "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"

/* -- calls ------------------------------------------------------------------------------------- */

static unsigned count(const BusCall *call) {
        unsigned n = 0;

        for (; call; call = call->next)
                if (!call->streams || !call->answered)
                        n++;
        return n;
}

/* The message, what it is read into, and what its request holds. */
static size_t held_by(const BusCall *call) {
        size_t bytes = 0;

        for (; call; call = call->next)
                bytes += sizeof(*call) + 2 * call->size + request_held(call->request);
        return bytes;
}

static unsigned peer_calls(const BusPeer *peer) {
        return count(peer->first) + count(peer->aside);
}

/* Of its uid, as soon as that is known. */
static unsigned uid_calls(const BusPeer *peer) {
        unsigned n = 0;

        for (const BusPeer *p = peer->bus->peers; p; p = p->next)
                if (p->known && peer->known && p->caller.uid == peer->caller.uid)
                        n += peer_calls(p);
        return n;
}

static void refuse_uid(const Bus *bus, sd_bus_message *m) {
        bus_refuse_limit(bus, m, "calls of one user that wait for an answer", BUS_CALLS_PER_UID_MAX);
}

static void pop(BusPeer *peer) {
        peer->first = peer->first->next;
        if (!peer->first)
                peer->last = &peer->first;
}

/* Frees those aside that are done. */
static void sweep(BusPeer *peer) {
        BusCall **link = &peer->aside;

        while (*link) {
                BusCall *call = *link;

                if (call->done) {
                        *link = call->next;
                        (void) bus_call_free(call);
                } else {
                        link = &call->next;
                }
        }
}

static bool is_at_work(const BusCall *call) {
        for (; call; call = call->next)
                if (call->started && !call->done && !call->query && call->request &&
                    !request_is_patient(call->request))
                        return true;
        return false;
}

/* Before it is known who they are, calls count for all such senders together: as what they do not read,
 * so that who sent the most makes room for the others. */
static void tell_held(BusPeer *peer) {
        size_t bytes = held_by(peer->first) + held_by(peer->aside);
        Held held = { .waiting = bytes };
        uint64_t now = 0;

        if (!peer->known)
                held = (Held){ .unread = bytes };
        held.at_work = is_at_work(peer->first) || is_at_work(peer->aside);
        (void) sd_event_now(peer->bus->manager->event, CLOCK_MONOTONIC, &now);
        holding_set(&peer->holding, held, now);
}

static void pump(BusPeer *peer) {
        while (peer->known && peer->first) {
                BusCall *call = peer->first;

                if (!call->started && !holding_may_go_on(&peer->holding))
                        break;
                if (!call->started)
                        bus_call_start(call);
                if (!call->done && !call->aside)
                        break;
                pop(peer);
                if (call->done) {
                        (void) bus_call_free(call);
                } else {
                        call->next = peer->aside;
                        peer->aside = call;
                }
        }
        sweep(peer);
        tell_held(peer);
}

static void on_news(ShareNews news, void *userdata) {
        BusPeer *peer = userdata;

        (void) sd_event_source_set_enabled(peer->bus->later, SD_EVENT_ONESHOT);
}

static void refuse_bytes(const Bus *bus, sd_bus_message *m) {
        bus_refuse_limit(bus, m, "bytes held for one user", HELD_BYTES_PER_UID_MAX);
}

/* All that it waits for is refused. */
static void give_up(BusPeer *peer) {
        for (BusCall *call = peer->first; call; call = call->next)
                refuse_bytes(peer->bus, call->message);
        for (BusCall *call = peer->aside; call; call = call->next)
                if (!call->answered)
                        refuse_bytes(peer->bus, call->message);
        (void) bus_peer_free(peer);
}

void bus_peers_pump(Bus *bus) {
        for (BusPeer *peer = bus->peers, *next; peer; peer = next) {
                next = peer->next;
                if (peer->holding.over)
                        give_up(peer);
                else
                        pump(peer);
        }
}

bool bus_peers_wait(const Bus *bus, bool subscribers) {
        for (const BusPeer *peer = bus->peers; peer; peer = peer->next)
                if (peer_calls(peer) > 0 || (subscribers && peer->aside))
                        return true;
        return false;
}

/* -- life -------------------------------------------------------------------------------------- */

static bool is_idle(const BusPeer *peer) {
        return peer->known && !peer->first && !peer->aside;
}

BusPeer *bus_peer_free(BusPeer *peer) {
        if (!peer)
                return NULL;
        for (BusPeer **link = &peer->bus->peers; *link; link = &(*link)->next)
                if (*link == peer) {
                        *link = peer->next;
                        peer->bus->n_peers--;
                        break;
                }
        holding_end(&peer->holding);
        (void) sd_bus_slot_unref(peer->asked);
        (void) sd_bus_slot_unref(peer->watch);
        while (peer->first) {
                BusCall *call = peer->first;

                pop(peer);
                (void) bus_call_free(call);
        }
        for (BusCall *call = peer->aside; call; call = call->next)
                call->done = true;
        sweep(peer);
        free(peer->name);
        free(peer);
        return NULL;
}
DEFINE_CLEANUP(BusPeer *, bus_peer_free)

void bus_peers_drop(Bus *bus) {
        while (bus->peers)
                (void) bus_peer_free(bus->peers);
}

/* The one that is idle longest, of all or of the same uid as @like. NULL if none is. */
static BusPeer *find_idle(const Bus *bus, const BusPeer *like) {
        BusPeer *found = NULL;

        for (BusPeer *peer = bus->peers; peer; peer = peer->next)
                if (peer != like && is_idle(peer) && (!found || peer->used < found->used) &&
                    (!like || peer->caller.uid == like->caller.uid))
                        found = peer;
        return found;
}

static int begin_holding(BusPeer *peer, uid_t uid) {
        return holding_begin(peer->bus->manager->shares, uid, on_news, peer, &peer->holding);
}

/* -- who it is --------------------------------------------------------------------------------- */

/* Nothing is done for whom the bus does not vouch. */
static void disown(BusPeer *peer) {
        for (BusCall *call = peer->first; call; call = call->next)
                (void) sd_bus_reply_method_errorf(call->message, SD_BUS_ERROR_ACCESS_DENIED,
                                                  "The bus does not say who you are");
        (void) bus_peer_free(peer);
}

static int on_left(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name = NULL, *before = NULL, *after = NULL;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && !*after)
                (void) bus_peer_free(userdata);
        return 0;
}

static int on_watched(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        if (sd_bus_message_is_method_error(m, NULL))
                disown(userdata);
        return 0;
}

static unsigned uid_peers(const BusPeer *like) {
        unsigned n = 0;

        for (const BusPeer *peer = like->bus->peers; peer; peer = peer->next)
                if (peer->known && peer->caller.uid == like->caller.uid)
                        n++;
        return n;
}

/* One more of its uid: another of them makes room. */
static bool make_room(BusPeer *peer) {
        if (uid_peers(peer) <= CONNECTIONS_PER_UID_MAX)
                return true;
        return bus_peer_free(find_idle(peer->bus, peer)) || uid_peers(peer) <= CONNECTIONS_PER_UID_MAX;
}

/* 0 or -errno: a{sv}, of which we need two. */
static int read_credentials(sd_bus_message *m, Caller *ret) {
        uint32_t uid = 0, pid = 0;
        bool has_uid = false;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return -EACCES;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *name = NULL;

                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0 && strcmp(name, "UnixUserID") == 0)
                        has_uid = (r = sd_bus_message_read(m, "v", "u", &uid)) >= 0;
                else if (r >= 0 && strcmp(name, "ProcessID") == 0)
                        r = sd_bus_message_read(m, "v", "u", &pid);
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        *ret = caller_new(uid, (pid_t) pid);
        return has_uid ? 0 : -EACCES;
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusPeer *peer = userdata;

        peer->asked = sd_bus_slot_unref(peer->asked);
        holding_end(&peer->holding);
        if (read_credentials(m, &peer->caller) < 0 || begin_holding(peer, peer->caller.uid) < 0) {
                disown(peer);
                return 0;
        }
        peer->known = true;
        if (!make_room(peer)) {
                for (BusCall *call = peer->first; call; call = call->next)
                        bus_refuse_limit(peer->bus, call->message, "connections of one user",
                                         CONNECTIONS_PER_UID_MAX);
                (void) bus_peer_free(peer);
                return 0;
        }
        while (peer->first && uid_calls(peer) > BUS_CALLS_PER_UID_MAX) {
                BusCall *call = peer->first;

                refuse_uid(call->peer->bus, call->message);
                pop(peer);
                (void) bus_call_free(call);
        }
        pump(peer);
        return 0;
}

/* First that it leaves, then who it is: whoever the bus still knows then is not missed. */
static int ask(BusPeer *peer) {
        sd_bus *bus = peer->bus->bus;
        char match[512];
        int r;

        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        peer->name);
        r = sd_bus_add_match_async(bus, &peer->watch, match, on_left, on_watched, peer);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(bus, &peer->asked, DRIVER, "GetConnectionCredentials",
                                        on_credentials, peer, "s", peer->name);
}

static int peer_new(Bus *bus, const char *name, BusPeer **ret) {
        _cleanup_(bus_peer_freep) BusPeer *peer = calloc(1, sizeof(*peer));
        int r;

        if (!peer)
                return -ENOMEM;
        peer->bus = bus;
        peer->last = &peer->first;
        peer->next = bus->peers;
        bus->peers = peer;
        bus->n_peers++;
        peer->name = strdup(name);
        if (!peer->name)
                return -ENOMEM;
        r = begin_holding(peer, UID_UNKNOWN);
        if (r < 0)
                return r;
        r = ask(peer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(peer);
        return 0;
}

static int find_or_make(Bus *bus, const char *name, BusPeer **ret) {
        for (BusPeer *peer = bus->peers; peer; peer = peer->next)
                if (strcmp(peer->name, name) == 0) {
                        *ret = peer;
                        return 0;
                }
        if (bus->n_peers >= BUS_PEERS_MAX) {
                BusPeer *idle = find_idle(bus, NULL);

                if (!idle)
                        return -EBUSY;
                (void) bus_peer_free(idle);
        }
        return peer_new(bus, name, ret);
}

int bus_peer_take(Bus *bus, sd_bus_message *m) {
        const char *sender = sd_bus_message_get_sender(m);
        BusPeer *peer = NULL;
        BusCall *call;
        size_t size;
        int r;

        if (!sender)
                return -EBADMSG;
        /* A bus passes on more than we would ever take, and it would be held while it waits. */
        r = bus_message_size(m, BUS_MESSAGE_BYTES_MAX, &size);
        if (r == -EMSGSIZE) {
                bus_refuse_limit(bus, m, "bytes of one message", MESSAGE_BYTES_MAX);
                return 1;
        }
        if (r < 0)
                return r;
        r = find_or_make(bus, sender, &peer);
        if (r == -EBUSY) {
                bus_refuse_limit(bus, m, "connections to the bus that call at once", BUS_PEERS_MAX);
                return 1;
        }
        if (r < 0)
                return r;
        if (peer_calls(peer) >= CALLS_IN_FLIGHT_MAX) {
                bus_refuse_limit(bus, m, "calls that wait for an answer", CALLS_IN_FLIGHT_MAX);
                return 1;
        }
        if (uid_calls(peer) >= BUS_CALLS_PER_UID_MAX) {
                refuse_uid(bus, m);
                return 1;
        }
        if (peer->holding.over || !holding_may_go_on(&peer->holding)) {
                refuse_bytes(bus, m);
                return 1;
        }

        call = bus_call_new(peer, m);
        if (!call)
                return -ENOMEM;
        call->size = size;
        peer->used = ++bus->n_takes;
        *peer->last = call;
        peer->last = &call->next;
        pump(peer);
        return 1;
}
