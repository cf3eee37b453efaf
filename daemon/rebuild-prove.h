/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proving all of a database that is open; its journal is left to journal_verify(). */
#pragma once

#include "daemon/store-private.h"

/* true if it is small enough for everybody to wait for it. */
bool prove_is_quick(const Store *store);

/* 0; -EUCLEAN if something in it is not as it was written; -errno. */
int prove_database(Store *store);
