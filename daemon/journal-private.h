/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the journal's files share: sectors, lines and their checks. */
#pragma once

#include "daemon/journal.h"

#define JOURNAL_VERSION           1
#define JOURNAL_HEAD_BYTES        4096U
#define JOURNAL_SECTOR            512U
#define JOURNAL_SLOT_AT(sequence) (JOURNAL_SECTOR * (1U + (unsigned) ((sequence) % 2U)))

/* In a line: OWN and CHAIN in hexadecimal, with the tab between them and the newline. */
#define JOURNAL_OWN_SIZE   16U
#define JOURNAL_CHECK_SIZE (2U * JOURNAL_OWN_SIZE + 1U + 2U * SHA256_SIZE + 1U)

/* Text that grows; the first failure stays. */
typedef struct Text {
        char *data;
        size_t size;
        size_t allocated;
        int error; /* 0 or -ENOMEM */
} Text;

void text_done(Text *text);
void text_add(Text *text, const void *data, size_t size);

/* SHA-256 of @prefix and @data. 0 or -EIO. */
int journal_hash(const void *prefix, size_t prefix_size, const void *data, size_t size,
                 uint8_t ret[static SHA256_SIZE]);

/* The place before the first line: base, the head's end, the digest that lines begin with. */
int journal_origin(const JournalHead *head, JournalPlace *ret);

/* -- sectors ------------------------------------------------------------------------------ */

/* Adds the check to what stands in the sector and pads it. 0 or -EIO. */
int sector_seal(char sector[static JOURNAL_SECTOR]);

/*
 * Takes a sector apart whose check holds, in @copy of the same size: 1, and each field ended by a
 * NUL, further ones left out. 0 if it does not, -EIO.
 */
int sector_unseal(const char *sector, char *copy, char **fields, size_t n_fields);

/* One that was not written yet, or was taken back. */
bool sector_is_blank(const char sector[static JOURNAL_SECTOR]);

/* A field that is a decimal number, or 16 bytes in hexadecimal; false if it is not. */
bool sector_number(const char *text, uint64_t *ret);
bool sector_id(const char *text, uint8_t ret[static JOURNAL_ID_SIZE]);

int journal_head_write(const JournalHead *head, char ret[static JOURNAL_SECTOR]);
int journal_slot_write(const JournalHead *head, const JournalSlot *slot,
                       char ret[static JOURNAL_SECTOR]);

/* 1, 0 if it does not check, -EPROTONOSUPPORT, -EIO. */
int journal_head_read(const char sector[static JOURNAL_SECTOR], JournalHead *ret);
/* Of @ret_head the id and the base. */
int journal_slot_read(const char sector[static JOURNAL_SECTOR], JournalHead *ret_head,
                      JournalSlot *ret);

/* -- lines -------------------------------------------------------------------------------- */

extern const char *const journal_kind_names[_JOURNAL_KIND_MAX];

/* Appends the line of @record up to the tab before its checks. */
void journal_line_write(Text *text, const JournalRecord *record);

/* Reads the same, which is @size bytes with a NUL behind and is taken apart. 0, -EBADMSG, -ENOMEM.
 */
int journal_line_read(char *line, size_t size, JournalRecord *ret);
