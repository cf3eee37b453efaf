/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcertexc: ask the certexc daemon about certificates. libcertexc(3) has a whole program.
 *
 * Functions that return int return 0 or more, or a negative errno value (see "Errors" below); the
 * client then holds a sentence about it, certexc_client_error(). What they hand out comes last in
 * the arguments and is not touched on failure. Objects are freed with the _free() of their type,
 * which takes NULL and returns NULL; a const pointer or string belongs to the object that it was
 * asked of. Getters take NULL and then return NULL, 0 or false.
 *
 * Strings are UTF-8. Times are seconds since 1970-01-01 00:00 UTC. Digests are 64 lower-case
 * hexadecimal digits. What a certificate says of itself (subject, issuer, names, values of
 * problems) is not escaped: escape it before a terminal or mark-up sees it.
 *
 * Nothing here logs, prints, installs a signal handler or keeps global state. One client, and what
 * was made with it, may be used by one thread at a time.
 */
#ifndef CERTEXC_H
#define CERTEXC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CERTEXC_API __attribute__((visibility("default")))

/** A client of the daemon; connects by itself when it is first used. */
typedef struct certexc_client certexc_client;

/** What is to be judged: an endpoint and the certificates that it presented. */
typedef struct certexc_question certexc_question;

/** What the daemon said about a question. Immutable. */
typedef struct certexc_answer certexc_answer;

/** What a certificate says of itself. Immutable. */
typedef struct certexc_certificate certexc_certificate;

/** One decision: an exception ("allow") or a denial ("deny"). Immutable. */
typedef struct certexc_exception certexc_exception;

/** Decisions, by id. Immutable. */
typedef struct certexc_authority certexc_authority;
typedef struct certexc_authorities certexc_authorities;
typedef struct certexc_exceptions certexc_exceptions;

/** What was decided and what became of it, oldest first. Immutable. */
typedef struct certexc_history certexc_history;

/** The daemon's state. Immutable. */
typedef struct certexc_status certexc_status;

/** What came of an import. Immutable. */
typedef struct certexc_import certexc_import;

/** What an examination of the store found. Immutable. */
typedef struct certexc_check certexc_check;

/** A stream of changes. */
typedef struct certexc_monitor certexc_monitor;

/** One change. Immutable. */
typedef struct certexc_event certexc_event;

/** A program that asks the person: a stream of prompts. */
typedef struct certexc_agent certexc_agent;

/** What the person is to be asked, or the word that this is over. Immutable. */
typedef struct certexc_prompt certexc_prompt;

enum certexc_verdict {
        CERTEXC_ACCEPT = 0, /* go on */
        CERTEXC_PROMPT = 1, /* ask the person */
        CERTEXC_REJECT = 2, /* do not go on, do not ask */
};

/* -- Client -------------------------------------------------------------------------------- */

/** Whose decisions are meant: the caller's own (the default), or the administrator's for all. */
#define CERTEXC_OWNER_SELF INT64_MIN
#define CERTEXC_OWNER_SYSTEM INT64_C(-1)

/**
 * certexc_client_new() - make a client
 * @socket: path of the daemon's socket, or NULL for the usual search: the environment variable
 *          CERTEXC_SOCKET, $XDG_RUNTIME_DIR/certexc/org.certexc1 if it is there, else
 *          /run/certexc/org.certexc1
 *
 * Connects to nothing yet. Returns 0, -ENAMETOOLONG, -ENOMEM.
 */
CERTEXC_API int certexc_client_new(const char *socket, certexc_client **ret);
CERTEXC_API certexc_client *certexc_client_free(certexc_client *client);

/** certexc_client_socket() - the path that is used, whatever the search ended with */
CERTEXC_API const char *certexc_client_socket(const certexc_client *client);

/** certexc_client_set_timeout() - bound each call; 5000 ms at first, 0 waits without end */
CERTEXC_API void certexc_client_set_timeout(certexc_client *client, unsigned milliseconds);

/** certexc_client_set_owner() - a uid, CERTEXC_OWNER_SYSTEM or _SELF; another's needs uid 0 */
CERTEXC_API void certexc_client_set_owner(certexc_client *client, int64_t owner);

/**
 * certexc_transport - a way of the application's own to the daemon
 *
 * Is given a method, "org.certexc1.Verify", and its parameters as a JSON object; returns 0 and in
 * @ret_reply, to be freed by the library with free(), the reply as Varlink has it: {"parameters":
 * ...}, or with "error". Or -errno.
 */
typedef int (*certexc_transport)(void *userdata, const char *method, const char *parameters,
                                 char **ret_reply);

/**
 * certexc_client_set_transport() - call another way than over the socket; NULL: over the socket again
 *
 * certexc_monitor_new() keeps to the socket. Whoever answers is believed: it is the transport that
 * must know that it is the daemon.
 */
CERTEXC_API void certexc_client_set_transport(certexc_client *client, certexc_transport transport,
                                              void *userdata);

