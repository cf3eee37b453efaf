/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certexc-ocsp URL: POSTs standard input there and writes what comes back to standard output, or
 * one line to standard error that says what went wrong. A program of its own, since what speaks HTTP
 * brings many libraries along, which certexc would load each time for nothing; nobody calls it but
 * certexc.
 */
#include "config.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "client/responder.h"

#define REQUEST_MAX 1024U

typedef struct Answer {
        char data[RESPONDER_ANSWER_MAX];
        size_t size;
        bool too_large;
} Answer;

static size_t on_data(char *data, size_t unit, size_t n, void *userdata) {
        Answer *a = userdata;

        /* Less than it was given makes libcurl end the transfer. */
        if (n > sizeof(a->data) - a->size) {
                a->too_large = true;
                return 0;
        }
        memcpy(a->data + a->size, data, n);
        a->size += n;
        return n;
}

static int fail(const char *reason) {
        (void) fprintf(stderr, "%s\n", reason);
        return EXIT_FAILURE;
}

/* No redirect, no proxy, no cookie, no password, no other protocol: what a certificate names is asked,
 * and nobody else. */
static bool set_up(CURL *curl, const char *url, const struct curl_slist *headers, Answer *answer) {
        return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) RESPONDER_TIMEOUT_MSEC) ==
                       CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK;
}

static int post(CURL *curl, const char *url, const char *request, size_t size) {
        static Answer answer;
        struct curl_slist *headers = NULL, *more;
        char words[64];
        CURLcode r;
        long code = 0;

        headers = curl_slist_append(NULL, "Content-Type: application/ocsp-request");
        more = headers ? curl_slist_append(headers, "Accept: application/ocsp-response") : NULL;
        if (!more || !set_up(curl, url, more, &answer) ||
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long) size) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request) != CURLE_OK) {
                curl_slist_free_all(headers);
                return fail("it cannot be prepared");
        }
        r = curl_easy_perform(curl);
        curl_slist_free_all(headers);
        if (answer.too_large)
                return fail("the answer is larger than any");
        if (r == CURLE_OPERATION_TIMEDOUT)
                return fail("it took too long");
        if (r != CURLE_OK)
                return fail(curl_easy_strerror(r));
        (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        (void) snprintf(words, sizeof(words), "the answer is HTTP %ld", code);
        if (code != 200)
                return fail(words);
        return fwrite(answer.data, 1, answer.size, stdout) == answer.size && fflush(stdout) == 0
                       ? EXIT_SUCCESS
                       : EXIT_FAILURE;
}

int main(int argc, char **argv) {
        char request[REQUEST_MAX];
        size_t size;
        CURL *curl;
        int status;

        if (argc != 2)
                return fail("certexc-ocsp URL is what certexc calls; see certexc(1)");
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        size = fread(request, 1, sizeof(request), stdin);
        if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
                return fail("libcurl cannot be set up");
        curl = curl_easy_init();
        if (!curl)
                return fail("libcurl cannot be set up");
        status = post(curl, argv[1], request, size);
        curl_easy_cleanup(curl);
        curl_global_cleanup();
        return status;
}
