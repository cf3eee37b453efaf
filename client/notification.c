/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to the desktop and what it says back. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "client/i18n.h"
#include "client/notification.h"

#define SERVER    "org.freedesktop.Notifications"
#define PATH      "/org/freedesktop/Notifications"
#define INTERFACE "org.freedesktop.Notifications"

/* What the desktop may do with one: stay until it is taken back, and do not vanish by itself. */
#define URGENCY_CRITICAL 2U
#define EXPIRES_NEVER    0

/* At the end, for the number of one that was just shown. */
#define LAST_WAIT_USEC UINT64_C(1000000)

#define PUT_OFF "not-now"

struct Notifications {
        sd_bus *bus;
        unsigned n_asked;   /* to be shown, whose numbers the desktop has not said */
        uint32_t number;    /* of what is shown; 0: nothing, or not known yet */
        bool unwanted;      /* the last one is to be taken back as soon as it is known */
        bool put_off;
        int error;
};

/* -- texts ------------------------------------------------------------------------------------- */

/* @text in which nothing is mark-up (free()), or NULL. */
static char *escape_markup(const char *text) {
        static const struct {
                char letter;
                const char *escaped;
        } letters[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" } };
        char *escaped = malloc(strlen(text) * strlen("&quot;") + 1), *p = escaped;

        if (!escaped)
                return NULL;
        for (; *text; text++) {
                size_t i = 0;

                while (i < N_ELEMENTS(letters) && letters[i].letter != *text)
                        i++;
                if (i < N_ELEMENTS(letters))
                        p = stpcpy(p, letters[i].escaped);
                else
                        *p++ = *text;
        }
        *p = '\0';
        return escaped;
}

/* -- what the desktop says ----------------------------------------------------------------------- */

static void take_back(Notifications *n, uint32_t number) {
        if (number != 0)
                (void) sd_bus_call_method_async(n->bus, NULL, SERVER, PATH, INTERFACE, "CloseNotification",
                                                NULL, NULL, "u", number);
}

static int on_shown(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Notifications *n = userdata;
        uint32_t number = 0;

        n->n_asked--;
        if (sd_bus_message_is_method_error(m, NULL))
                n->error = -sd_bus_message_get_errno(m);
        else if (sd_bus_message_read(m, "u", &number) < 0)
                n->error = -EBADMSG;
        else if (n->n_asked > 0 || n->unwanted)
                take_back(n, number);
        else
                n->number = number;
        return 0;
}

static int on_action(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Notifications *n = userdata;
        const char *action;
        uint32_t number;

        if (sd_bus_message_read(m, "us", &number, &action) >= 0 && n->number != 0 &&
            number == n->number && strcmp(action, PUT_OFF) == 0)
                n->put_off = true;
        return 0;
}

/* Closed there, it is no answer: the question stands where it is put. */
static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Notifications *n = userdata;
        uint32_t number;

        if (sd_bus_message_read(m, "u", &number) >= 0 && number == n->number)
                n->number = 0;
        return 0;
}

/* -- what it is told --------------------------------------------------------------------------- */

static int append(sd_bus_message *m, const char *summary, const char *body) {
        int r;

        /* Program, what it replaces, icon, texts; actions: a key and its label. */
        r = sd_bus_message_append(m, "susss", "certexc", 0, "dialog-warning", summary, body);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "as", 2, PUT_OFF, _("Not now"));
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "a{sv}", 2, "urgency", "y", URGENCY_CRITICAL, "category", "s",
                                  "network");
        return r < 0 ? r : sd_bus_message_append(m, "i", EXPIRES_NEVER);
}

int notifications_show(Notifications *n, const char *summary, const char *body) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *harmless = escape_markup(body);
        int r;

        if (!harmless)
                return -ENOMEM;
        notifications_close(n);
        r = sd_bus_message_new_method_call(n->bus, &m, SERVER, PATH, INTERFACE, "Notify");
        if (r < 0)
                return r;
        r = append(m, summary, harmless);
        if (r < 0)
                return r;
        r = sd_bus_call_async(n->bus, NULL, m, on_shown, n, 0);
        if (r < 0)
                return r;
        n->n_asked++;
        n->unwanted = false;
        return 0;
}

void notifications_close(Notifications *n) {
        take_back(n, n->number);
        n->number = 0;
        n->unwanted = true;
        n->put_off = false;
}

/* -- waiting ----------------------------------------------------------------------------------- */

int notifications_fd(const Notifications *n) {
        return sd_bus_get_fd(n->bus);
}

short notifications_events(const Notifications *n) {
        int events = sd_bus_get_events(n->bus);

        return events < 0 ? 0 : (short) events;
}

int notifications_wait_msec(const Notifications *n) {
        struct timespec t;
        uint64_t until, now;

        if (sd_bus_get_timeout(n->bus, &until) < 0 || until == UINT64_MAX)
                return -1;
        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        now = (uint64_t) t.tv_sec * 1000000U + (uint64_t) t.tv_nsec / 1000U;
        if (until <= now)
                return 0;
        return until - now > UINT64_C(3600000000) ? 3600000 : (int) ((until - now + 999) / 1000);
}

int notifications_process(Notifications *n) {
        bool put_off;
        int r;

        while ((r = sd_bus_process(n->bus, NULL)) > 0)
                ;
        if (r < 0)
                return r;
        if (n->error < 0)
                return n->error;
        put_off = n->put_off;
        n->put_off = false;
        return put_off;
}

/* -- life ---------------------------------------------------------------------------------------- */

int notifications_new(Notifications **ret) {
        _cleanup_(notifications_freep) Notifications *n = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return -ENOMEM;
        r = sd_bus_open_user(&n->bus);
        if (r < 0)
                return r;
        /* Of the server alone: anybody can send signals. */
        r = sd_bus_match_signal_async(n->bus, NULL, SERVER, PATH, INTERFACE, "ActionInvoked", on_action,
                                      NULL, n);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(n->bus, NULL, SERVER, PATH, INTERFACE, "NotificationClosed",
                                      on_closed, NULL, n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

Notifications *notifications_free(Notifications *n) {
        if (!n)
                return NULL;
        if (n->bus)
                notifications_close(n);
        /* What was shown a moment ago would stay there for ever. */
        while (n->n_asked > 0 &&
               (sd_bus_process(n->bus, NULL) > 0 || sd_bus_wait(n->bus, LAST_WAIT_USEC) > 0))
                ;
        (void) sd_bus_flush_close_unref(n->bus);
        free(n);
        return NULL;
}
