#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may include whom: the rooms stay apart because this test fails when they do not. The table in
# HACKING.md says why.
set -euo pipefail

cd "${CERTEXC_SOURCE_DIR:-$(dirname "$0")/..}"
wrong=0

complain() { # FILE:LINE:TEXT WHY
  printf '%s\n    %s\n' "$1" "$2" >&2
  wrong=$((wrong + 1))
}

# Every include of PATTERN in FOLDERS must be in a file whose name matches ALLOWED.
only() { # PATTERN FOLDERS ALLOWED WHY
  local line file
  # shellcheck disable=SC2086 # a list of folders
  while IFS= read -r line; do
    file=${line%%:*}
    if ! [[ $file =~ ^($3)$ ]]; then
      complain "$line" "$4"
    fi
  done < <(grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$1" --include='*.[ch]' $2)
}

none='-'
# The rooms whose code runs in the workers, and those that keep decisions.
judging='daemon/(algorithms|authorities|beliefs|certificate|chain|constraints|crl|der|distrust|extensions|facts|fitness|flaws|importer|judge|lists|name|names|ocsp|only|opinion|path|policies|problems|report|revocation|revoked|validation|wire)(-[a-z]+)?\.[ch]'
deciding='daemon/(commits|decision|difference|entry|journal|rebuild|salvage|store|verdict)(-[a-z]+)?\.[ch]'

only 'daemon/' client "$none" 'client/ is below daemon/: what both need belongs in client/'
only 'tests/' 'client daemon' "$none" 'nothing but tests uses tests/'
only 'gnutls/(x509|x509-ext|ocsp|pkcs7|pkcs11|pkcs12|abstract)\.h' 'client daemon' "$judging" \
  'only what runs in the workers parses DER'
only 'daemon/(certificate|chain|name|path)\.h' daemon "$judging" \
  'only what runs in the workers holds parsed certificates'
only 'sqlite3\.h' 'client daemon' 'daemon/store(-[a-z]+)?\.[ch]' 'only the store knows SQL'
only 'schema/schema-sql\.h' 'client daemon' 'daemon/store(-[a-z]+)?\.[ch]' 'only the store knows SQL'
only 'systemd/' 'client daemon' \
  'client/(bus-client|bus-value|cli-bus|notification)\.[ch]|daemon/(main|manager|mender|namer|checkup|listener|prompter|session|judges|reaper|rules|trust|turns|watch|log|login|bus)(-[a-z]+)?\.[ch]' \
  'only the top of the daemon knows the service manager and the loop'
only 'daemon/log\.h' daemon 'daemon/(main|manager|mender|listener|session|trust|log|bus)(-[a-z]+)?\.[ch]' \
  'this room never logs: it returns an error that its caller logs'
only 'seccomp\.h' 'client daemon' 'daemon/sandbox\.c' 'only sandbox closes doors'
only 'libsmartcols/' 'client daemon' 'client/[a-z-]+\.[ch]' 'tables are for people, at the command line'

# The two lower halves of the daemon know neither each other's work nor who asks.
for file in daemon/*.[ch]; do
  if [[ $file =~ ^($judging)$ ]]; then
    ban='(store|commits|verdict|difference|cache|request|session|listener|manager|judges|monitors|access)'
    why='what judges a chain knows no store, no caller and no loop'
  elif [[ $file =~ ^($deciding)$ ]]; then
    ban='(judge|judges|chain|path|problems|authorities|cache|request|session|listener|manager|monitors|trust)'
    why='what keeps decisions knows neither how chains are judged nor who asks'
  else
    continue
  fi
  while IFS= read -r line; do
    complain "$file:$line" "$why"
  done < <(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*\"daemon/$ban\.h" "$file")
done

# config.h comes first, so that every file sees the same large-file and feature switches.
for file in client/*.c daemon/*.c tests/*.c; do
  [ -e "$file" ] || continue
  first=$(grep -m 1 -nE '^[[:space:]]*#[[:space:]]*include' "$file" || true)
  case $first in
    *'"config.h"'* | '') ;;
    *) complain "$file:$first" 'config.h must be the first include' ;;
  esac
done

if [ "$wrong" != 0 ]; then
  printf '%d includes are where they may not be; the rules are in tests/check_includes.sh\n' "$wrong" >&2
  exit 1
fi
