/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manager, its directory, and the ways to it. */
#include "config.h"

#include <check.h>
#include <ftw.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "client/encoding.h"
#include "daemon/commits.h"
#include "daemon/json.h"
#include "daemon/store.h"
#include "tests/door.h"
#include "tests/pki.h"

#define WAIT_USEC UINT64_C(60000000)

Manager *manager;
char *bad, *good, *better;
Caller caller;

static char directory[] = "/tmp/certexc-request-XXXXXX";

void door_done(Door *door) {
        free(door->error);
        (void) json_object_put(door->last);
}

static void on_answer(Request *request, const char *error, struct json_object *parameters,
                      bool continues, void *userdata) {
        Door *door = userdata;

        ck_assert_msg(!door->finished, "one last answer, and none after it");
        free(door->error);
        (void) json_object_put(door->last);
        door->error = error ? strdup(error) : NULL;
        door->last = json_object_get(parameters);
        door->finished = !continues;
        door->n++;
}

Request *start_with(const char *method, const char *text, bool more, Door *door,
                    int *ret_result) {
        _cleanup_(json_freep) struct json_object *parameters = json_tokener_parse(text);
        RequestArgs args = {
                .manager = manager,
                .caller = caller,
                .method = method,
                .parameters = parameters,
                .more = more,
                .answer = on_answer,
                .door = door,
        };
        Request *request = NULL;
        int r;

        ck_assert_msg(parameters, "%s", text);
        r = request_start(&args, &request);
        if (ret_result)
                *ret_result = r;
        else
                ck_assert_int_eq(r, 0);
        return request;
}

Request *start(const char *method, const char *text, Door *door) {
        return start_with(method, text, false, door, NULL);
}

static void turn(void) {
        ck_assert_int_gt(manager_step(manager, WAIT_USEC), 0);
}

void wait_for(Door *door) {
        while (!door->finished)
                turn();
}

void wait_for_store(uint64_t generation) {
        while (store_generation(manager->store) == generation)
                turn();
}

const char *at(const Door *door, const char *name) {
        struct json_object *o = NULL;

        if (!json_object_object_get_ex(door->last, name, &o))
                return "";
        return json_object_get_string(o);
}

static char *text_of(const Pki *pki) {
        Blob der = pki_der(pki);
        char *text = malloc(BASE64_SIZE(der.size));

        base64_encode(der.data, der.size, text);
        return text;
}

char *path_new(const char *name) {
        char *path = NULL;

        ck_assert_int_gt(asprintf(&path, "%s/%s", directory, name), 0);
        return path;
}

void setup(void) {
        _cleanup_(pki_freep) Pki *authority = NULL, *own = NULL, *issued = NULL;
        _cleanup_(pki_freep) Pki *next = NULL;
        Options options = { .user_mode = true };
        _cleanup_free_ char *logind = NULL;

        ck_assert_ptr_nonnull(mkdtemp(directory));
        authority = pki_new(&(PkiSpec){ .subject = "Authority", .ca = true });
        own = pki_new(&(PkiSpec){ .name = "nobody.example.net" });
        issued = pki_new(&(PkiSpec){ .name = "mail.example.org", .issuer = authority });
        next = pki_new(&(PkiSpec){ .name = "mail.example.org", .issuer = authority });
        bad = text_of(own);
        good = text_of(issued);
        better = text_of(next);

        options.state_directory = path_new("state");
        options.socket_path = path_new("run/org.certexc1");
        options.conf_directory = path_new("conf");
        options.trust_file = path_new("authorities.pem");
        pki_write(options.trust_file, (const Pki *const *) &authority, 1, false);

        /* No logind: a session is a boot. */
        logind = path_new("logind");
        ck_assert_int_eq(setenv("CERTEXC_LOGIND_DIRECTORY", logind, 1), 0);
#ifdef CERTEXC_TESTING
        manager_replace_clock(PKI_NOW);
#endif
        caller = (Caller){ .uid = getuid(), .pid = getpid() };
        ck_assert_int_eq(manager_new(&options, &manager), 0);
        while (manager->trust_generation == 0)
                turn();
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
        return remove(path);
}

void teardown(void) {
        manager = manager_free(manager);
        free(bad);
        free(good);
        free(better);
        ck_assert_int_eq(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *with(const char *format, const char *certificate) {
        static char text[16384];
        const char *place = strstr(format, "%s");

        ck_assert_ptr_nonnull(place);
        (void) snprintf(text, sizeof(text), "%.*s\"%s\"%s", (int) (place - format), format,
                        certificate, place + 2);
        return text;
}

void finish_commits(void) {
        manager->commits = commits_free(manager->commits);
        ck_assert_int_eq(commits_new(manager->store, &manager->commits), 0);
}

void store_exception(int64_t owner, uint16_t port, const Session *session) {
        _cleanup_(change_freep) Change *change = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        size_t size;

        ck_assert_int_eq(base64_decode(bad, strlen(bad), &der, &size), 0);
        ck_assert_int_eq(change_new(CHANGE_ADD, owner, owner, manager_now(), &change), 0);
        change->certificate = calloc(1, sizeof(*change->certificate));
        change->certificate->subject = strdup("");
        change->certificate->issuer = strdup("");
        change->certificate->serial = strdup("");
        change->certificate->names = calloc(1, sizeof(char *));
        ck_assert_int_eq(sha256(der, size, change->certificate->sha256), 0);
        change->decision.action = DECISION_ALLOW;
        change->decision.problems = PROBLEM_SELF_SIGNED | PROBLEM_NAME_MISMATCH;
        change->decision.pin = PIN_CERTIFICATE;
        change->decision.end = session ? END_SESSION : END_NEVER;
        if (session)
                change->decision.session = *session;
        change->decision.port = port;
        strcpy(change->decision.host, "mail.example.org");
        memcpy(change->decision.certificate_sha256, change->certificate->sha256, SHA256_SIZE);
        change->der = TAKE_PTR(der);
        change->der_size = size;
        ck_assert_int_eq(store_apply(manager->store, change), 0);
        ck_assert_int_eq(change->error, 0);
}
