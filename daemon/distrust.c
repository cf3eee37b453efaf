/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "daemon/distrust.h"

#include <string.h>

#include "client/cleanup.h"

/* Days since 1970 of a date of the Gregorian calendar, counted in years that begin in March. */
#define MARCH_YEAR(y, m) ((y) - ((m) <= 2))
#define DAYS(y, m, d)                                                                              \
        (MARCH_YEAR(y, m) * INT64_C(365) + MARCH_YEAR(y, m) / 4 - MARCH_YEAR(y, m) / 100 +         \
         MARCH_YEAR(y, m) / 400 + (153 * ((m) + ((m) > 2 ? -3 : 9)) + 2) / 5 + (d) - 719469)
#define DAY_BEGINS 0
#define DAY_ENDS 86399

static const DistrustRule shipped[] = {
#define BLOCKED(key, who) {DISTRUST_BLOCKED, key, 0, who},
#define DISTRUSTED(key, who) {DISTRUST_AFTER, key, DISTRUST_ALWAYS, who},
#define DISTRUSTED_AFTER(y, m, d, second, key, who)                                                \
        {DISTRUST_AFTER, key, DAYS(y, m, d) * INT64_C(86400) + (second), who},
#include "schema/distrust.def"
#undef BLOCKED
#undef DISTRUSTED
#undef DISTRUSTED_AFTER
};

const DistrustRules distrust_shipped = {shipped, N_ELEMENTS(shipped)};

const DistrustRule *distrust_find(const DistrustRules *rules,
                                  const uint8_t key_sha256[static SHA256_SIZE]) {
        char key[2 * SHA256_SIZE + 1];

        hex_encode(key_sha256, SHA256_SIZE, key);
        for (size_t i = 0; i < rules->n; i++)
                if (strcmp(rules->items[i].key, key) == 0)
                        return &rules->items[i];
        return NULL;
}
