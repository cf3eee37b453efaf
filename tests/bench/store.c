/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store DIRECTORY COUNT: what it takes to look an exception up among COUNT beside among ten. The
 * stores are made in DIRECTORY, which is the caller's to remove.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/rebuild.h"
#include "daemon/store.h"
#include "tests/bench/samples.h"
#include "tests/crowd.h"

#define FEW     10U
#define OWNER   INT64_C(1000)
#define ROUNDS  20U
#define LOOKUPS 2000U /* in a round */
#define MADE_AT INT64_C(1767225601)
#define EACH    1000U /* of one owner among many, at most */

static Store *make_store(const char *directory, const char *name, unsigned owners, unsigned each) {
        char path[4096];
        _cleanup_fd_ int fd = -1;
        const char *reason = "";
        StoreDamage damage;
        Mending mending;
        Store *store;
        int r;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        if (mkdir(path, 0700) < 0 || (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                bench_die(path, "cannot be made");
        if (crowd_write(fd, OWNER, owners, each) < 0)
                bench_die(path, "takes no journal");
        r = store_open(path, &store, &damage);
        if (r == -EUCLEAN) {
                r = store_hold(path, &store, &reason);
                if (r >= 0)
                        r = store_mend(store, -EUCLEAN, MADE_AT, &mending);
                if (r >= 0)
                        store_resume(store);
        }
        if (r < 0)
                bench_die(path, strerror(-r));
        return store;
}

static void look_up(Store *store, unsigned owners, unsigned each, Samples *samples) {
        DecisionList found = { 0 };
        char host[64];
        double begin;
        int64_t owner = OWNER + random() % owners;

        (void) snprintf(host, sizeof(host), CROWD_HOST, 1 + (unsigned) random() % each);
        begin = bench_now_usec();
        if (store_find(store, owner, host, CROWD_PORT, &found) < 0 || found.n_items != 1)
                bench_die(host, "is not found");
        samples_add(samples, begin);
        decision_list_done(&found);
}

int main(int argc, char **argv) {
        Samples among_many = { 0 }, among_few = { 0 };
        unsigned owners, count;
        Store *many, *few;
        char title[64];

        count = argc == 3 ? (unsigned) atoi(argv[2]) : 0;
        owners = count / EACH;
        if (owners == 0)
                bench_die("usage", "store DIRECTORY COUNT, from 1000 up");
        few = make_store(argv[1], "few", 1, FEW);
        many = make_store(argv[1], "many", owners, EACH);
        for (unsigned round = 0; round < ROUNDS; round++) {
                for (unsigned i = 0; i < LOOKUPS; i++)
                        look_up(few, 1, FEW, &among_few);
                for (unsigned i = 0; i < LOOKUPS; i++)
                        look_up(many, owners, EACH, &among_many);
        }
        (void) snprintf(title, sizeof(title), "a look-up among %u exceptions", owners * EACH);
        samples_report(&among_many, title, &among_few, "among 10", 1.5);
        (void) store_free(few);
        (void) store_free(many);
        samples_done(&among_many);
        samples_done(&among_few);
        return EXIT_SUCCESS;
}
