/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and signature methods: which are too weak, and whether a signature is true. */
#pragma once

#include "daemon/certificate.h"

/* Room for what is said about a key or a signature method. */
#define ALGORITHM_TEXT_SIZE 128U

/* true if @c's key is too weak or of a kind that cannot be judged; *@ret says which it is. */
bool key_is_weak(const Certificate *c, char ret[static ALGORITHM_TEXT_SIZE]);

/* Why @c's key is malformed: a static sentence, or NULL. */
const char *key_fault(const Certificate *c);

/* true if the method of an AlgorithmIdentifier can be forged or is not known; *@ret says which. */
bool method_is_weak(Blob algorithm, char ret[static ALGORITHM_TEXT_SIZE]);

typedef enum SignatureState {
        SIGNATURE_UNCHECKED,
        SIGNATURE_TRUE,
        SIGNATURE_FALSE,
        SIGNATURE_UNCHECKABLE, /* a method or key that the crypto library does not know */
} SignatureState;

/* Something that is signed: the AlgorithmIdentifier with its header, what is signed, and how. */
typedef struct Signed {
        Blob algorithm;
        Blob content;
        Blob signature;
} Signed;

static inline Signed certificate_signed(const Certificate *c) {
        return (Signed){c->signature_algorithm, c->tbs, c->signature};
}

/* Checks a signature with @signer's key, whatever its name, however weak. */
SignatureState signature_check(Signed what, Certificate *signer);
