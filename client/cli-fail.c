/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What went wrong, on standard error: a sentence for people, or with --json an object for programs. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>

#include "client/cli.h"
#include "client/i18n.h"

/* Names of what the daemon did not name itself. */
#define ERROR_USAGE "usage"
#define ERROR_UNREACHABLE "unreachable"
#define ERROR_FAILED "failed"

/* false: there is no memory for it. */
static bool add_text(struct json_object *o, const char *key, const char *text) {
        struct json_object *value = json_object_new_string(text);

        if (value && json_object_object_add(o, key, value) == 0)
                return true;
        (void) json_object_put(value);
        return false;
}

static void json_free(struct json_object *o) {
        (void) json_object_put(o);
}
DEFINE_CLEANUP(struct json_object *, json_free)

static void report_json(const Cli *cli, const char *error, const char *text) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        const char *json = NULL;

        if (o && add_text(o, "error", error) && add_text(o, "message", text))
                json = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
        output_json(&cli->err, json ? json : "{\"error\":\"" ERROR_FAILED "\",\"message\":\"Out of memory.\"}");
}

/* The daemon's word for it, if it was the daemon that said no. */
static const char *name_of_failure(const Cli *cli, int error) {
        const char *name = certexc_client_error_name(cli->client);

        return name ? name : error == -ENOTCONN ? ERROR_UNREACHABLE : ERROR_FAILED;
}

/* @text (NULL: there was no memory for it) is translated already. */
static void report(const Cli *cli, const char *error, const char *text) {
        if (!text)
                text = _("Out of memory.");
        /* What was found out before stands before what went wrong after. */
        (void) output_finish(&cli->out);
        if (cli->options.json)
                report_json(cli, error, text);
        else
                output_line(&cli->err, STYLE_PLAIN, "certexc: %s", text);
}

static void _printf_(3, 0) report_format(const Cli *cli, const char *error, const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL;

        if (vasprintf(&text, _(format), ap) < 0)
                text = NULL;
        report(cli, error, text);
}

int cli_misuse(const Cli *cli, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        report_format(cli, ERROR_USAGE, format, ap);
        va_end(ap);
        return EXIT_MISUSED;
}

int cli_fail(const Cli *cli, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        report_format(cli, name_of_failure(cli, -EIO), format, ap);
        va_end(ap);
        return EXIT_FAILED;
}

/* The interface's fields that people say with an option. */
static const struct {
        const char *field, *option;
} said[] = {
        { "until", "--until" },     { "session", "--session" },         { "pin", "--pin" },
        { "only", "--only" },       { "fingerprint", "--fingerprint" }, { "owner", "--owner" },
        { "all_names", "--only" },
};

static const char *text_of(struct json_object *o, const char *key) {
        struct json_object *value = NULL;

        return json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : NULL;
}

/* What the daemon says against an option, under the name that the option has here. NULL: it is about
 * something else. free() */
static char *explain_option(const Cli *cli) {
        const char *name = certexc_client_error_name(cli->client);
        const char *json = certexc_client_error_json(cli->client);
        _cleanup_(json_freep) struct json_object *o = NULL;
        const char *field, *reason;
        char *text;

        if (!name || !json || strcmp(name, "org.certexc1.InvalidRequest") != 0)
                return NULL;
        o = json_tokener_parse(json);
        field = text_of(o, "field");
        reason = text_of(o, "reason");
        for (size_t i = 0; field && reason && i < N_ELEMENTS(said); i++)
                if (strcmp(said[i].field, field) == 0)
                        return asprintf(&text, "%s: %s.", said[i].option, _(reason)) < 0 ? NULL : text;
        return NULL;
}

int cli_fail_client(const Cli *cli, int error) {
        _cleanup_free_ char *about_option = explain_option(cli);
        const char *sentence = about_option ? about_option : certexc_client_error(cli->client);

        if (error == -ENOMEM)
                return cli_no_memory(cli);
        report(cli, name_of_failure(cli, error), sentence && *sentence ? sentence : strerror(-error));
        if (error == -ENOTCONN && !cli->options.json)
                output_line(&cli->err, STYLE_PLAIN,
                            _("certexc: The system's is started by \"systemctl start "
                              "certexcd.socket\", your own by \"systemctl --user start "
                              "certexcd.socket\"."));
        return EXIT_FAILED;
}

int cli_no_memory(const Cli *cli) {
        return cli_fail(cli, "Out of memory.");
}
