/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a server's certificate could not be fetched. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/fault.h"
#include "client/i18n.h"

int fault_set(Fault *fault, FaultKind kind, const char *format, ...) {
        va_list ap;
        int r;

        fault_done(fault);
        fault->kind = kind;
        va_start(ap, format);
        r = vasprintf(&fault->reason, _(format), ap);
        va_end(ap);
        if (r < 0) {
                fault->reason = NULL;
                return -ENOMEM;
        }
        return -ECONNABORTED;
}

void fault_hint(Fault *fault, const char *format, ...) {
        va_list ap;

        free(fault->hint);
        va_start(ap, format);
        if (vasprintf(&fault->hint, _(format), ap) < 0)
                fault->hint = NULL;
        va_end(ap);
}

void fault_done(Fault *fault) {
        free(fault->reason);
        free(fault->hint);
        *fault = (Fault){};
}
