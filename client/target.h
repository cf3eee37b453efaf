/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target: what check, allow and deny are about, an endpoint and the chain that it presents. */
#pragma once

#include "client/cli.h"
#include "client/connect.h"
#include "client/endpoint.h"
#include "client/presented.h"
#include "client/starttls.h"

typedef struct Target {
        Endpoint endpoint;
        Endpoint address;                 /* --connect; port 0: none */
        const StarttlsProtocol *starttls; /* NULL: TLS from the first byte */
        unsigned timeout_sec;             /* for connecting */
        Presented presented;
        certexc_question *question;
        certexc_question *completed; /* with what the issuer's responder said; NULL: not asked */
        certexc_question *judged;    /* the one of both that was answered: borrowed */
} Target;

/* Reads HOST[:PORT] and the options that belong to it, fetches the chain, and puts the question
 * together. An exit status. */
int target_open(const Cli *cli, const char *text, Target *ret);
void target_done(Target *target);

/* The parts of that: reads what the command line says, which takes no freeing; how it is connected to; what went wrong
 * then, in words (free()); and the question, once something is presented. */
int target_read(const Cli *cli, const char *text, Target *ret);
ConnectPlan target_plan(const Target *target);
char *target_fault(const Target *target, const Fault *fault);
int target_question(const Cli *cli, Target *target);

/* Whole seconds from 1 to @max, as an option gives them; *@ret stays if @text is NULL. @name is "--timeout=". */
int target_read_seconds(const Cli *cli, const char *name, const char *text, unsigned max, unsigned *ret);

/*
 * Asks the daemon; and if the server stapled no answer about the certificate's status, and the
 * daemon knows who gives one, asks there as well, once. An exit status.
 */
int target_verify(const Cli *cli, Target *target, certexc_answer **ret);

/* The command line that says @verb about the same target in the same way, for the person to type;
 * NULL when out of memory. */
char *target_command(const Cli *cli, const Target *target, const char *verb);
