#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual pages of library and interface tell all that is there: every function of the library
# (and the library shows nothing else), every method, error, field and problem of the interface.
# The header stands alone, in C and in C++.
set -euo pipefail

source_dir=${CERTEXC_SOURCE_DIR:-$(cd "$(dirname "$0")/.." && pwd)}
build_dir=${CERTEXC_BUILD_DIR:-$PWD}
header=$source_dir/client/certexc.h
library_page=$source_dir/man/libcertexc.3
interface_page=$source_dir/man/org.certexc1.5
interface=$source_dir/schema/org.certexc1.varlink
failed=0

fail() { # SENTENCE
  printf 'FAILED: %s\n' "$1" >&2
  failed=1
}

# What is in the first list and not in the second is a failure.
expect_all() { # WHAT WHERE LIST LIST
  local item
  [ -n "$3" ] || fail "there is no $1 at all"
  while read -r item; do
    [ -z "$item" ] || fail "$1 $item is not in $2"
  done < <(comm -23 <(sort -u <<<"$3") <(sort -u <<<"$4"))
}

declared=$(sed '/^ *\*/d; /^\/\*/d' "$header" | grep -o '\bcertexc_[a-z0-9_]*(' | tr -d '(')
told=$(grep -o '^\.It .*Fn certexc_[a-z0-9_]*' "$library_page" | sed 's/.* //')
expect_all function "$library_page" "$declared" "$told"
expect_all function "$header" "$told" "$declared"

library=$build_dir/.libs/libcertexc.so
if [ -e "$library" ] && command -v nm >/dev/null; then
  shown=$(nm -D --defined-only "$library" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }')
  anything=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }')
  expect_all function "$library" "$declared" "$shown"
  expect_all symbol "$header" "$anything" "$declared"
fi

words=$(grep -o '[A-Za-z0-9_-]*' "$interface_page" | sort -u)
expect_all method "$interface_page" "$(sed -n 's/^method \([A-Za-z]*\).*/\1/p' "$interface")" \
  "$(sed -n 's/^\.Ss //p' "$interface_page")"
expect_all error "$interface_page" "$(sed -n 's/^error \([A-Za-z]*\).*/\1/p' "$interface")" \
  "$(sed -n '/^\.Sh ERROR REPLIES/,/^\.El/s/^\.It Sy \([A-Za-z]*\).*/\1/p' "$interface_page")"
expect_all field "$interface_page" \
  "$(sed '/^#/d' "$interface" | grep -o '[a-z_0-9]*:' | tr -d :)" "$words"
expect_all problem "$interface_page" \
  "$(sed -n 's/^PROBLEM([^"]*"\([a-z-]*\)".*/\1/p' "$source_dir/schema/problems.def")" \
  "$(sed -n 's/^\.Sy \([a-z-]*\).*/\1/p' "$interface_page")"
expect_all reason "$interface_page" \
  "$(sed -n 's/^# *\(because \)\? *\([a-z]*-\?[a-z]*\) *\(accept\|prompt\|reject\):.*/\2/p' "$interface")" \
  "$(sed -n 's/^\.Sy \([a-z-]*\) :$/\1/p' "$interface_page")"

for page in "$library_page" "$interface_page"; do
  if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$page" 2>/dev/null || fail "mandoc warns about $page"
  fi
done

compile() { # LANGUAGE STANDARD
  printf '#include "client/certexc.h"\n' |
    ${CC:-cc} -x "$1" -std="$2" -Wall -Wextra -Wpedantic -Werror -I"$source_dir" -fsyntax-only - ||
    fail "certexc.h does not stand alone in $2"
}
compile c c11
if printf 'int a;\n' | ${CC:-cc} -x c++ -fsyntax-only - 2>/dev/null; then
  compile c++ c++11
fi
exit "$failed"
