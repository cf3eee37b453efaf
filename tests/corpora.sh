#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Scores tests/judge against published certificate chains with known answers, which are not part of
# the project: corpora.sh FOLDER JUDGE. One line per set for ./dev check on descriptor 3. A set fails
# when the judge crashes, hangs, or falls behind what is written here.
set -euo pipefail

corpora=$1
judge=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs one set and compares the harness's own summary with what is allowed at most.
score() { # SET FALSE-ACCEPTS FALSE-REJECTS HARNESS-ARGUMENT...
  local set=$1 accepts=$2 rejects=$3 summary
  shift 3
  echo "== $set: at most $accepts false accepts and $rejects false rejects, no hang, no crash"
  python3 "$corpora/run_corpus.py" "$@" --verifier "$judge" >"$work/out" 2>&1 || true
  cat "$work/out"
  summary=$(sed -n 's/^  agree \([0-9]*\)  FALSE-ACCEPT \([0-9]*\)  FALSE-REJECT \([0-9]*\)   (hang \([0-9]*\), crash \([0-9]*\),.*/\1 \2 \3 \4 \5/p' "$work/out")
  read -r agree accepted rejected hung crashed <<<"${summary:-0 none none none none}"
  if [ "$agree" -gt 0 ] && [ "$accepted" -le "$accepts" ] && [ "$rejected" -le "$rejects" ] &&
    [ "$hung" = 0 ] && [ "$crashed" = 0 ]; then
    echo "passed 1 $set: $agree agree, $accepted false accepts, $rejected false rejects" >&3
  else
    echo "failed 1 $set: $agree agree, $accepted false accepts, $rejected false rejects, $hung hang, $crashed crash" >&3
  fi
}

score limbo 36 2 limbo --json "$corpora/limbo.json.xz"
score bettertls 0 0 bettertls --json "$corpora/bettertls.json.xz"
score pkits 20 6 tsv --json "$corpora/pkits/cases.tsv"
score gnutls-chains 3 18 tsv --json "$corpora/gnutls-chains/cases.tsv"
mkdir "$work/seeds"
tar -xJf "$corpora/seeds.tar.xz" -C "$work/seeds"
score seeds 0 0 seeds --json "$work/seeds"
