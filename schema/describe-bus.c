/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints schema/org.certexc1.xml: the methods of org.certexc1.varlink as the bus has them, with
 * their documentation. `make update-bus-interface` puts it there, and a test fails while it is
 * not. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "client/bus-value.h"
#include "client/interface.h"

#define DOCTYPE                                                                                    \
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"       \
        " \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"

static const char head[] =
        "  certexcd on D-Bus: name org.certexc1, object /org/certexc1, on the bus of the system, or of the\n"
        "  user where certexcd is the user's own. The same methods, rules and answers as on the socket, which\n"
        "  org.certexc1(5) explains; this file is made from schema/org.certexc1.varlink.\n"
        "\n"
        "  Calls    Parameters that must be there are arguments. The others are in \"options\", by name.\n"
        "  Replies  One a{sv}: the results by name. What is not said is absent.\n"
        "  Values   Times, numbers, ports and ids are x (in options any integer type is taken), words and\n"
        "           texts s, DER ay, records a{sv}, lists of records aa{sv}.\n"
        "  Errors   org.certexc1.Error.NAME, with a sentence for logs and behind it an a{sv} of the error's\n"
        "           fields. A parameter that is missing, unknown or of the wrong type is\n"
        "           org.freedesktop.DBus.Error.InvalidArgs, with the field \"parameter\".\n"
        "  Callers  are who the bus says they are. Another person's decisions and the system's need uid 0,\n"
        "           or that polkit allows org.certexc1.manage-others or org.certexc1.manage-system; polkit may\n"
        "           ask somebody if the call's flag ALLOW_INTERACTIVE_AUTHORIZATION is set.\n"
        "  Signals  go to those alone who called Subscribe, until they leave the bus.\n"
        "  Order    Calls of one connection are done one after another. 16 may wait for their answers.\n";

static const struct {
        const char *name, *text;
} fields[] = {
        { "after", "the number of the last one of the page before" },
        { "all_names", "yes: it may speak for every name" },
        { "authorities", "authorities and distrusts to be taken over" },
        { "all", "also what has ended or was revoked" },
        { "certificate", "of the authority, or of what is not believed" },
        { "certificates", "those that the exceptions are about" },
        { "chain", "certificates as the server sent them, leaf first" },
        { "chain_sha256", "instead of chain, if this owner has shown it before" },
        { "check", "judge and answer, but store nothing" },
        { "choice", "allow, deny or not-now" },
        { "deep", "read every page, and compare both copies row against row" },
        { "der", "a certificate" },
        { "dry_run", "store nothing" },
        { "exceptions", "decisions to be taken over" },
        { "finish", "all of it is there: take it over" },
        { "fingerprint", "SHA-256 of the leaf as it was typed; it must fit" },
        { "host", "host name or address, in any spelling" },
        { "id", "number of a decision" },
        { "import", "number of what was sent before of the same import" },
        { "login_session", "where the caller sits, by logind's name; else it is found out if possible" },
        { "number", "of the prompt" },
        { "only", "names, addresses and networks that it may speak for" },
        { "origin", "system, admin or own" },
        { "owner", "uid whose decisions are meant, -1 for the system's; else the caller's own" },
        { "pin", "certificate (the usual) or key" },
        { "port", "1 to 65535; Verify also takes 0, not known" },
        { "problems", "those that were shown to the person" },
        { "replace", "conflicts are settled as the import says" },
        { "session", "until reboot, or the last of the owner's present sessions is over" },
        { "sha256", "digest of a certificate, hexadecimal" },
        { "shown_sha256", "that came with the prompt" },
        { "skip", "leave out what conflicts or is refused" },
        { "staple", "the stapled OCSP answer" },
        { "starttls", "the connection was upgraded on a plain port" },
        { "timeout", "seconds, 1 to 600; else 120" },
        { "until", "end, seconds since 1970" },
};