/**
 * certexc_client_error() - what went wrong last: the thing, the reason and the way out
 *
 * One or more whole sentences; "" if the last call succeeded. Valid until the next call.
 */
CERTEXC_API const char *certexc_client_error(const certexc_client *client);

/** certexc_client_error_name() - "org.certexc1.NotFound" and kin; NULL if the daemon sent none */
CERTEXC_API const char *certexc_client_error_name(const certexc_client *client);

/** certexc_client_error_json() - the parameters of that error as the daemon sent them, or NULL */
CERTEXC_API const char *certexc_client_error_json(const certexc_client *client);

/**
 * certexc_call() - call any method of org.certexc1, JSON in and out
 * @method: "GetStatus"; a name with a dot in it is taken as it is
 * @parameters: a JSON object, or NULL
 * @ret: the reply's parameters, a JSON object; free()
 */
CERTEXC_API int certexc_call(certexc_client *client, const char *method, const char *parameters,
                             char **ret);

/*
 * Errors. -ENOTCONN: the daemon cannot be reached, nobody was asked. -EPERM: somebody else serves
 * the socket. -ETIMEDOUT: no answer in time. -ECONNRESET: the daemon went away. -EPROTO: it does
 * not speak org.certexc1. -ENOMEM. From the daemon: -EINVAL InvalidHost InvalidPort InvalidChain
 * InvalidRequest · -ESTALE ProblemsChanged · -EALREADY NothingToExcept · -EKEYREJECTED
 * NotExceptable FingerprintMismatch · -ENOENT NotFound PromptUnknown · -EACCES AccessDenied · -EROFS
 * HeldByFile · -EUCLEAN InDoubt · -EDQUOT LimitReached · -EIO JudgeFailed StoreFailed · -EBUSY Rebuilding · -EOPNOTSUPP a
 * method that this daemon does not have · -EREMOTEIO any other. None of them means "accept".
 */

/* -- Ask ----------------------------------------------------------------------------------- */

/**
 * certexc_question_new() - begin a question
 * @host: the host name or address that the person asked for, as typed
 * @port: its port; 0 if it is not known
 *
 * Once it was asked a question does not change: the functions below then return -EBUSY. Returns 0,
 * -EINVAL (@host is no host; see certexc_host_check()), -ENOMEM.
 */
CERTEXC_API int certexc_question_new(const char *host, uint16_t port, certexc_question **ret);
CERTEXC_API certexc_question *certexc_question_free(certexc_question *question);

/** certexc_question_add_certificate() - append a copy of one certificate's DER, leaf first */
CERTEXC_API int certexc_question_add_certificate(certexc_question *question, const void *der,
                                                 size_t size);

/** certexc_question_set_staple() - give the stapled OCSP answer (DER, copied) of the server */
CERTEXC_API int certexc_question_set_staple(certexc_question *question, const void *der,
                                            size_t size);

/** certexc_question_set_starttls() - say that the connection was upgraded on a plain port */
CERTEXC_API int certexc_question_set_starttls(certexc_question *question, bool starttls);

/**
 * certexc_verify() - ask for the verdict; never waits for a person
 *
 * Returns 0 and an answer, whatever its verdict, or a negative errno: then nobody judged, and the
 * connection must not be taken as accepted.
 */
CERTEXC_API int certexc_verify(certexc_client *client, certexc_question *question,
                               certexc_answer **ret);
CERTEXC_API certexc_answer *certexc_answer_free(certexc_answer *answer);

/** The longest that certexc_ask() waits, in seconds. */
#define CERTEXC_ASK_MAX 600U

/**
 * certexc_ask() - ask for the verdict; if there is none, wait until the person was asked
 * @seconds: for so long at most, 1 to CERTEXC_ASK_MAX; the client's timeout counts beyond that
 *
 * The person is asked by an agent, a program of their own session; without one this does not wait.
 * Returns as certexc_verify(). CERTEXC_PROMPT is still possible: see certexc_answer_asked().
 */
CERTEXC_API int certexc_ask(certexc_client *client, certexc_question *question, unsigned seconds,
                            certexc_answer **ret);

/**
 * certexc_answer_asked() - what became of asking: "not-needed", "answered", "dismissed", "no-agent",
 * "timed-out", "too-many", "not-allowed", "in-doubt"; NULL for an answer of certexc_verify()
 */
CERTEXC_API const char *certexc_answer_asked(const certexc_answer *answer);

/** certexc_answer_verdict() - CERTEXC_PROMPT for NULL */
CERTEXC_API enum certexc_verdict certexc_answer_verdict(const certexc_answer *answer);

/** certexc_answer_because() - the word: "no-problem", "exception", "changed" ...; org.certexc1(5) */
CERTEXC_API const char *certexc_answer_because(const certexc_answer *answer);

/**
 * certexc_answer_unconfirmed_because() - why the exception must be confirmed: "imported", "store-damaged",
 * "other-user", "incomplete"; NULL if that is not what _because() says
 */
