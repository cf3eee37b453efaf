/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two files of certexc authority share. */
#pragma once

#include "client/cli.h"

/* All about one, for people. */
void authority_explain(const Cli *cli, const certexc_authority *a);

/* certexc authority import FILE and distrust FILE|FINGERPRINT. */
int authority_import(const Cli *cli, int n, char **arguments);
int authority_distrust(const Cli *cli, int n, char **arguments);

DEFINE_CLEANUP(certexc_authority *, certexc_authority_free)
DEFINE_CLEANUP(certexc_authorities *, certexc_authorities_free)