static const char tail[] =
        "    <!--\n"
        "      Subscribe: tells the caller of an owner's changes from now on, in the signals below.\n"
        "      Again for the same owner: nothing is told twice. Ends when the caller leaves the bus.\n"
        "        options   owner (x): uid whose changes are meant; else the caller's own\n"
        "        results   event (s): ready; time (x)\n"
        "    -->\n"
        "    <method name=\"Subscribe\">\n"
        "      <arg type=\"a{sv}\" name=\"options\" direction=\"in\"/>\n"
        "      <arg type=\"a{sv}\" name=\"results\" direction=\"out\"/>\n"
        "    </method>\n"
        "    <!--\n"
        "      Unsubscribe: ends all that the caller has subscribed to; it is no agent any more either.\n"
        "    -->\n"
        "    <method name=\"Unsubscribe\">\n"
        "    </method>\n"
        "    <!--\n"
        "      Prompt: to an agent, which called RegisterAgent: ask the person, and call AnswerPrompt.\n"
        "        number        of the prompt\n"
        "        shown_sha256  goes back with the answer\n"
        "        shown         what to show: the results of Verify\n"
        "    -->\n"
        "    <signal name=\"Prompt\">\n"
        "      <arg type=\"x\" name=\"number\"/>\n"
        "      <arg type=\"s\" name=\"shown_sha256\"/>\n"
        "      <arg type=\"a{sv}\" name=\"shown\"/>\n"
        "    </signal>\n"
        "    <!--\n"
        "      PromptOver: to the same agent: it needs no answer any more, take it away.\n"
        "        number  of the prompt\n"
        "        reason  answered, dismissed, timed-out, gone or changed\n"
        "    -->\n"
        "    <signal name=\"PromptOver\">\n"
        "      <arg type=\"x\" name=\"number\"/>\n"
        "      <arg type=\"s\" name=\"reason\"/>\n"
        "    </signal>\n"
        "    <!--\n"
        "      ExceptionAdded: a decision was made.\n"
        "        event      allowed, denied or confirmed\n"
        "        time       when, seconds since 1970\n"
        "        exception  the decision, as in the reply of GetException\n"
        "    -->\n"
        "    <signal name=\"ExceptionAdded\">\n"
        "      <arg type=\"s\" name=\"event\"/>\n"
        "      <arg type=\"x\" name=\"time\"/>\n"
        "      <arg type=\"a{sv}\" name=\"exception\"/>\n"
        "    </signal>\n"
        "    <!--\n"
        "      ExceptionRevoked: a decision holds no more.\n"
        "        event      revoked, ended or unconfirmed\n"
        "        time       when, seconds since 1970\n"
        "        exception  the decision, as in the reply of GetException\n"
        "    -->\n"
        "    <signal name=\"ExceptionRevoked\">\n"
        "      <arg type=\"s\" name=\"event\"/>\n"
        "      <arg type=\"x\" name=\"time\"/>\n"
        "      <arg type=\"a{sv}\" name=\"exception\"/>\n"
        "    </signal>\n"
        "    <!--\n"
        "      AuthoritiesChanged: other authorities are believed; ask again what was accepted.\n"
        "        event  authorities-changed\n"
        "        time   when, seconds since 1970\n"
        "    -->\n"
        "    <signal name=\"AuthoritiesChanged\">\n"
        "      <arg type=\"s\" name=\"event\"/>\n"
        "      <arg type=\"x\" name=\"time\"/>\n"
        "    </signal>\n"
        "    <!--\n"
        "      RulesChanged: decisions in files were read again; ask again what was accepted.\n"
        "        event  rules-changed\n"
        "        time   when, seconds since 1970\n"
        "    -->\n"
        "    <signal name=\"RulesChanged\">\n"
        "      <arg type=\"s\" name=\"event\"/>\n"
        "      <arg type=\"x\" name=\"time\"/>\n"
        "    </signal>\n"
        "    <!--\n"
        "      StoreRebuilt: the store was damaged, or Rebuild was called, and is whole again.\n"
        "        event    store-rebuilt\n"
        "        time     when, seconds since 1970\n"
        "        rebuild  what became of it, as in the reply of Rebuild\n"
        "    -->\n"
        "    <signal name=\"StoreRebuilt\">\n"
        "      <arg type=\"s\" name=\"event\"/>\n"
        "      <arg type=\"x\" name=\"time\"/>\n"
        "      <arg type=\"a{sv}\" name=\"rebuild\"/>\n"
        "    </signal>\n";

