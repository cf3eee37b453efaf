/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A daemon that can be put back, damaged and killed. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "client/encoding.h"
#include "tests/pki.h"
#include "tests/torture/world.h"

#define STATE "state"

void world_give_up(const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void) vfprintf(stderr, format, args);
        va_end(args);
        (void) fputc('\n', stderr);
        exit(1);
}

int64_t world_now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* -- the world ----------------------------------------------------------------------------- */

static void skip(const char *reason) {
        printf("skipped: %s\n", reason);
        exit(77);
}

static char *certificate_new(unsigned number) {
        _cleanup_(pki_freep) Pki *pki = NULL;
        char name[64], *text;
        Blob der;

        (void) snprintf(name, sizeof(name), "nobody-%u.example.net", number);
        pki = pki_new(&(PkiSpec){.name = name});
        der = pki_der(pki);
        text = malloc(BASE64_SIZE(der.size));
        if (!text)
                world_give_up("Out of memory");
        base64_encode(der.data, der.size, text);
        return text;
}

/* The page that test and daemon share, and the daemon's environment. */
static void prepare_faults(World *w) {
        static char preload[512], variable[512];
        static const char *settings[] = {preload, variable, NULL};
        const char *build = getenv("CERTEXC_BUILD_DIR");
        _cleanup_fd_ int fd = -1;
        void *page;

#ifdef CERTEXC_SANITIZERS
        skip("faults cannot be preloaded beside sanitizers");
#endif
        (void) snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/tests/torture/.libs/faults.so",
                        build ? build : ".");
        if (access(strchr(preload, '=') + 1, R_OK) < 0)
                skip("this build makes no shared libraries, which faults are preloaded from");
        (void) snprintf(variable, sizeof(variable), FAULTS_VARIABLE "=%s",
                        fixture_path(w->fixture, "faults"));

        fd = open(fixture_path(w->fixture, "faults"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, sizeof(Faults)) < 0)
                world_give_up("Cannot make the page of faults: %m");
        page = mmap(NULL, sizeof(Faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                world_give_up("Cannot map the page of faults: %m");
        w->faults = page;
        (void) snprintf(w->faults->directory, sizeof(w->faults->directory), "%s",
                        fixture_path(w->fixture, STATE));
        (void) snprintf(w->faults->attic, sizeof(w->faults->attic), "%s",
                        fixture_path(w->fixture, "attic"));
        if (mkdir(w->faults->attic, 0700) < 0)
                world_give_up("Cannot make %s: %m", w->faults->attic);
        w->fixture->how.settings = settings;
}

/* Whoever gives up leaves neither a daemon nor files behind. */
static World *last_one;

static void leave_nothing(void) {
        (void) world_free(last_one);
}

World *world_new(bool faulty) {
        World *w = calloc(1, sizeof(*w));

        if (!w)
                world_give_up("Out of memory");
        last_one = w;
        (void) atexit(leave_nothing);
#ifndef CERTEXC_TESTING
        skip("the clock of this build cannot be replaced (--enable-testing)");
#endif
        (void) signal(SIGPIPE, SIG_IGN);
        w->fixture = fixture_new();
        w->fixture->how.quiet = getenv("TORTURE_LOUD") == NULL;
        for (unsigned i = 0; i < WORLD_CERTIFICATES; i++)
                w->chains[i] = certificate_new(i);
        if (faulty)
                prepare_faults(w);
        return w;
}

World *world_free(World *w) {
        if (!w)
                return NULL;
        last_one = NULL;
        (void) peer_free(w->peer);
        (void) fixture_free(w->fixture);
        if (w->faults)
                (void) munmap(w->faults, sizeof(*w->faults));
        for (unsigned i = 0; i < WORLD_CERTIFICATES; i++)
                free(w->chains[i]);
        free(w);
        return NULL;
}

/* -- the daemon ---------------------------------------------------------------------------- */

int world_start(World *w) {
        char option[64];
        const char *arguments[] = {option, NULL};
        int r;

        (void) snprintf(option, sizeof(option), "--replace-clock=%lld", (long long) PKI_NOW);
        w->peer = peer_free(w->peer);
        w->started_usec = world_now_usec();
        fixture_launch(w->fixture, arguments);
        r = launch_wait(&w->fixture->launch, "READY=1", FIXTURE_WAIT_MSEC);
        return r < 0 ? r : peer_try_new(w->fixture, &w->peer);
}

void world_must_start(World *w) {
        int r = world_start(w);

        if (r < 0)
                world_give_up("The daemon does not come up: %s", strerror(-r));
}

void world_stop(World *w) {
        int status;

        w->peer = peer_free(w->peer);
        status = fixture_stop(w->fixture);
        if (status != 0)
                world_give_up("The daemon ended with %d", status);
}

void world_kill(World *w) {
        w->peer = peer_free(w->peer);
        launch_done(&w->fixture->launch);
}

bool world_was_killed(World *w) {
        int status = launch_wait_end(&w->fixture->launch, FIXTURE_WAIT_MSEC);

        w->peer = peer_free(w->peer);
        if (status < 0)
                world_give_up("The daemon does not end");
        launch_done(&w->fixture->launch);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* -- files --------------------------------------------------------------------------------- */

const char *world_file(World *w, const char *name) {
        char path[256];

        (void) snprintf(path, sizeof(path), STATE "/%s", name);
        return fixture_path(w->fixture, path);
}

static void copy_file(const char *from, const char *to) {
        _cleanup_fd_ int in = open(from, O_RDONLY | O_CLOEXEC);
        _cleanup_fd_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        struct stat st;

        if (in < 0 || out < 0 || fstat(in, &st) < 0)
                world_give_up("Cannot copy %s to %s: %m", from, to);
        for (off_t left = st.st_size; left > 0;) {
                ssize_t n = sendfile(out, in, NULL, (size_t) left);

                if (n <= 0)
                        world_give_up("Cannot copy %s to %s: %m", from, to);
                left -= n;
        }
}

/* Calls @each for the files of a directory. */
static void for_files(const char *folder, const char *to,
                      void (*each)(const char *, const char *)) {
        DIR *directory = opendir(folder);
        char from[512], target[512];

        if (!directory)
                return;
        for (struct dirent *e; (e = readdir(directory));) {
                if (e->d_type != DT_REG)
                        continue;
                (void) snprintf(from, sizeof(from), "%s/%.200s", folder, e->d_name);
                (void) snprintf(target, sizeof(target), "%s/%.200s", to, e->d_name);
                each(from, target);
        }
        (void) closedir(directory);
}

static void remove_file(const char *path, const char *unused) {
        (void) unlink(path);
}

static void copy_folder(const char *from, const char *to) {
        if (mkdir(to, 0700) < 0 && errno != EEXIST)
                world_give_up("Cannot make %s: %m", to);
        for_files(to, to, remove_file);
        for_files(from, to, copy_file);
}

void world_keep(World *w, const char *name) {
        copy_folder(fixture_path(w->fixture, STATE), fixture_path(w->fixture, name));
}

void world_put_back(World *w, const char *name) {
        copy_folder(fixture_path(w->fixture, name), fixture_path(w->fixture, STATE));
}

void world_empty(World *w) {
        const char *state = fixture_path(w->fixture, STATE);

        for_files(state, state, remove_file);
}

/* -- faults -------------------------------------------------------------------------------- */

void world_arm(World *w, uint32_t calls, FaultAction action, uint32_t from, uint32_t until) {
        const char *attic = fixture_path(w->fixture, "attic");

        for_files(attic, attic, remove_file);
        w->faults->from = 0;
        w->faults->calls = calls;
        w->faults->action = action;
        w->faults->n_calls = 0;
        w->faults->n_hit = 0;
        w->faults->until = until;
        w->faults->seed = from;
        w->faults->hit[0] = '\0';
        w->faults->from = from;
}

void world_disarm(World *w) {
        w->faults->from = 0;
        w->faults->syncs_lie = false;
}

/* -- calls --------------------------------------------------------------------------------- */

static char *text_of(const World *w, const char *method, const char *parameters) {
        char *text = NULL;
        size_t size = 0;
        FILE *to = open_memstream(&text, &size);

        if (!to)
                world_give_up("Out of memory");
        (void) fprintf(to, "{\"method\":\"org.certexc1.%s\",\"parameters\":{", method);
        for (const char *p = parameters; *p; p++) {
                if (*p == '@') {
                        p++;
                        (void) fprintf(to, "\"%s\"", w->chains[*p - '0']);
                } else
                        (void) fputc(*p == '\'' ? '"' : *p, to);
        }
        (void) fputs("}}", to);
        (void) fclose(to);
        return text;
}

bool world_send(World *w, const char *method, const char *parameters) {
        _cleanup_free_ char *text = text_of(w, method, parameters);

        return w->peer && peer_send(w->peer, text);
}

struct json_object *world_receive(World *w) {
        return w->peer ? peer_reply(w->peer, FIXTURE_WAIT_MSEC) : NULL;
}

struct json_object *world_call(World *w, const char *method, const char *parameters) {
        return world_send(w, method, parameters) ? world_receive(w) : NULL;
}

const char *world_at(struct json_object *reply, const char *path) {
        struct json_object *o = NULL;
        char copy[256], *rest = NULL;

        if (!reply)
                return "";
        (void) json_object_object_get_ex(reply, "parameters", &o);
        (void) snprintf(copy, sizeof(copy), "%s", path);
        for (char *word = strtok_r(copy, ".", &rest); word && o;
             word = strtok_r(NULL, ".", &rest)) {
                if (json_object_is_type(o, json_type_array))
                        o = json_object_array_get_idx(o, (size_t) atoi(word));
                else if (!json_object_object_get_ex(o, word, &o))
                        o = NULL;
        }
        return o ? json_object_get_string(o) : "";
}

bool world_is_kept(struct json_object *reply) {
        const char *because = world_at(reply, "because");

        return strcmp(because, "unconfirmed") == 0 || strcmp(because, "in-doubt") == 0;
}

void world_walk(World *w, const WorldStep *steps, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct json_object *reply = world_call(w, steps[i].method, steps[i].parameters);

                if (*reply_error(reply))
                        world_give_up("%s: %s", steps[i].sentence,
                                      reply ? json_object_to_json_string(reply) : "no answer");
                (void) json_object_put(reply);
        }
}

int64_t world_wait_verdict(World *w) {
        int64_t began = world_now_usec(), took = 0;

        while (took < 10 * INT64_C(1000000)) {
                struct json_object *reply =
                        world_call(w, "Verify", AT("waits.example.org", 993, 0));
                bool there = reply != NULL, rebuilding;

                rebuilding = strcmp(reply_error(reply), "org.certexc1.Rebuilding") == 0;
                (void) json_object_put(reply);
                took = world_now_usec() - began;
                if (!there)
                        return -1;
                if (!rebuilding)
                        return took;
        }
        return -1;
}
