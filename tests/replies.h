/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a scripted daemon says to the library, and the question that it is asked. */
#pragma once

#include <check.h>

#include "client/library.h"
#include "tests/script.h"

/* The one certificate of these tests is "abc"; this is its digest. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#define REPLY(parameters) "{\"parameters\":{" parameters "}}"
#define ERROR(name, parameters) "{\"error\":\"" name "\",\"parameters\":{" parameters "}}"
#define OURS(name, parameters) ERROR("org.certexc1." name, parameters)
#define ABOUT "\"host\":\"imap.example.org\",\"port\":993,\"chain_sha256\":\"" ABC "\""
#define NOTHING_WRONG ",\"problems\":[],\"new_problems\":[]"
#define VERDICT(word) "\"verdict\":\"" word "\",\"because\":\"no-problem\","
#define CERTIFICATE                                                                                \
        "{\"sha256\":\"" ABC "\",\"key_sha256\":\"" ABC "\",\"subject\":\"CN=a\",\"issuer\":"      \
        "\"CN=b\",\"serial\":\"01\",\"names\":[\"a\",\"b\"],\"not_before\":1,\"not_after\":2}"
#define EXCEPTION(id)                                                                              \
        "{\"id\":" id ",\"owner\":7,\"action\":\"allow\",\"host\":\"h\",\"port\":993,"             \
        "\"pin\":\"certificate\",\"problems\":[\"expired\"],\"end\":\"never\","                    \
        "\"state\":\"live\",\"created\":10,\"changed\":11,\"certificate\":" CERTIFICATE "}"
#define ACCEPT REPLY(VERDICT("accept") ABOUT NOTHING_WRONG)
#define PROBLEMS                                                                                   \
        ",\"problems\":[{\"name\":\"expired\",\"exceptable\":true,\"certificate\":0,\"value\":"    \
        "\"2020\"},{\"name\":\"revoked\",\"exceptable\":false,\"certificate\":-1,\"value\":\"\"}"  \
        "],\"new_problems\":[\"revoked\"]"

static inline certexc_client *new_client(const Script *script) {
        certexc_client *client = NULL;

        ck_assert_int_eq(certexc_client_new(script_path(script), &client), 0);
        return client;
}

static inline certexc_question *new_question(void) {
        certexc_question *question = NULL;

        ck_assert_int_eq(certexc_question_new("IMAP.example.org.", 993, &question), 0);
        ck_assert_int_eq(certexc_question_add_certificate(question, "abc", 3), 0);
        return question;
}

/* One question to @script. */
static inline int ask(certexc_client *client, certexc_answer **ret) {
        _cleanup_(certexc_question_freep) certexc_question *question = new_question();

        return certexc_verify(client, question, ret);
}