CERTEXC_API const char *certexc_answer_unconfirmed_because(const certexc_answer *answer);

/**
 * certexc_answer_reason() - why, as a sentence for people; free()
 *
 * As certexc_because_sentence(), with what this answer knows of it, as when it was allowed and what became of the
 * store since. A file's name in it is not escaped. Returns 0, -ENOENT (a word that this library lacks), -ENOMEM.
 */
CERTEXC_API int certexc_answer_reason(const certexc_answer *answer, char **ret);

/**
 * certexc_answer_doubt() - why no exception counts at the moment, and the way out, in the daemon's words; or NULL
 *
 * Something that refuses may not be known to the daemon. Do not ask the person to allow anything then: it would
 * not be accepted before that is mended.
 */
CERTEXC_API const char *certexc_answer_doubt(const certexc_answer *answer);

/** certexc_answer_host() - the one canonical form of the host; _port() what was asked for */
CERTEXC_API const char *certexc_answer_host(const certexc_answer *answer);
CERTEXC_API uint16_t certexc_answer_port(const certexc_answer *answer);
CERTEXC_API const char *certexc_answer_chain_sha256(const certexc_answer *answer);

/**
 * certexc_answer_n_problems() - everything that is wrong, each with the certificate (index in the
 * chain, -1: none in particular) and the fact that shows it ("" if there is none). An @i that is
 * too large is answered like NULL, and -1.
 */
CERTEXC_API size_t certexc_answer_n_problems(const certexc_answer *answer);
CERTEXC_API const char *certexc_answer_problem(const certexc_answer *answer, size_t i);
CERTEXC_API bool certexc_answer_problem_exceptable(const certexc_answer *answer, size_t i);
CERTEXC_API int certexc_answer_problem_certificate(const certexc_answer *answer, size_t i);
CERTEXC_API const char *certexc_answer_problem_value(const certexc_answer *answer, size_t i);

/** certexc_answer_n_new_problems() - names of those that certexc_answer_exception() lacks */
CERTEXC_API size_t certexc_answer_n_new_problems(const certexc_answer *answer);
CERTEXC_API const char *certexc_answer_new_problem(const certexc_answer *answer, size_t i);

/** certexc_answer_leaf() - the server's own certificate; NULL if it could not be read */
CERTEXC_API const certexc_certificate *certexc_answer_leaf(const certexc_answer *answer);

/** certexc_answer_exception() - the decision that answered, or nearly did; NULL if there is none */
CERTEXC_API const certexc_exception *certexc_answer_exception(const certexc_answer *answer);

/** certexc_answer_obsolete() - true: nothing is wrong any more, that exception could be revoked */
CERTEXC_API bool certexc_answer_obsolete(const certexc_answer *answer);

/**
 * certexc_answer_change() - "renewed" (same key), "reissued" (same issuer), "replaced" (nothing in
 * common), or NULL: against the certificate _old(), known from an "exception" or "seen", at _since()
 */
CERTEXC_API const char *certexc_answer_change(const certexc_answer *answer);
CERTEXC_API const char *certexc_answer_change_known_from(const certexc_answer *answer);
CERTEXC_API int64_t certexc_answer_change_since(const certexc_answer *answer);
CERTEXC_API bool certexc_answer_change_was_due(const certexc_answer *answer);
CERTEXC_API const certexc_certificate *certexc_answer_change_old(const certexc_answer *answer);
/** true if the field of the Certificate in org.certexc1(5), e.g. "issuer", is another now. */
CERTEXC_API bool certexc_answer_change_differs(const certexc_answer *answer, const char *field);

/**
 * certexc_answer_n_advice() - what explains the problems, or what to beware of
 *
 * Each has an id ("intercepted-by-antivirus"; org.certexc1(5) has them all) and the evidence that
 * goes with it: _name() a product, issuer or protocol, NULL if there is none; _time() 0 if there is
 * none; _host() the @j-th other host, NULL past the last.
 */
CERTEXC_API size_t certexc_answer_n_advice(const certexc_answer *answer);
CERTEXC_API const char *certexc_answer_advice(const certexc_answer *answer, size_t i);
CERTEXC_API const char *certexc_answer_advice_name(const certexc_answer *answer, size_t i);
CERTEXC_API int64_t certexc_answer_advice_time(const certexc_answer *answer, size_t i);
CERTEXC_API size_t certexc_answer_advice_n_hosts(const certexc_answer *answer, size_t i);
CERTEXC_API const char *certexc_answer_advice_host(const certexc_answer *answer, size_t i,
                                                   size_t j);

/**
 * certexc_answer_advice_text() - the same in sentences, evidence included; free()
 *
 * The evidence may be a certificate's own words, and is not escaped. Returns 0, -ENOENT (an id that
 * this library lacks), -EINVAL (no such advice), -ENOMEM.
 */
