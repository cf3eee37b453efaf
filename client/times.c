/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times as people type and read them. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cleanup.h"
#include "client/i18n.h"
#include "client/times.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define YEAR (365 * DAY)

/* Nobody means a date beyond this, and every calendar function still works there. */
#define YEAR_MAX 9999

/* The digits at *@p, @n of them exactly, as a number; -1 if they are not there. */
static int take_digits(const char **p, unsigned n) {
        int value = 0;

        for (unsigned i = 0; i < n; i++) {
                if (!isdigit((unsigned char) (*p)[i]))
                        return -1;
                value = value * 10 + ((*p)[i] - '0');
        }
        *p += n;
        return value;
}

static bool take(const char **p, char c) {
        if (**p != c)
                return false;
        (*p)++;
        return true;
}

/* "12:00" or "12:00:30" and an optional Z, up to the end of the text. */
static int parse_clock(const char *p, struct tm *tm, bool *ret_utc) {
        tm->tm_hour = take_digits(&p, 2);
        if (tm->tm_hour < 0 || !take(&p, ':'))
                return -EINVAL;
        tm->tm_min = take_digits(&p, 2);
        if (tm->tm_min < 0)
                return -EINVAL;
        if (take(&p, ':')) {
                tm->tm_sec = take_digits(&p, 2);
                if (tm->tm_sec < 0)
                        return -EINVAL;
        }
        *ret_utc = take(&p, 'Z');
        return *p == '\0' ? 0 : -EINVAL;
}

/* The moment that @wanted names, or -EINVAL if no calendar has it: mktime() would move it. */
static int moment(const struct tm *wanted, bool utc, int64_t *ret) {
        struct tm got = *wanted;
        time_t t;

        got.tm_isdst = -1;
        t = utc ? timegm(&got) : mktime(&got);
        if (got.tm_year != wanted->tm_year || got.tm_mon != wanted->tm_mon ||
            got.tm_mday != wanted->tm_mday || got.tm_hour != wanted->tm_hour ||
            got.tm_min != wanted->tm_min || got.tm_sec != wanted->tm_sec)
                return -EINVAL;
        *ret = t;
        return 0;
}

static int parse_date(const char *p, int64_t *ret, const char **ret_reason) {
        struct tm tm = {};
        bool utc = false, whole_day;
        int year, month;

        *ret_reason = N_("dates are written like 2027-03-01 or \"2027-03-01 12:00\"");
        year = take_digits(&p, 4);
        if (year < 0 || !take(&p, '-'))
                return -EINVAL;
        month = take_digits(&p, 2);
        if (month < 0 || !take(&p, '-'))
                return -EINVAL;
        tm.tm_year = year - 1900;
        tm.tm_mon = month - 1;
        tm.tm_mday = take_digits(&p, 2);
        if (tm.tm_mday < 0)
                return -EINVAL;

        whole_day = *p == '\0';
        if (!whole_day) {
                if ((!take(&p, ' ') && !take(&p, 'T')) || parse_clock(p, &tm, &utc) < 0)
                        return -EINVAL;
        }
        *ret_reason = N_("there is no such day or time");
        if (moment(&tm, utc, ret) < 0)
                return -EINVAL;
        if (!whole_day)
                return 0;

        /* Until a day is until that day is over; the day may have 23 or 25 hours. */
        tm.tm_mday++;
        tm.tm_isdst = -1;
        *ret = mktime(&tm);
        return 0;
}

