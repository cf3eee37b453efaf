#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexcd.conf(5) has every key that daemon/conf.c reads, in its section, and no other; certexcd(8)
# has every option that certexcd --help shows.
set -euo pipefail

cd "${CERTEXC_SOURCE_DIR:-$(dirname "$0")/..}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n 's/.*is_key(section, key, "\([A-Za-z]*\)", "\([A-Za-z]*\)").*/\1 \2/p' daemon/conf.c |
  sort >"$work/read"
awk '/^\.Sh/ { section = $2; gsub(/[][]/, "", section) }
  /^\.It Cm / { print section, $3 }' man/certexcd.conf.5 | sort >"$work/told"
[ -s "$work/read" ] || {
  echo 'daemon/conf.c has no keys that this test finds' >&2
  exit 1
}
diff -u --label daemon/conf.c --label man/certexcd.conf.5 "$work/read" "$work/told"

"${CERTEXC_BUILD_DIR:-.}/certexcd" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' |
  grep -v replace-clock | sort >"$work/helped"
sed -n '/^\.Sh DESCRIPTION/,/^\.Sh ENV/s/^\.It Fl Fl \([a-z-]*\).*/--\1/p' man/certexcd.8 | sort >"$work/manual"
[ -s "$work/helped" ] || {
  echo 'certexcd --help shows no options' >&2
  exit 1
}
diff -u --label 'certexcd --help' --label man/certexcd.8 "$work/helped" "$work/manual"
