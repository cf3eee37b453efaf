/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advice: what the daemon found out about the problems of an answer, in sentences. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/fields.h"
#include "client/i18n.h"
#include "client/library.h"

/* A translation may be longer than the English date. */
#define DATE_MAX 64U

/* {name}, {time} and {hosts} stand for the advice's evidence. */
static const struct {
        const char *id;
        const char *text;
} texts[] = {
        { "clock-before-build",
          N_("This computer's clock is wrong: it shows a time before {time}, when the certexc "
             "daemon was built. Set the date, the year and the time zone right and try again, "
             "before you allow anything.") },
        { "clock-before-store",
          N_("This computer's clock was put back: it shows a time before {time}, when certexc last "
             "stored something. Set the date, the year and the time zone right and try again, "
             "before you allow anything.") },
        { "clock-before-status",
          N_("This computer's clock is wrong: it shows a time before {time}, when the certificate's "
             "issuer signed an answer about it. Set the date, the year and the time zone right and "
             "try again, before you allow anything.") },
        { "intercepted-by-antivirus",
          N_("The certificate bears the name of {name}, a program that opens the encrypted "
             "connections of its own computer to look for malware (a \"mail shield\"). If you "
             "installed it, switch this off for mail in its settings, or have it give your system "
             "its authority's certificate. If you did not, somebody is using its name: do not "
             "connect.") },
        { "intercepted-by-gateway",
          N_("The certificate bears the name of {name}, a firewall or proxy with which companies "
             "and schools open encrypted connections. In such a network ask its administrator "
             "whether this is meant to be, and for its authority's certificate; remember that "
             "they can then read your mail. Anywhere else do not connect.") },
        { "intercepted-by-adware",
          N_("The certificate bears the name of {name}, unwanted software that breaks into "
             "encrypted connections and whose secret key is known to criminals. Do not connect; "
             "remove it from this computer first.") },
        { "intercepted-by-debugger",
          N_("The certificate bears the name of {name}, a developer's tool that records encrypted "
             "connections. If you did not start it yourself, somebody is recording yours: do not "
             "connect.") },
        { "one-issuer-for-many",
          N_("The same unknown issuer, \"{name}\", also vouches for {hosts}, which has nothing to "
             "do with this server. A filter on this computer or in this network looks like that, "
             "and so does somebody who reads along. Ask whoever runs your network before you allow "
             "anything.") },
        { "authority-limited",
          N_("The authority that vouches for this certificate was imported to speak for {hosts} "
             "alone. \"{name}\" lies outside. If it may speak for that as well, import it again with "
             "that name added to the others (certexc authority import --only); otherwise ask whoever "
             "runs it why it issued this certificate, before you allow anything.") },
        { "distrusted-by-you",
          N_("You said yourself that \"{name}\" is not to be believed (certexc authority distrust). To take "
             "that back, look its number up with \"certexc authority list\", and type \"certexc authority "
             "remove\" with that number.") },
        { "distrusted-by-administrator",
          N_("The administrator of this computer said that \"{name}\" is not to be believed, for everybody "
             "here. Only the administrator can take that back (certexc authority remove --system).") },
        { "missing-issuer",
          N_("The certificate of the issuer, \"{name}\", is missing. If a public authority stands above that "
             "issuer, the server is set up wrongly: its administrator must add that certificate to the chain. If "
             "the issuer is a private authority, of a company, a school or a device, no server need send its "
             "certificate: get it from whoever runs it, and import it (certexc authority import).") },
        { "port-unusual",
          N_("This port belongs to something else than TLS. Mail uses 25, 110, 143, 465, 587, 993, "
             "995 and 4190, the web 80 and 443, directories 389 and 636. Check the port in your "
             "account settings, and be suspicious unless you know why it is this one.") },
        { "port-plain",
          N_("On this port {name} begins without encryption and is upgraded with STARTTLS, but "
             "this server spoke TLS at once. Check the port and the kind of encryption in your "
             "account settings, and be suspicious unless you know why.") },
        { "not-unencrypted",
          N_("Do not choose \"none\" as encryption to get around this: everybody between you and "
             "the server could then read and change your mail and your password.") },
};

