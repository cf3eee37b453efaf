#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What --help says and what the manual pages say: the same verbs, options and problems, no more
# and no fewer on either side.
set -u
export LC_ALL=C

build=${CERTEXC_BUILD_DIR:-.}
source=${CERTEXC_SOURCE_DIR:-.}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0

# same WHAT HELP MANUAL: two files with a word on each line
same() {
        if [ ! -s "$2" ]; then
                echo "FAIL: $1: there are none in --help"
                failed=1
                return
        fi
        if ! diff -u "$2" "$3" > "$work/diff"; then
                echo "FAIL: $1: --help (-) and the manual (+) differ"
                sed -n '3,$p' "$work/diff"
                failed=1
                return
        fi
        echo "ok: $1: $(wc -l < "$2") the same"
}

# The tags of a page's paragraphs, as plain text: "--until=WHEN", "check HOST[:PORT]". Pages are in
# man(7) or in mdoc(7).
tags() {
        awk '
                tag { print; tag = 0 }
                /^\.TP/ { tag = 1 }
                sub(/^\.It Fl Fl /, "--") { print $1 }
        ' "$1" | sed -e 's/^\.[A-Z]* //' -e 's/\\f[A-Z]//g' -e 's/\\-/-/g' -e 's/"//g'
}

# The lines of one section of a page.
section() {
        awk -v wanted="$2" '
                /^\.SH / { inside = ($0 == ".SH " wanted) ; next }
                inside { print }
        ' "$1"
}

options_of_help() {
        grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u
}

options_of_manual() {
        tags "$1" | grep -oE -- '--[a-z-]+' | sort -u
}

page=$source/man/certexc.1
help=$work/certexc.help
"$build/certexc" --help > "$help" || { echo "FAIL: certexc --help"; exit 1; }

options_of_help < "$help" > "$work/a"
options_of_manual "$page" > "$work/b"
same "options of certexc" "$work/a" "$work/b"

awk '/^Verbs:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }' "$help" |
        sort > "$work/a"
section "$page" VERBS > "$work/verbs"
tags "$work/verbs" | awk '{ print $1 }' | sort > "$work/b"
same "verbs of certexc" "$work/a" "$work/b"

# Each verb's own help, against the manual's headings "For ...".
while read -r verb; do
        "$build/certexc" "$verb" --help | options_of_help > "$work/a" ||
                { echo "FAIL: certexc $verb --help"; failed=1; }
        section "$page" OPTIONS | awk -v verb="$verb" '
                /^\.SS For all verbs/ { on = 1; print; next }
                /^\.SS For / { on = ($0 ~ "[ ,]" verb "(,|$| )"); print; next }
                on { print }
        ' > "$work/options"
        options_of_manual "$work/options" > "$work/b"
        same "options of certexc $verb" "$work/a" "$work/b"
done <<VERBS
$(awk '/^Verbs:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }' "$help")
VERBS

# The list of problems, as problems.def has it.
awk '
        function text(    parts, n, i, all) {
                n = split(entry, parts, "\"")
                for (i = 2; i <= n; i += 2) {
                        all = all parts[i]
                        # A comma after the quote ends the argument.
                        if (parts[i + 1] ~ /,/)
                                all = all "\n"
                }
                return all
        }
        /^PROBLEM\(/ { entry = "" }
        /^PROBLEM\(/, /\)$/ { entry = entry $0 "\n" }
        /^PROBLEM\(/, /"\)+$/ {
                if ($0 !~ /"\)+$/)
                        next
                split(text(), fields, "\n")
                name = fields[1]
                gsub(/-/, "\\-", name)
                printf ".TP\n.B %s\n%s\n", name, fields[2]
                if (entry ~ /, NEVER,/)
                        print "Nobody may allow it."
        }
' "$source/schema/problems.def" > "$work/a"
section "$page" PROBLEMS | sed '1,/^\.TP/ { /^\.TP/!d }' > "$work/b"
same "lines about problems" "$work/a" "$work/b"

page=$source/man/certexcd.8
"$build/certexcd" --help > "$work/certexcd.help" || { echo "FAIL: certexcd --help"; exit 1; }
# Only builds for testing have this one; the manual does not speak of it.
options_of_help < "$work/certexcd.help" | grep -vx -e --replace-clock > "$work/a"
options_of_manual "$page" > "$work/b"
same "options of certexcd" "$work/a" "$work/b"

exit $failed