CERTEXC_API int certexc_answer_advice_text(const certexc_answer *answer, size_t i, char **ret);

/**
 * certexc_answer_responder() - where the issuer answers whether the certificate has been revoked
 *
 * A URL that begins with http://, or NULL: the question had a staple, or there is nobody to ask. POST
 * there what _request() yields (borrowed; application/ocsp-request), and ask once more with what
 * comes back by certexc_question_set_staple(); the daemon judges it. Whoever answers learns which
 * server this is about. _request() returns 0 or -ENOENT.
 */
CERTEXC_API const char *certexc_answer_responder(const certexc_answer *answer);
CERTEXC_API int certexc_answer_responder_request(const certexc_answer *answer, const void **ret,
                                                 size_t *ret_size);

/** certexc_answer_json() - the reply's parameters as the daemon sent them */
CERTEXC_API const char *certexc_answer_json(const certexc_answer *answer);

CERTEXC_API const char *certexc_certificate_sha256(const certexc_certificate *certificate);
CERTEXC_API const char *certexc_certificate_key_sha256(const certexc_certificate *certificate);
CERTEXC_API const char *certexc_certificate_subject(const certexc_certificate *certificate);
CERTEXC_API const char *certexc_certificate_issuer(const certexc_certificate *certificate);
CERTEXC_API const char *certexc_certificate_serial(const certexc_certificate *certificate);
CERTEXC_API size_t certexc_certificate_n_names(const certexc_certificate *certificate);
CERTEXC_API const char *certexc_certificate_name(const certexc_certificate *certificate, size_t i);
CERTEXC_API int64_t certexc_certificate_not_before(const certexc_certificate *certificate);
CERTEXC_API int64_t certexc_certificate_not_after(const certexc_certificate *certificate);

/* -- Decide -------------------------------------------------------------------------------- */

/** For @flags: end with the owner's session; pin the key rather than the certificate. */
#define CERTEXC_SESSION (1U << 0)
#define CERTEXC_PIN_KEY (1U << 1)

/**
 * certexc_add_exception() - allow what @answer showed: its endpoint, chain and problems
 * @until: the first second when it is over; 0 for no date (exclusive with CERTEXC_SESSION)
 * @flags: CERTEXC_SESSION, CERTEXC_PIN_KEY, or 0
 * @fingerprint: what the person typed to confirm, in any usual spelling, or NULL
 * @ret: the decision as stored; may be NULL
 *
 * The daemon judges the chain again. -ESTALE: the problems are not those of @answer any more; ask
 * again and show the new ones. -EUCLEAN: it is held already, see certexc_answer_doubt(). Returns 0, 1 if the same exception was held already, or -errno.
 */
CERTEXC_API int certexc_add_exception(certexc_client *client, const certexc_answer *answer,
                                      int64_t until, unsigned flags, const char *fingerprint,
                                      certexc_exception **ret);

/** certexc_add_denial() - remember a "no" to it, whatever its problems; as above */
CERTEXC_API int certexc_add_denial(certexc_client *client, const certexc_answer *answer,
                                   int64_t until, unsigned flags, const char *fingerprint,
                                   certexc_exception **ret);

/** certexc_revoke() - take a decision back; no error if it is revoked already. @ret may be NULL */
CERTEXC_API int certexc_revoke(certexc_client *client, uint64_t id, certexc_exception **ret);

/** certexc_get() - one decision, whatever its state */
CERTEXC_API int certexc_get(certexc_client *client, uint64_t id, certexc_exception **ret);

/**
 * certexc_list() - the decisions
 * @host: only of this host; NULL for all
 * @port: only of this port; 0 for all
 * @all: also those that ended or were revoked
 */
CERTEXC_API int certexc_list(certexc_client *client, const char *host, uint16_t port, bool all,
                             certexc_exceptions **ret);

/**
 * certexc_list_effective() - the same, and the system's decisions that hold for the owner, too
 *
 * The system's have the owner CERTEXC_OWNER_SYSTEM, and ids of their own: certexc_revoke() and
 * certexc_get() mean another decision by them, unless the client's owner is the system.
 */
CERTEXC_API int certexc_list_effective(certexc_client *client, const char *host, uint16_t port,
                                       bool all, certexc_exceptions **ret);

/** certexc_get_certificate() - DER of a certificate that a decision is about; free() */
CERTEXC_API int certexc_get_certificate(certexc_client *client, const char *sha256,
                                        uint8_t **ret_der, size_t *ret_size);

CERTEXC_API certexc_exceptions *certexc_exceptions_free(certexc_exceptions *exceptions);
CERTEXC_API size_t certexc_exceptions_count(const certexc_exceptions *exceptions);
CERTEXC_API const certexc_exception *certexc_exceptions_item(const certexc_exceptions *exceptions,
                                                             size_t i);
/** certexc_exceptions_json() - {"exceptions": [...]}, the pages joined */
CERTEXC_API const char *certexc_exceptions_json(const certexc_exceptions *exceptions);

