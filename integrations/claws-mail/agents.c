/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the person's agents while the main loop goes on. */
#include "config.h"

#include <errno.h>

#include "agents.h"

/* For so long an agent may take; then Claws Mail's own dialog comes. Mail servers hang up on who does not
 * log in within a minute or three. */
#define AGENT_SECONDS 45U

typedef struct Waiting {
        certexc_question *question;
        GMainLoop *loop;
        certexc_answer *answer;
        char *error;
        int r;
} Waiting;

static gboolean is_over(gpointer loop) {
        g_main_loop_quit(loop);
        return G_SOURCE_REMOVE;
}

/* A client serves one thread, so this one has its own. */
static gpointer wait_for_agents(gpointer userdata) {
        g_autoptr(certexc_client) client = NULL;
        Waiting *w = userdata;

        w->r = certexc_client_new(NULL, &client);
        if (w->r >= 0) {
                w->r = certexc_ask(client, w->question, AGENT_SECONDS, &w->answer);
                w->error = g_strdup(certexc_client_error(client));
        }
        g_idle_add(is_over, w->loop);
        return NULL;
}

int agents_ask(certexc_question *question, certexc_answer **ret, char **ret_error) {
        Waiting w = { .question = question };
        GThread *thread;

        w.loop = g_main_loop_new(NULL, FALSE);
        thread = g_thread_new("certexc-ask", wait_for_agents, &w);
        g_main_loop_run(w.loop);
        g_thread_join(thread);
        g_main_loop_unref(w.loop);
        if (w.r < 0) {
                *ret_error = w.error;
                return w.r;
        }
        g_free(w.error);
        *ret = w.answer;
        return 0;
}