static const char *field_text(const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                if (strcmp(fields[i].name, name) == 0)
                        return fields[i].text;
        return NULL;
}

/* In a comment two dashes are an end. */
static void print_comment(const char *text) {
        for (const char *p = text; *p; p++) {
                if (*p != '\n' && (p == text || p[-1] == '\n'))
                        (void) fputs("      ", stdout);
                (void) fputc(*p, stdout);
                if (p[0] == '-' && p[1] == '-')
                        (void) fputc(' ', stdout);
        }
}

static void print_field(const char *left, const InterfaceField *field) {
        const char *text = field_text(field->name);

        printf("        %-9s %s (%s)%s%s\n", left, field->name, bus_value_signature(field->type),
               text ? ": " : "", text ? text : "");
}

static void print_document(const InterfaceMember *method) {
        const char *left = "options";

        printf("    <!--\n      %s:\n", method->name);
        print_comment(method->comment);
        printf("\n");
        for (size_t i = 0; i < method->in->n_fields; i++)
                if (!method->in->fields[i].optional)
                        print_field("argument", &method->in->fields[i]);
        for (size_t i = 0; i < method->in->n_fields; i++)
                if (method->in->fields[i].optional) {
                        print_field(left, &method->in->fields[i]);
                        left = "";
                }
        if (*left)
                printf("        options   none\n");
        left = "results";
        for (size_t i = 0; i < method->out->n_fields; i++) {
                printf("        %-9s %s (%s)\n", left, method->out->fields[i].name,
                       bus_value_signature(method->out->fields[i].type));
                left = "";
        }
        printf("    -->\n");
}

static void print_method(const InterfaceMember *method) {
        print_document(method);
        printf("    <method name=\"%s\">\n", method->name);
        for (size_t i = 0; i < method->in->n_fields; i++)
                if (!method->in->fields[i].optional)
                        printf("      <arg type=\"%s\" name=\"%s\" direction=\"in\"/>\n",
                               bus_value_signature(method->in->fields[i].type),
                               method->in->fields[i].name);
        printf("      <arg type=\"a{sv}\" name=\"options\" direction=\"in\"/>\n"
               "      <arg type=\"a{sv}\" name=\"results\" direction=\"out\"/>\n"
               "    </method>\n");
}

/* What streams on the socket has signals here: Monitor is Subscribe, RegisterAgent keeps its
 * name. */
static bool is_stream(const char *method) {
        return strcmp(method, "Monitor") == 0 || strcmp(method, "RegisterAgent") == 0;
}

int main(void) {
        _cleanup_(interface_freep) Interface *interface = NULL;

        if (interface_new(interface_own_text(), &interface) < 0) {
                (void) fputs("describe-bus: the interface's text cannot be read\n", stderr);
                return 1;
        }
        printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n" DOCTYPE "<!--\n%s-->\n"
               "<node name=\"" BUS_PATH "\">\n  <interface name=\"" BUS_INTERFACE "\">\n",
               head);
        for (size_t i = 0; i < interface->n_members; i++)
                if (interface->members[i].kind == 'm' && !is_stream(interface->members[i].name))
                        print_method(&interface->members[i]);
        print_method(interface_find(interface, 'm', "RegisterAgent"));
        printf("%s  </interface>\n</node>\n", tail);
        return fflush(stdout) == 0 ? 0 : 1;
}
