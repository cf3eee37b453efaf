/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replays: the files that are named as arguments, or else the seeds of the fuzzer it is linked
 * with, changed in FUZZ_ROUNDS (environment; 3000) ways that are the same each time. With
 * --write=FOLDER the seeds are written there, for libFuzzer to begin with.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz.h"

#define INPUT_MAX (256U * 1024U)

static uint8_t seeds[64][16 * 1024];
static size_t sizes[64];
static size_t n_seeds;

static void keep(const uint8_t *data, size_t size) {
        if (n_seeds == 64 || size > sizeof(seeds[0]))
                abort();
        memcpy(seeds[n_seeds], data, size);
        sizes[n_seeds++] = size;
}

/* xorshift: the same numbers on every machine. */
static uint32_t next(void) {
        static uint32_t x = 2463534242U;

        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        return x;
}

static size_t change(uint8_t *data, size_t size) {
        static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0xff, 0x30, 0x05};

        for (uint32_t n = 1 + next() % 4; n > 0 && size > 1; n--) {
                size_t at = next() % size;

                switch (next() % 5) {
                case 0:
                        data[at] ^= (uint8_t) (1U << next() % 8);
                        break;
                case 1:
                        data[at] = telling[next() % sizeof(telling)];
                        break;
                case 2: /* a byte is lost */
                        memmove(data + at, data + at + 1, size - at - 1);
                        size--;
                        break;
                case 3: /* the rest is lost */
                        size = at ? at : 1;
                        break;
                case 4: /* a piece is elsewhere as well */
                        if (size - at > 8)
                                memmove(data + next() % (size - 8), data + at, 8);
                        break;
                }
        }
        return size;
}

static int replay(const char *path) {
        static uint8_t data[INPUT_MAX];
        FILE *f = fopen(path, "re");
        size_t size;

        if (!f) {
                perror(path);
                return EXIT_FAILURE;
        }
        size = fread(data, 1, sizeof(data), f);
        fclose(f);
        (void) LLVMFuzzerTestOneInput(data, size);
        return EXIT_SUCCESS;
}

static int write_seeds(const char *folder) {
        for (size_t i = 0; i < n_seeds; i++) {
                char path[4096];
                FILE *f;

                snprintf(path, sizeof(path), "%s/seed-%zu", folder, i);
                f = fopen(path, "we");
                if (!f || fwrite(seeds[i], 1, sizes[i], f) != sizes[i] || fclose(f) != 0) {
                        perror(path);
                        return EXIT_FAILURE;
                }
        }
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        static uint8_t copy[sizeof(seeds[0])];
        const char *rounds = getenv("FUZZ_ROUNDS");
        int r = EXIT_SUCCESS;

        fuzz_seeds(keep);
        if (argc == 2 && strncmp(argv[1], "--write=", 8) == 0)
                return write_seeds(argv[1] + 8);
        for (int i = 1; i < argc; i++)
                if (replay(argv[i]) != EXIT_SUCCESS)
                        r = EXIT_FAILURE;
        if (argc > 1)
                return r;

        for (size_t i = 0; i < n_seeds; i++)
                (void) LLVMFuzzerTestOneInput(seeds[i], sizes[i]);
        for (unsigned long n = rounds ? strtoul(rounds, NULL, 10) : 3000; n > 0; n--) {
                size_t i = next() % n_seeds, size;

                memcpy(copy, seeds[i], sizes[i]);
                size = change(copy, sizes[i]);
                (void) LLVMFuzzerTestOneInput(copy, size);
        }
        printf("%zu seeds and their changes\n", n_seeds);
        return EXIT_SUCCESS;
}