/** Words: origin "own" "admin" "file"; action "allow" "deny"; pin "certificate" "key"; end "never"
 * "date" "session"; state "live" "unconfirmed" "ended" "revoked". _until() is 0 without a date. _file() is
 * NULL but for what an administrator has put into a file: only there it can be changed. */
CERTEXC_API certexc_exception *certexc_exception_free(certexc_exception *exception);
CERTEXC_API uint64_t certexc_exception_id(const certexc_exception *exception);
CERTEXC_API int64_t certexc_exception_owner(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_origin(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_file(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_action(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_host(const certexc_exception *exception);
CERTEXC_API uint16_t certexc_exception_port(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_pin(const certexc_exception *exception);
CERTEXC_API size_t certexc_exception_n_problems(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_problem(const certexc_exception *exception, size_t i);
CERTEXC_API const char *certexc_exception_end(const certexc_exception *exception);
CERTEXC_API int64_t certexc_exception_until(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_state(const certexc_exception *exception);
CERTEXC_API int64_t certexc_exception_created(const certexc_exception *exception);
CERTEXC_API int64_t certexc_exception_changed(const certexc_exception *exception);
CERTEXC_API const certexc_certificate *
certexc_exception_certificate(const certexc_exception *exception);
CERTEXC_API const char *certexc_exception_json(const certexc_exception *exception);

/* -- Authorities --------------------------------------------------------------------------- */

/** For @flags of certexc_import_authority(): say what would be stored, and store nothing. */
#define CERTEXC_CHECK_ONLY (1U << 2)

/**
 * certexc_list_authorities() - those that are believed, and those that are distrusted
 * @origin: only the "system"'s (the distribution's), the "admin"istrator's, or one's "own"; NULL: all
 * @sha256: only of this certificate (lower-case hexadecimal); NULL: all
 * @all: also those that were removed
 */
CERTEXC_API int certexc_list_authorities(certexc_client *client, const char *origin,
                                         const char *sha256, bool all, certexc_authorities **ret);

/**
 * certexc_import_authority() - believe a certificate about others
 * @der: the certificate; @size its bytes
 * @only: NULL-terminated names (hosts with all below them, addresses, networks) that it may speak
 *   for; NULL: for all
 * @flags: CERTEXC_CHECK_ONLY, or 0
 * @fingerprint: what the person typed to confirm, in any usual spelling, or NULL
 * @ret: as it is stored; may be NULL
 *
 * -EMEDIUMTYPE: it cannot be an authority; certexc_client_error() says why. Returns 0, 1 if it was
 * held so already, or -errno.
 */
CERTEXC_API int certexc_import_authority(certexc_client *client, const uint8_t *der, size_t size,
                                         const char *const *only, unsigned flags,
                                         const char *fingerprint, certexc_authority **ret);

/**
 * certexc_distrust() - believe a certificate no more, and what chains to it
 * @der: the certificate, or NULL; @size its bytes
 * @sha256: that of one which certexc_list_authorities() shows, or NULL; one of the two is given
 * @flags: CERTEXC_PIN_KEY for every certificate with its key, or 0 for this one alone
 *
 * As above; certexc_remove_authority() takes it back.
 */
CERTEXC_API int certexc_distrust(certexc_client *client, const uint8_t *der, size_t size,
                                 const char *sha256, unsigned flags, const char *fingerprint,
                                 certexc_authority **ret);

/** certexc_remove_authority() - take an import or a distrust back. @ret may be NULL */
CERTEXC_API int certexc_remove_authority(certexc_client *client, uint64_t id,
                                         certexc_authority **ret);

CERTEXC_API certexc_authorities *certexc_authorities_free(certexc_authorities *authorities);
CERTEXC_API size_t certexc_authorities_count(const certexc_authorities *authorities);
CERTEXC_API const certexc_authority *
certexc_authorities_item(const certexc_authorities *authorities, size_t i);
/** certexc_authorities_json() - {"authorities": [...]}, the pages joined */
CERTEXC_API const char *certexc_authorities_json(const certexc_authorities *authorities);

/** Words: origin "system" "admin" "own"; kind "authority" "distrust"; state "live" "unconfirmed"
 * "removed"; pin "certificate" "key". _id() is 0 for the system's; _n_only() 0: all names. */
CERTEXC_API certexc_authority *certexc_authority_free(certexc_authority *authority);
CERTEXC_API uint64_t certexc_authority_id(const certexc_authority *authority);
CERTEXC_API int64_t certexc_authority_owner(const certexc_authority *authority);
CERTEXC_API const char *certexc_authority_origin(const certexc_authority *authority);
CERTEXC_API const char *certexc_authority_kind(const certexc_authority *authority);
CERTEXC_API const char *certexc_authority_state(const certexc_authority *authority);
CERTEXC_API const char *certexc_authority_pin(const certexc_authority *authority);
CERTEXC_API size_t certexc_authority_n_only(const certexc_authority *authority);
CERTEXC_API const char *certexc_authority_only(const certexc_authority *authority, size_t i);
/** The uid that made it what it is. */
CERTEXC_API int64_t certexc_authority_by(const certexc_authority *authority);
CERTEXC_API int64_t certexc_authority_created(const certexc_authority *authority);
CERTEXC_API int64_t certexc_authority_changed(const certexc_authority *authority);
CERTEXC_API const certexc_certificate *
certexc_authority_certificate(const certexc_authority *authority);
CERTEXC_API const char *certexc_authority_json(const certexc_authority *authority);

/* -- Look back ----------------------------------------------------------------------------- */

/** certexc_get_history() - of one decision, or of all with @id 0 */
CERTEXC_API int certexc_get_history(certexc_client *client, uint64_t id, certexc_history **ret);
CERTEXC_API certexc_history *certexc_history_free(certexc_history *history);
CERTEXC_API size_t certexc_history_count(const certexc_history *history);
CERTEXC_API uint64_t certexc_history_number(const certexc_history *history, size_t i);
CERTEXC_API int64_t certexc_history_time(const certexc_history *history, size_t i);
/** "allowed", "denied", "revoked", "ended", "confirmed", "unconfirmed", "imported" */
CERTEXC_API const char *certexc_history_kind(const certexc_history *history, size_t i);
CERTEXC_API uint64_t certexc_history_id(const certexc_history *history, size_t i);
/** The uid that did it. */
CERTEXC_API int64_t certexc_history_by(const certexc_history *history, size_t i);
CERTEXC_API const char *certexc_history_host(const certexc_history *history, size_t i);
CERTEXC_API uint16_t certexc_history_port(const certexc_history *history, size_t i);
CERTEXC_API const char *certexc_history_sha256(const certexc_history *history, size_t i);
/** {"entries": [...]}, the pages joined */
CERTEXC_API const char *certexc_history_json(const certexc_history *history);

CERTEXC_API int certexc_get_status(certexc_client *client, certexc_status **ret);
CERTEXC_API certexc_status *certexc_status_free(certexc_status *status);
/** A text field by its name in org.certexc1(5), e.g. "store_detail"; NULL if there is none. */
CERTEXC_API const char *certexc_status_text(const certexc_status *status, const char *field);
/** A number, e.g. "authorities", "counts.exceptions" or "losses.0.missing"; 0 if there is none. */
CERTEXC_API int64_t certexc_status_number(const certexc_status *status, const char *field);
CERTEXC_API size_t certexc_status_n_warnings(const certexc_status *status);
CERTEXC_API const char *certexc_status_warning(const certexc_status *status, size_t i);
/** Files in the state directory that rebuilds of the store have set aside. */
CERTEXC_API size_t certexc_status_n_kept(const certexc_status *status);
CERTEXC_API const char *certexc_status_kept(const certexc_status *status, size_t i);
CERTEXC_API const char *certexc_status_json(const certexc_status *status);

/** For @flags: nothing is stored; conflicts are settled as the file says; what conflicts or is refused
 * is left out. */
#define CERTEXC_DRY_RUN (1U << 0)
#define CERTEXC_REPLACE (1U << 1)
#define CERTEXC_SKIP    (1U << 2)
/** For @flags: the person agrees to believe the authorities of the file about others. */
#define CERTEXC_TRUST   (1U << 3)

/**
 * certexc_import_decisions() - take over what "certexc export" printed, all of it or nothing
 * @text: the file, which is read strictly and need not end with a NUL
 *
 * Returns 0 also if nothing was stored because something conflicts or is refused: see
 * certexc_import_stored(). -EBADMSG: it is no export, or not whole. -ECANCELED: there are authorities in it,
 * and @flags have neither CERTEXC_TRUST nor CERTEXC_DRY_RUN.
 */
CERTEXC_API int certexc_import_decisions(certexc_client *client, const char *text, size_t size,
                                         unsigned flags, certexc_import **ret);
CERTEXC_API certexc_import *certexc_import_free(certexc_import *import);
CERTEXC_API bool certexc_import_stored(const certexc_import *import);
/** The decisions of the file, in its order, and what became of each: a word of org.certexc1(5). */
CERTEXC_API size_t certexc_import_count(const certexc_import *import);
CERTEXC_API const char *certexc_import_host(const certexc_import *import, size_t i);
CERTEXC_API uint16_t certexc_import_port(const certexc_import *import, size_t i);
CERTEXC_API const char *certexc_import_action(const certexc_import *import, size_t i);
CERTEXC_API const char *certexc_import_outcome(const certexc_import *import, size_t i);
/** The same of its authorities and distrusts; NULL where the certificate cannot be read. */
CERTEXC_API size_t certexc_import_n_authorities(const certexc_import *import);
CERTEXC_API const certexc_authority *
certexc_import_taken_authority(const certexc_import *import, size_t i);
CERTEXC_API const char *certexc_import_authority_outcome(const certexc_import *import, size_t i);
/** The daemon's last reply. */
CERTEXC_API const char *certexc_import_json(const certexc_import *import);

/** For @flags: every page is read, and database and journal are compared row against row. */
#define CERTEXC_DEEP (1U << 0)

/** How far an examination has come: a word of org.certexc1(5); @total is 0 where it is not known. */
typedef void (*certexc_check_progress)(const char *step, int64_t done, int64_t total, void *userdata);

/**
 * certexc_check_store() - have the daemon examine its store, which changes nothing
 * @flags: CERTEXC_DEEP (uid 0, or the user whom the daemon serves), or 0
 * @progress: called now and then, may be NULL
 *
 * On a connection of its own. The client's time-out bounds each wait for a sign of life, not the
 * whole. 0 also if something was found.
 */
CERTEXC_API int certexc_check_store(certexc_client *client, unsigned flags,
                                    certexc_check_progress progress, void *userdata,
                                    certexc_check **ret);
CERTEXC_API certexc_check *certexc_check_free(certexc_check *check);
/** true if all of the store was looked at, false if only the owner's own rows were. */
CERTEXC_API bool certexc_check_whole(const certexc_check *check);
/** A number of Check in org.certexc1(5), e.g. "rows"; 0 if there is none. */
CERTEXC_API int64_t certexc_check_number(const certexc_check *check, const char *field);
CERTEXC_API size_t certexc_check_n_kept(const certexc_check *check);
CERTEXC_API const char *certexc_check_kept(const certexc_check *check, size_t i);
/** What was found: ids of Finding in org.certexc1(5), each with its severity ("note", "warning",
 * "damage"), how often, and what the first is. */
CERTEXC_API size_t certexc_check_n_findings(const certexc_check *check);
CERTEXC_API const char *certexc_check_finding(const certexc_check *check, size_t i);
CERTEXC_API const char *certexc_check_finding_severity(const certexc_check *check, size_t i);
CERTEXC_API int64_t certexc_check_finding_count(const certexc_check *check, size_t i);
CERTEXC_API const char *certexc_check_finding_detail(const certexc_check *check, size_t i);
CERTEXC_API const char *certexc_check_json(const certexc_check *check);

/**
 * certexc_monitor_new() - begin to watch, on a connection of its own
 *
 * Poll certexc_monitor_fd() for POLLIN, then call certexc_monitor_next() until it returns 0. The
 * first event is "ready": from then on nothing is missed.
 */
CERTEXC_API int certexc_monitor_new(certexc_client *client, certexc_monitor **ret);
CERTEXC_API certexc_monitor *certexc_monitor_free(certexc_monitor *monitor);
CERTEXC_API int certexc_monitor_fd(const certexc_monitor *monitor);

/** certexc_monitor_next() - 1 and an event, 0 if none is there yet, -errno when it is over */
CERTEXC_API int certexc_monitor_next(certexc_monitor *monitor, certexc_event **ret);
/** certexc_monitor_error() - why it is over, as certexc_client_error() */
CERTEXC_API const char *certexc_monitor_error(const certexc_monitor *monitor);

CERTEXC_API certexc_event *certexc_event_free(certexc_event *event);
/** "ready", "allowed", "denied", "revoked", "ended", "confirmed", "unconfirmed", "store-rebuilt",
 * "authorities-changed", "rules-changed" */
CERTEXC_API const char *certexc_event_name(const certexc_event *event);
CERTEXC_API int64_t certexc_event_time(const certexc_event *event);
CERTEXC_API const certexc_exception *certexc_event_exception(const certexc_event *event);
CERTEXC_API const char *certexc_event_json(const certexc_event *event);

/* -- Ask the person ------------------------------------------------------------------------ */

/**
 * certexc_agent_new() - become an agent, on a connection of its own; one's own decisions only
 *
 * Returns when the daemon knows. Poll certexc_agent_fd() for POLLIN, then call certexc_agent_next()
 * until it returns 0.
 */
CERTEXC_API int certexc_agent_new(certexc_client *client, certexc_agent **ret);
CERTEXC_API certexc_agent *certexc_agent_free(certexc_agent *agent);
CERTEXC_API int certexc_agent_fd(const certexc_agent *agent);

/**
 * certexc_agent_next() - 1 and a prompt, 0 if none is there yet, -errno when it is over
 *
 * One prompt comes at a time. Each is followed by the word that it is over, whoever answered it.
 */
CERTEXC_API int certexc_agent_next(certexc_agent *agent, certexc_prompt **ret);
/** certexc_agent_error() - why it is over, as certexc_client_error() */
CERTEXC_API const char *certexc_agent_error(const certexc_agent *agent);

CERTEXC_API certexc_prompt *certexc_prompt_free(certexc_prompt *prompt);
CERTEXC_API uint64_t certexc_prompt_number(const certexc_prompt *prompt);
/** NULL: ask. Else take it away: "answered", "dismissed", "timed-out", "gone", "changed". */
CERTEXC_API const char *certexc_prompt_over(const certexc_prompt *prompt);
/** What to show, all of it; the prompt's. NULL if it is over. */
CERTEXC_API const certexc_answer *certexc_prompt_shown(const certexc_prompt *prompt);
CERTEXC_API const char *certexc_prompt_json(const certexc_prompt *prompt);

/**
 * certexc_prompt_allow() - the person allows what was shown; the arguments of certexc_add_exception()
 *
 * -ENOENT: it is over, nothing was stored. -ESTALE: the problems changed; another prompt comes.
 */
CERTEXC_API int certexc_prompt_allow(certexc_client *client, const certexc_prompt *prompt,
                                     int64_t until, unsigned flags, const char *fingerprint,
                                     certexc_exception **ret);
CERTEXC_API int certexc_prompt_deny(certexc_client *client, const certexc_prompt *prompt,
                                    int64_t until, unsigned flags, const char *fingerprint,
                                    certexc_exception **ret);
/** certexc_prompt_dismiss() - "not now": nothing is stored, the same is not asked for some minutes */
CERTEXC_API int certexc_prompt_dismiss(certexc_client *client, const certexc_prompt *prompt);

/* -- Words --------------------------------------------------------------------------------- */

/** Sentences about a problem by its name. NULL (false) for a name that this library lacks. */
CERTEXC_API const char *certexc_problem_meaning(const char *name);
CERTEXC_API const char *certexc_problem_advice(const char *name);
/** Who can mend it: "you", "the server's administrator" ... */
CERTEXC_API const char *certexc_problem_mender(const char *name);
CERTEXC_API bool certexc_problem_exceptable(const char *name);
/** The @i-th name of all that this library knows, NULL after the last. */
CERTEXC_API const char *certexc_problem_name(size_t i);

/** Sentences about a finding of certexc_check_store() by its id: what it means, and the way out. NULL
 * for an id that this library lacks. */
CERTEXC_API const char *certexc_finding_meaning(const char *id);
CERTEXC_API const char *certexc_finding_advice(const char *id);

/** certexc_outcome_sentence() - what the word of certexc_import_outcome() means */
CERTEXC_API const char *certexc_outcome_sentence(const char *outcome);

/** certexc_because_sentence() - what the word of certexc_answer_because() means */
CERTEXC_API const char *certexc_because_sentence(const char *because);

/** certexc_change_sentence() - what a change means; NULL for words that this library lacks */
CERTEXC_API const char *certexc_change_sentence(const char *change, bool was_due);

/**
 * certexc_host_check() - 0 and the canonical form (free()) of a host, or -EINVAL and why (static)
 *
 * @ret and @ret_reason may be NULL.
 */
CERTEXC_API int certexc_host_check(const char *host, char **ret, const char **ret_reason);

/* -- GnuTLS -------------------------------------------------------------------------------- */

/* What gnutls_session_t points to; this header needs none of GnuTLS's. */
struct gnutls_session_int;

/**
 * certexc_gnutls_set_endpoint() - say what a GnuTLS session is about to connect to
 * @client: must outlive the session; its errors tell why a handshake was refused
 *
 * Before the handshake. The session's own gnutls_session_set_ptr() stays the application's: this is
 * kept beside it and freed by gnutls_deinit(). Returns 0, -EINVAL, -ENOMEM.
 */
CERTEXC_API int certexc_gnutls_set_endpoint(struct gnutls_session_int *session,
                                            certexc_client *client, const char *host,
                                            uint16_t port);

/** certexc_gnutls_set_starttls() - after certexc_gnutls_set_endpoint(), if that is so */
CERTEXC_API int certexc_gnutls_set_starttls(struct gnutls_session_int *session, bool starttls);

/** certexc_gnutls_set_ask() - certexc_ask() for so many seconds from now on; 0: certexc_verify() */
CERTEXC_API int certexc_gnutls_set_ask(struct gnutls_session_int *session, unsigned seconds);

/**
 * certexc_gnutls_verify() - for gnutls_certificate_set_verify_function()
 *
 * Returns 0 if the daemon accepts, else GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR: also when it
 * could not be asked, and when no endpoint was set.
 */
CERTEXC_API int certexc_gnutls_verify(struct gnutls_session_int *session);

/**
 * certexc_gnutls_reverify() - ask again about the session's chain
 *
 * After the handshake: GnuTLS does not call the verify function when a session is resumed, so do
 * it if gnutls_session_is_resumed(). The same returns as certexc_gnutls_verify().
 */
CERTEXC_API int certexc_gnutls_reverify(struct gnutls_session_int *session);

/** certexc_gnutls_get_answer() - the last answer; the session's. NULL if the daemon gave none */
CERTEXC_API const certexc_answer *
certexc_gnutls_get_answer(struct gnutls_session_int *session);

#ifdef __cplusplus
}
#endif

#endif
