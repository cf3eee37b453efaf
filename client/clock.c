/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock, as adjtimex(2) tells. */
#include "config.h"

#include <sys/timex.h>
#include <time.h>

#include "client/clock.h"
#include "client/i18n.h"
#include "client/times.h"

/* Whatever keeps a clock right loses it at 16 s of error: the kernel's own limit, in microseconds. */
#define ERROR_MAX 16000000L

#define USEC_PER_MSEC 1000L

static bool is_kept(const struct timex *kernel) {
        return !(kernel->status & STA_UNSYNC) && kernel->esterror < ERROR_MAX;
}

bool clock_is_kept(void) {
        struct timex kernel = { 0 };

        return adjtimex(&kernel) >= 0 && is_kept(&kernel);
}

static void explain_kept(const Output *out, const struct timex *kernel) {
        /* Rounded up: half a millisecond is not none. */
        const unsigned long ms = (unsigned long) (kernel->esterror + USEC_PER_MSEC - 1) /
                                 (unsigned long) USEC_PER_MSEC;

        if (!is_kept(kernel))
                output_paragraph(out, 2, NULL, STYLE_WARN,
                                 _("Nothing keeps it right over the network: look whether date, "
                                   "year and time zone are true."));
        else
                output_paragraph(out, 2, NULL, STYLE_PLAIN,
                                 P_("It is kept right over the network, to about %lu millisecond: "
                                    "the reason is hardly this computer.",
                                    "It is kept right over the network, to about %lu milliseconds: "
                                    "the reason is hardly this computer.",
                                    ms),
                                 ms);
}

void clock_explain(const Output *out) {
        struct timex kernel = { 0 };
        char now[TIMES_TEXT_MAX];

        times_write(time(NULL), now);
        output_gap(out);
        output_line(out, STYLE_BOLD, "%s", _("Your clock"));
        output_paragraph(out, 2, NULL, STYLE_PLAIN, _("This computer's clock says %s."), now);
        if (adjtimex(&kernel) >= 0)
                explain_kept(out, &kernel);
}
