/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal's first block: its head and its two slots, each in a sector with a check of its own.
 */
#include "config.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "daemon/journal-private.h"

int journal_hash(const void *prefix, size_t prefix_size, const void *data, size_t size,
                 uint8_t ret[static SHA256_SIZE]) {
        gnutls_hash_hd_t hash;
        int r;

        if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
                return -EIO;
        r = gnutls_hash(hash, prefix, prefix_size);
        if (r >= 0)
                r = gnutls_hash(hash, data, size);
        gnutls_hash_deinit(hash, ret);
        return r < 0 ? -EIO : 0;
}

int journal_origin(const JournalHead *head, JournalPlace *ret) {
        char base[24];
        int n = snprintf(base, sizeof(base), "%llu", (unsigned long long) head->base);

        ret->number = head->base;
        ret->offset = JOURNAL_HEAD_BYTES;
        return journal_hash(head->id, JOURNAL_ID_SIZE, base, (size_t) n, ret->digest);
}

int sector_seal(char sector[static JOURNAL_SECTOR]) {
        size_t size = strlen(sector);
        uint8_t digest[SHA256_SIZE];
        int r;

        r = sha256(sector, size, digest);
        if (r < 0)
                return r;
        hex_encode(digest, SHA256_SIZE, sector + size);
        size += 2 * (size_t) SHA256_SIZE;
        memset(sector + size, ' ', JOURNAL_SECTOR - 1 - size);
        sector[JOURNAL_SECTOR - 1] = '\n';
        return 0;
}

int journal_head_write(const JournalHead *head, char ret[static JOURNAL_SECTOR]) {
        char id[2 * JOURNAL_ID_SIZE + 1], follows[2 * JOURNAL_ID_SIZE + 1];
        char digest[SHA256_HEX_SIZE];

        hex_encode(head->id, JOURNAL_ID_SIZE, id);
        hex_encode(head->follows_id, JOURNAL_ID_SIZE, follows);
        hex_encode(head->follows_digest, SHA256_SIZE, digest);
        (void) snprintf(ret, JOURNAL_SECTOR, "certexc-journal\t%d\t%s\t%llu\t%llu\t%s\t%s\t",
                        JOURNAL_VERSION, id, (unsigned long long) head->base,
                        (unsigned long long) head->base_length, follows, digest);
        return sector_seal(ret);
}

int journal_slot_write(const JournalHead *head, const JournalSlot *slot,
                       char ret[static JOURNAL_SECTOR]) {
        char id[2 * JOURNAL_ID_SIZE + 1], digest[SHA256_HEX_SIZE], refusals[SHA256_HEX_SIZE];

        hex_encode(head->id, JOURNAL_ID_SIZE, id);
        hex_encode(slot->end.digest, SHA256_SIZE, digest);
        hex_encode(slot->refusals.digest, SHA256_SIZE, refusals);
        (void) snprintf(ret, JOURNAL_SECTOR, "slot\t%llu\t%s\t%llu\t%llu\t%llu\t%s\t%llu\t%s\t",
                        (unsigned long long) slot->sequence, id, (unsigned long long) head->base,
                        (unsigned long long) slot->end.number,
                        (unsigned long long) slot->end.offset, digest,
                        (unsigned long long) slot->refusals.n, refusals);
        return sector_seal(ret);
}

/* The check is found from behind, so that a newer form can be told from damage. */
int sector_unseal(const char *sector, char *copy, char **fields, size_t n_fields) {
        const size_t check_size = 2 * (size_t) SHA256_SIZE;
        uint8_t digest[SHA256_SIZE];
        char check[SHA256_HEX_SIZE];
        size_t size = JOURNAL_SECTOR - 1;
        char *at = copy;
        int r;

        while (size > 0 && sector[size - 1] == ' ')
                size--;
        if (size <= check_size || sector[size - check_size - 1] != '\t' ||
            memchr(sector, '\0', size))
                return 0;
        size -= check_size;
        r = sha256(sector, size, digest);
        if (r < 0)
                return r;
        hex_encode(digest, SHA256_SIZE, check);
        if (memcmp(check, sector + size, check_size) != 0)
                return 0;

        memcpy(copy, sector, size);
        copy[size] = '\0';
        for (size_t i = 0; i < n_fields; i++) {
                fields[i] = at;
                at = strchr(at, '\t');
                if (!at)
                        return 0;
                *at++ = '\0';
        }
        return 1;
}

bool sector_is_blank(const char sector[static JOURNAL_SECTOR]) {
        for (size_t i = 0; i < JOURNAL_SECTOR - 1; i++)
                if (sector[i] != ' ')
                        return false;
        return sector[JOURNAL_SECTOR - 1] == '\n';
}

bool sector_number(const char *text, uint64_t *ret) {
        char *end = NULL;

        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno == 0 && end != text && *end == '\0' && *ret <= INT64_MAX;
}

/* Half a digest: padded to one, so that there is one decoder. */
bool sector_id(const char *text, uint8_t ret[static JOURNAL_ID_SIZE]) {
        char hex[SHA256_HEX_SIZE];
        uint8_t digest[SHA256_SIZE];

        if (strlen(text) != 2 * (size_t) JOURNAL_ID_SIZE)
                return false;
        (void) snprintf(hex, sizeof(hex), "%s%s", text, text);
        if (sha256_decode(hex, digest) < 0)
                return false;
        memcpy(ret, digest, JOURNAL_ID_SIZE);
        return true;
}

/* Of a newer version only the first two fields are known. */
int journal_head_read(const char sector[static JOURNAL_SECTOR], JournalHead *ret) {
        char copy[JOURNAL_SECTOR];
        char *f[7];
        uint64_t version;
        int r;

        r = sector_unseal(sector, copy, f, 2);
        if (r <= 0)
                return r;
        if (strcmp(f[0], "certexc-journal") != 0 || !sector_number(f[1], &version))
                return 0;
        if (version > JOURNAL_VERSION)
                return -EPROTONOSUPPORT;

        r = sector_unseal(sector, copy, f, N_ELEMENTS(f));
        if (r <= 0)
                return r;
        return version == JOURNAL_VERSION && sector_id(f[2], ret->id) &&
               sector_number(f[3], &ret->base) && sector_number(f[4], &ret->base_length) &&
               sector_id(f[5], ret->follows_id) && sha256_decode(f[6], ret->follows_digest) == 0;
}

int journal_slot_read(const char sector[static JOURNAL_SECTOR], JournalHead *ret_head,
                      JournalSlot *ret) {
        char copy[JOURNAL_SECTOR];
        char *f[9];
        int r;

        r = sector_unseal(sector, copy, f, N_ELEMENTS(f));
        if (r <= 0)
                return r;
        return strcmp(f[0], "slot") == 0 && sector_number(f[1], &ret->sequence) &&
               sector_id(f[2], ret_head->id) && sector_number(f[3], &ret_head->base) &&
               sector_number(f[4], &ret->end.number) && sector_number(f[5], &ret->end.offset) &&
               sha256_decode(f[6], ret->end.digest) == 0 && sector_number(f[7], &ret->refusals.n) &&
               sha256_decode(f[8], ret->refusals.digest) == 0;
}
