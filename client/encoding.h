/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as text and back: base64 (RFC 4648, section 4) and hexadecimal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32U
#define SHA256_HEX_SIZE (2U * SHA256_SIZE + 1U)

/* Room for the base64 text of @size bytes with its NUL. */
#define BASE64_SIZE(size) (((size) + 2U) / 3U * 4U + 1U)

/* Writes the padded base64 of @data and a NUL to @ret, which has BASE64_SIZE(@size) bytes. */
void base64_encode(const uint8_t *data, size_t size, char *ret);

/*
 * Decodes the @length characters at @text, strictly: the standard alphabet, padded, no white
 * space, no bits left over. Returns 0 and a new buffer (free()) in *@ret, -EBADMSG, -ENOMEM.
 */
int base64_decode(const char *text, size_t length, uint8_t **ret, size_t *ret_size);

/* Writes lower-case hexadecimal and a NUL to @ret, which has 2 * @size + 1 bytes. */
void hex_encode(const uint8_t *data, size_t size, char *ret);

/* Decodes exactly 64 hexadecimal digits of either case. Returns 0 or -EBADMSG. */
int sha256_decode(const char *text, uint8_t ret[static SHA256_SIZE]);

/*
 * Reads a SHA-256 fingerprint in any spelling that people use: either case, with colons, spaces
 * or dashes between bytes, or base64; with "SHA256:" or "sha256 fingerprint=" before it. Returns 0,
 * -EINVAL.
 */
int fingerprint_parse(const char *text, uint8_t ret[static SHA256_SIZE]);

/* SHA-256 of @size bytes. Returns 0 or -EIO (the crypto library failed). */
int sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE]);
