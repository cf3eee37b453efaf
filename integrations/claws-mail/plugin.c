/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plugin as Claws Mail loads it: what it is, and its place among those that are asked about a
 * certificate.
 *
 * Claws Mail's own handler ends the list, so ours must come before it. As a "Common" plugin it is loaded
 * before the main window registers that handler. Loaded later, by hand, it takes Claws Mail's handler out,
 * and has it put back behind its own. Unloaded, it stays where it is and only steps aside, so that its place
 * is still the first when it is loaded again; hence it asks to remain in memory.
 */
#include "config.h"

#include <stdbool.h>
#include <glib/gi18n-lib.h>

#include <mainwindow.h>
#include <common/hooks.h>
#include <common/plugin.h>
#include <common/ssl_certificate.h>
#include <common/version.h>
#include <gtk/sslcertwindow.h>

#include "daemon.h"
#include "decide.h"
#include "pins.h"

/* Those that Claws Mail looks up by name. */
#define SHOWN __attribute__((visibility("default")))

/* The number that the first handler of a list gets, which is Claws Mail's own if no plugin was earlier. */
#define CLAWS_HANDLER 1

static bool registered, active;

static gboolean handle(gpointer data, gpointer userdata) {
        return active ? decide_about_certificate(data, userdata) : FALSE;
}

static void take_first_place(void) {
        const bool late = mainwindow_get_mainwindow() != NULL;

        if (late)
                hooks_unregister_hook(SSLCERT_ASK_HOOKLIST, CLAWS_HANDLER);
        hooks_register_hook(SSLCERT_ASK_HOOKLIST, handle, NULL);
        if (late)
                sslcertwindow_register_hook();
}

SHOWN gint plugin_init(gchar **error) {
        if (!check_plugin_version(MAKE_NUMERIC_VERSION(4, 0, 0, 0), VERSION_NUMERIC, plugin_name(),
                                  error))
                return -1;
        bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
        bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
        if (!registered)
                take_first_place();
        registered = active = true;
        pins_settle();
        return 0;
}

/* FALSE: stay in memory. */
SHOWN gboolean plugin_done(void) {
        active = false;
        pins_forget();
        daemon_forget();
        return FALSE;
}

SHOWN const gchar *plugin_name(void) {
        return "certexc";
}

SHOWN const gchar *plugin_desc(void) {
        return _("Asks certexc about the certificates of mail servers, so that what you decide about a bad "
                 "one is kept in one place for all your mail programs.");
}

SHOWN const gchar *plugin_type(void) {
        return "Common";
}

SHOWN const gchar *plugin_licence(void) {
        return "LGPL2.1+";
}

SHOWN const gchar *plugin_version(void) {
        return PACKAGE_VERSION;
}

SHOWN struct PluginFeature *plugin_provides(void) {
        static struct PluginFeature features[] = {
                { PLUGIN_UTILITY, "certexc" },
                { PLUGIN_NOTHING, NULL },
        };

        return features;
}
