/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trouble: failures as errno values and sentences, the daemon's errors among them. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/connection.h"
#include "client/fields.h"
#include "client/i18n.h"

#define PREFIX "org.certexc1."

void trouble_clear(Trouble *t) {
        free(t->sentence);
        (void) json_object_put(t->message);
        *t = (Trouble){ 0 };
}

int trouble_set(Trouble *t, int error, const char *format, ...) {
        va_list arguments;

        trouble_clear(t);
        t->error = error;
        va_start(arguments, format);
        if (vasprintf(&t->sentence, _(format), arguments) < 0)
                t->sentence = NULL;
        va_end(arguments);
        return error;
}

const char *trouble_sentence(const Trouble *t) {
        if (t->error == 0)
                return "";
        return t->sentence ? t->sentence : _("There is not enough memory.");
}

/*
 * How each error is told. %1 and %2 stand for the two fields of the error's parameters; a
 * sentence that needs none has none.
 */
static const struct {
        const char *name;
        int error;
        const char *format;
        const char *first, *second;
} told[] = {
        { PREFIX "InvalidHost", -EINVAL, N_("%s is no host: %s."), "host", "reason" },
        { PREFIX "InvalidPort", -EINVAL,
          N_("The port %s is out of range; ports are 1 to 65535, and 0 means \"not known\" to Verify "
          "only."),
          "port", "" },
        { PREFIX "InvalidChain", -EINVAL,
          N_("The chain cannot be judged: %s. Hand over the certificates as the server sent them."),
          "reason", "" },
        { PREFIX "InvalidRequest", -EINVAL, N_("The daemon cannot do that: %s: %s."), "field",
          "reason" },
        { PREFIX "ProblemsChanged", -ESTALE,
          N_("What is wrong with the certificate is not what was shown any more. Nothing was stored; "
          "look at it again."),
          "", "" },
        { PREFIX "NothingToExcept", -EALREADY,
          N_("Nothing is wrong with the certificate, so there is nothing to allow."), "", "" },
        { PREFIX "NotAnAuthority", -EMEDIUMTYPE,
          N_("The certificate cannot be made an authority: %s. To accept just this certificate at one "
          "server, use \"certexc allow\"."),
          "reason", "" },
        { PREFIX "NotExceptable", -EKEYREJECTED,
          N_("Nobody may allow this: %s. Do not connect; ask whoever runs the server."), "problems",
          "" },
        { PREFIX "FingerprintMismatch", -EKEYREJECTED,
          N_("The fingerprint that was given is not that of the certificate, which has SHA-256 %s. "
          "Nothing was stored; compare them again."),
          "sha256", "" },
        { PREFIX "HeldByFile", -EROFS,
          N_("This is decided in the file %s. It can only be changed there, by whose file it is; then the "
          "daemon is to be reloaded. Nothing was stored."),
          "file", "" },
        { PREFIX "InDoubt", -EUCLEAN,
          N_("It is allowed already, and not accepted because no exception counts at the moment: %s."),
          "reason", "" },
        { PREFIX "NotFound", -ENOENT,
          N_("There is no such decision or certificate; the list shows those that are there."), "",
          "" },
        { PREFIX "PromptUnknown", -ENOENT,
          N_("This question is over: it was answered, or nobody waits for it any more. Nothing was "
          "stored."),
          "", "" },
        { PREFIX "AccessDenied", -EACCES, N_("The daemon does not permit this: %s."), "reason", "" },
        { PREFIX "LimitReached", -EDQUOT,
          N_("A limit of the daemon was reached: %s, at most %s. Revoke what is not needed any more, "
          "or wait."),
          "what", "limit" },
        { PREFIX "JudgeFailed", -EIO,
          N_("The daemon could not judge the certificates: %s. Do not take them as accepted."),
          "reason", "" },
        { PREFIX "StoreFailed", -EIO, N_("The daemon's store failed, and nothing was stored: %s. What helps: %s."), "reason", "hint" },
        { PREFIX "Rebuilding", -EBUSY,
          N_("The daemon is rebuilding its store; ask again in a few seconds."), "", "" },
        { PREFIX "MalformedMessage", -EPROTO, N_("The daemon did not understand the message: %s."),
          "reason", "" },
        { "org.freedesktop.DBus.Error.ServiceUnknown", -ENOTCONN,
          N_("The certexc daemon cannot be reached over the system's bus: %s."), "reason", "" },
        { "org.varlink.service.MethodNotFound", -EOPNOTSUPP,
          N_("This daemon has no method %s; it may be older than this program."), "method", "" },
        { "org.varlink.service.MethodNotImplemented", -EOPNOTSUPP,
          N_("This daemon does not implement the method %s."), "method", "" },
        { "org.varlink.service.InterfaceNotFound", -EOPNOTSUPP,
          N_("This daemon has no interface %s; it may not be certexcd."), "interface", "" },
        { "org.varlink.service.InvalidParameter", -EINVAL,
          N_("The daemon did not take the parameter %s."), "parameter", "" },
        { "org.varlink.service.ExpectedMore", -EINVAL,
          N_("The daemon wants this method to be called with \"more\"."), "", "" },
};

/* A parameter as text, without the full stop that the sentence brings. */
static char *parameter_text(JsonObject *parameters, const char *field) {
        JsonObject *value = NULL;
        const char *text;
        size_t length;

        if (!json_object_object_get_ex(parameters, field, &value) || !value)
                return strdup(_("(it did not say)"));
        text = json_object_is_type(value, json_type_string)
                       ? json_object_get_string(value)
                       : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
        if (!text)
                return NULL;

        /* What is wrong with a host is said by code that library and daemon share. */
        text = _(text);
        length = strlen(text);
        return strndup(text, length > 0 && text[length - 1] == '.' ? length - 1 : length);
}

/* Puts the texts where %s stands. */
static char *fill_in(const char *format, const char *first, const char *second) {
        const char *texts[] = { first, second };
        char *sentence = NULL;
        unsigned n = 0;
        size_t size;
        FILE *f;

        f = open_memstream(&sentence, &size);
        if (!f)
                return NULL;
        for (const char *p = format; *p; p++) {
                if (p[0] == '%' && p[1] == 's') {
                        (void) fputs(texts[n++], f);
                        p++;
                } else
                        (void) fputc(*p, f);
        }
        if (fclose(f) != 0) {
                free(sentence);
                return NULL;
        }
        return sentence;
}

/* Takes @message over. */
int trouble_set_reply(Trouble *t, JsonObject *message, const VarlinkReply *reply) {
        trouble_clear(t);
        t->message = message;
        t->reply = *reply;
        t->error = -EREMOTEIO;

        for (unsigned i = 0; i < N_ELEMENTS(told); i++) {
                _cleanup_free_ char *first = NULL, *second = NULL;

                if (strcmp(told[i].name, reply->error) != 0)
                        continue;
                t->error = told[i].error;
                first = parameter_text(reply->parameters, told[i].first);
                second = parameter_text(reply->parameters, told[i].second);
                if (first && second)
                        t->sentence = fill_in(_(told[i].format), first, second);
                return t->error;
        }

        t->sentence = fill_in(_("The daemon answered with the error %s."), reply->error, "");
        return t->error;
}