static int parse_distance(const char *p, int64_t now, int64_t *ret, const char **ret_reason) {
        static const struct {
                const char *unit;
                int64_t seconds;
        } units[] = {
                { "min", MINUTE }, { "h", HOUR }, { "d", DAY }, { "w", WEEK }, { "y", YEAR },
        };
        int64_t n = 0;

        *ret_reason = N_("dates are written like 2027-03-01, lengths of time like 12h, 30d, 2w or "
                         "1y");
        if (!isdigit((unsigned char) *p))
                return -EINVAL;
        while (isdigit((unsigned char) *p)) {
                n = n * 10 + (*p++ - '0');
                if (n > YEAR_MAX * YEAR)
                        return -EINVAL;
        }
        for (size_t i = 0; i < N_ELEMENTS(units); i++) {
                if (strcmp(p, units[i].unit) != 0)
                        continue;
                if (n > YEAR_MAX * YEAR / units[i].seconds)
                        return -EINVAL;
                *ret = now + n * units[i].seconds;
                return 0;
        }
        return -EINVAL;
}

int times_parse(const char *text, int64_t now, int64_t *ret, const char **ret_reason) {
        int64_t t;
        int r;

        if (strcmp(text, "never") == 0) {
                *ret = 0;
                return 0;
        }
        if (strlen(text) >= strlen("YYYY-") && text[4] == '-')
                r = parse_date(text, &t, ret_reason);
        else
                r = parse_distance(text, now, &t, ret_reason);
        if (r < 0)
                return r;
        if (t <= now) {
                *ret_reason = N_("that is over already");
                return -EINVAL;
        }
        *ret = t;
        return 0;
}

void times_write(int64_t t, char ret[static TIMES_TEXT_MAX]) {
        struct tm tm;
        time_t tt = (time_t) t;

        if (tt != t || !localtime_r(&tt, &tm) ||
            strftime(ret, TIMES_TEXT_MAX, _("%Y-%m-%d %H:%M"), &tm) == 0)
                (void) snprintf(ret, TIMES_TEXT_MAX, _("second %" PRId64), t);
}

/* @count units of so many @seconds. A format for each, so that every language finds its plurals. */
static void write_length(uint64_t count, uint64_t seconds, bool past,
                         char ret[static TIMES_TEXT_MAX]) {
        const unsigned long n = (unsigned long) count;
        int r;

        if (seconds == (uint64_t) YEAR)
                r = past ? snprintf(ret, TIMES_TEXT_MAX, P_("%lu year ago", "%lu years ago", n), n)
                         : snprintf(ret, TIMES_TEXT_MAX, P_("in %lu year", "in %lu years", n), n);
        else if (seconds == (uint64_t) DAY)
                r = past ? snprintf(ret, TIMES_TEXT_MAX, P_("%lu day ago", "%lu days ago", n), n)
                         : snprintf(ret, TIMES_TEXT_MAX, P_("in %lu day", "in %lu days", n), n);
        else if (seconds == (uint64_t) HOUR)
                r = past ? snprintf(ret, TIMES_TEXT_MAX, P_("%lu hour ago", "%lu hours ago", n), n)
                         : snprintf(ret, TIMES_TEXT_MAX, P_("in %lu hour", "in %lu hours", n), n);
        else
                r = past ? snprintf(ret, TIMES_TEXT_MAX,
                                    P_("%lu minute ago", "%lu minutes ago", n), n)
                         : snprintf(ret, TIMES_TEXT_MAX,
                                    P_("in %lu minute", "in %lu minutes", n), n);
        (void) r; /* cut where a translation is too long */
}

void times_write_distance(int64_t t, int64_t now, char ret[static TIMES_TEXT_MAX]) {
        static const uint64_t seconds[] = { (uint64_t) YEAR, (uint64_t) DAY, (uint64_t) HOUR,
                                            (uint64_t) MINUTE };
        const bool past = t < now;
        /* As unsigned numbers the difference of any two fits. */
        const uint64_t distance = past ? (uint64_t) now - (uint64_t) t
                                       : (uint64_t) t - (uint64_t) now;

        for (size_t i = 0; i < N_ELEMENTS(seconds); i++) {
                if (distance < seconds[i])
                        continue;
                write_length(distance / seconds[i], seconds[i], past, ret);
                return;
        }
        (void) snprintf(ret, TIMES_TEXT_MAX, "%s", _("now"));
}