int advice_check(JsonObject *array) {
        for (size_t i = 0; i < n_items(array); i++) {
                Fields f = FIELDS_INIT(json_object_array_get_idx(array, i));
                JsonObject *hosts;

                if (!json_object_is_type(f.object, json_type_object))
                        return -EPROTO;
                (void) fields_string(&f, "id");
                (void) fields_string_or(&f, "name", NULL);
                (void) fields_int_or(&f, "time", INT64_MIN, INT64_MAX, 0);
                hosts = fields_array(&f, "hosts", false);
                if (fields_finish(&f, false) < 0 || (hosts && !is_string_array(hosts)))
                        return -EPROTO;
        }
        return 0;
}

static JsonObject *field(const certexc_answer *answer, size_t i, const char *name) {
        JsonObject *array = answer_advice(answer);

        return i < n_items(array)
                       ? json_object_object_get(json_object_array_get_idx(array, i), name)
                       : NULL;
}

size_t certexc_answer_n_advice(const certexc_answer *answer) {
        return n_items(answer_advice(answer));
}

const char *certexc_answer_advice(const certexc_answer *answer, size_t i) {
        return json_object_get_string(field(answer, i, "id"));
}

const char *certexc_answer_advice_name(const certexc_answer *answer, size_t i) {
        return json_object_get_string(field(answer, i, "name"));
}

int64_t certexc_answer_advice_time(const certexc_answer *answer, size_t i) {
        return json_object_get_int64(field(answer, i, "time"));
}

size_t certexc_answer_advice_n_hosts(const certexc_answer *answer, size_t i) {
        return n_items(field(answer, i, "hosts"));
}

const char *certexc_answer_advice_host(const certexc_answer *answer, size_t i, size_t j) {
        return string_item(field(answer, i, "hosts"), j);
}

/* -- sentences --------------------------------------------------------------------------------- */

void advice_write_time(FILE *stream, int64_t t) {
        char date[DATE_MAX];
        time_t tt = (time_t) t;
        struct tm tm;

        /* TRANSLATORS: a date and time of day for strftime(3). */
        if (localtime_r(&tt, &tm) && strftime(date, sizeof(date), _("%Y-%m-%d %H:%M"), &tm) > 0)
                (void) fputs(date, stream);
}

/* What stands for the placeholder at *@p, which is moved behind it. */
static void write_evidence(FILE *stream, const char **p, const certexc_answer *answer, size_t i) {
        if (strncmp(*p, "{name}", 6) == 0) {
                const char *name = certexc_answer_advice_name(answer, i);

                (void) fputs(name ? name : "?", stream);
                *p += 6;
        } else if (strncmp(*p, "{time}", 6) == 0) {
                advice_write_time(stream, certexc_answer_advice_time(answer, i));
                *p += 6;
        } else if (strncmp(*p, "{hosts}", 7) == 0) {
                for (size_t j = 0; j < certexc_answer_advice_n_hosts(answer, i); j++)
                        (void) fprintf(stream, "%s%s", j > 0 ? ", " : "",
                                       certexc_answer_advice_host(answer, i, j));
                *p += 7;
        } else {
                (void) fputc(*(*p)++, stream);
        }
}

static int write_text(const char *text, const certexc_answer *answer, size_t i, char **ret) {
        _cleanup_free_ char *written = NULL;
        size_t size = 0;
        FILE *stream;

        stream = open_memstream(&written, &size);
        if (!stream)
                return -ENOMEM;
        for (const char *p = text; *p;)
                write_evidence(stream, &p, answer, i);
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(written);
        return 0;
}

int certexc_answer_advice_text(const certexc_answer *answer, size_t i, char **ret) {
        const char *id = certexc_answer_advice(answer, i);

        for (size_t j = 0; id && ret && j < N_ELEMENTS(texts); j++)
                if (strcmp(texts[j].id, id) == 0)
                        return write_text(_(texts[j].text), answer, i, ret);
        return id ? -ENOENT : -EINVAL;
}
