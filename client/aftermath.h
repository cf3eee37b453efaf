/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a new decision did to those that stood at its endpoint before, and how that is told. */
#pragma once

#include "client/cli.h"
#include "client/endpoint.h"

/* What stands at the endpoint, to be compared with afterwards. EXIT_DONE, EXIT_FAILED. */
int aftermath_begin(const Cli *cli, const Endpoint *at, certexc_exceptions **ret);

/* Tells what became of @before now that @made is stored, each with the way back. */
void aftermath_tell(const Cli *cli, const certexc_exceptions *before, const certexc_exception *made);
