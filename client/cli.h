/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certexc, the program. Verbs and what they call say themselves what went wrong, on standard
 * error, and return the exit status; EXIT_DONE goes on.
 */
#pragma once

#include <inttypes.h>
#include <stdint.h>

#include "client/certexc.h"
#include "client/cleanup.h"
#include "client/output.h"

enum {
        EXIT_DONE = 0,    /* done; for check: accept */
        EXIT_FAILED = 1,  /* failed, not found; for check: could not tell */
        EXIT_MISUSED = 2, /* the command line makes no sense */
        EXIT_PROMPT = 3,  /* check: ask the person */
        EXIT_REJECT = 4,  /* check: do not go on */
        EXIT_FOUND = 5,   /* doctor: something is to be looked at; revoke: some of it stays in force */
};

/* What the command line said; strings are its own, NULL where it said nothing. */
typedef struct Options {
        const char *socket;
        const char *starttls;
        const char *connect;
        const char *chain;
        const char *timeout;
        const char *until;
        const char *fingerprint;
        const char *pin;
        const char *owner;
        const char *wait;
        const char *protocol;
        bool ask;
        bool notify;
        const char *only;
        bool system;
        bool json;
        bool no_ocsp;
        bool session;
        bool yes;
        bool all;
        bool deep;
        bool rebuild;
        bool decisions;
        bool dry_run;
        bool replace;
        bool skip;
        bool help;
        bool version;
} Options;

typedef struct CliBus CliBus;

typedef struct Cli {
        Options options;
        Output out; /* standard output */
        Output err; /* standard error */
        certexc_client *client;
        CliBus *bus; /* calls go over it; NULL: over the socket */
} Cli;

/* The verbs: @arguments are what stands behind the verb, @n of them. */
int cli_check(Cli *cli, int n, char **arguments);
int cli_allow(Cli *cli, int n, char **arguments);
int cli_deny(Cli *cli, int n, char **arguments);
int cli_list(Cli *cli, int n, char **arguments);
int cli_show(Cli *cli, int n, char **arguments);
int cli_revoke(Cli *cli, int n, char **arguments);
int cli_history(Cli *cli, int n, char **arguments);
int cli_status(Cli *cli, int n, char **arguments);
int cli_export(Cli *cli, int n, char **arguments);
int cli_import(Cli *cli, int n, char **arguments);
int cli_doctor(Cli *cli, int n, char **arguments);
int cli_agent(Cli *cli, int n, char **arguments);
int cli_monitor(Cli *cli, int n, char **arguments);
int cli_authority(Cli *cli, int n, char **arguments);
int cli_tunnel(Cli *cli, int n, char **arguments);

/* Mail programs know the numbers of sysexits.h, so that tunnel has these. */
int cli_tunnel_status(int status);

/* Lets calls that need more than one's own uid go over the system's bus, if there is one. EXIT_DONE,
 * EXIT_FAILED. */
int cli_take_bus(Cli *cli, int64_t owner);
CliBus *cli_bus_free(CliBus *bus);

/* What is wrong with the command line; returns EXIT_MISUSED. */
int cli_misuse(const Cli *cli, const char *format, ...) _printf_(2, 3);

/* What failed; returns EXIT_FAILED. */
int cli_fail(const Cli *cli, const char *format, ...) _printf_(2, 3);

/* The same for a call of the library that returned @error. */
int cli_fail_client(const Cli *cli, int error);

int cli_no_memory(const Cli *cli);

/* Reads the number of a decision. EXIT_DONE, EXIT_MISUSED. */
int cli_read_id(const Cli *cli, const char *text, uint64_t *ret);

/* A typed answer; a fingerprint takes 95 characters, some spellings a few more. */
#define CLI_TYPED_MAX 256U

/* true if somebody can be asked: they see what is written, and what they type is read. */
bool cli_has_person(const Cli *cli);

/* What the person types, without white space around it; "" at the end of input. */
const char *cli_ask(const Cli *cli, const char *question, char ret[static CLI_TYPED_MAX]);

/* Whether the command line is about the system's own. */
bool cli_is_system(const Cli *cli);

/* true if @text is all digits, as ids are and hosts are not. */
bool cli_is_id(const char *text);

DEFINE_CLEANUP(certexc_client *, certexc_client_free)
DEFINE_CLEANUP(certexc_question *, certexc_question_free)
DEFINE_CLEANUP(certexc_answer *, certexc_answer_free)
DEFINE_CLEANUP(certexc_exception *, certexc_exception_free)
DEFINE_CLEANUP(certexc_exceptions *, certexc_exceptions_free)
DEFINE_CLEANUP(certexc_history *, certexc_history_free)
DEFINE_CLEANUP(certexc_status *, certexc_status_free)
DEFINE_CLEANUP(certexc_monitor *, certexc_monitor_free)
DEFINE_CLEANUP(certexc_check *, certexc_check_free)
DEFINE_CLEANUP(certexc_import *, certexc_import_free)
DEFINE_CLEANUP(certexc_event *, certexc_event_free)
DEFINE_CLEANUP(certexc_agent *, certexc_agent_free)
DEFINE_CLEANUP(certexc_prompt *, certexc_prompt_free)
