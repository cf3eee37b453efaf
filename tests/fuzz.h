/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every fuzz_*.c offers: libFuzzer's entry, and seeds of its own. Linked with fuzz.c it is a
 * test that replays seeds and a fixed number of changes of them; linked with libFuzzer
 * (-fsanitize=fuzzer) it goes on for ever.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Calls @put with each seed. */
void fuzz_seeds(void (*put)(const uint8_t *data, size_t size));
