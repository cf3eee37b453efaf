#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The walk of ./dev run: the main job, each step with the command that a person would type and what
# it really prints. Everything is private and temporary: store, daemon, mail server.
# usage: tour.sh [HOST:PORT]
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

bold='' plain=''
if [ -t 1 ]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi

say() {
  printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# Prints the command, runs it, and ends the tour if its exit status is not the one that belongs here.
step() { # STATUS COMMAND...
  local want=$1 status=0
  shift
  printf '\n  $ %s\n' "$*"
  "$@" </dev/null >"$live/out" 2>&1 || status=$?
  "${show:-cat}" "$live/out" | sed 's/^./  &/'
  [ "$status" != 3 ] || printf '  (exit status 3: prompt)\n'
  [ "$status" != 4 ] || printf '  (exit status 4: reject)\n'
  if [ "$want" != any ] && [ "$status" != "$want" ]; then
    live_fail "this should have ended with $want, not $status"
  fi
  ended=$status
}

# The same where most of what is printed was shown before: its first line, and its last if that says what was done.
again() { # STATUS COMMAND...
  local show=ends
  step "$@"
}

ends() { # FILE
  sed -n '1p; 2s/.*/[...]/p' "$1"
  [ "$(wc -l <"$1")" -lt 3 ] || tail -n 1 "$1" | grep '^[^ ]' || true
}

# The fingerprint as the administrator of the server would read it out.
fingerprint() { # CERT
  certtool --fingerprint --hash=sha256 --infile "$live/$1.pem" | sed 's/.*=//'
}

begin() {
  live_dovecot_program >/dev/null ||
    live_fail 'Dovecot is not here, and the tour needs a mail server: ./dev deps installs it'
  live_begin
  live_certificate first mail.example.net '2020-01-01 00:00:00' '2021-01-01 00:00:00'
  live_certificate second mail.example.net
  live_daemon --user
  live_dovecot first
}

local_tour() {
  local place=localhost:$imaps_port
  getent hosts localhost >/dev/null || place=127.0.0.1:$imaps_port
  say "A mail server answers at $place. Its certificate is bad in several ways; all are told."
  step 3 certexc check "$place"
  say 'The administrator reads the fingerprint out on the telephone. It matches, so it is allowed.'
  again 0 certexc allow "$place" --yes --fingerprint="$(fingerprint first)"
  say 'From now on the same question has a silent answer.'
  step 0 certexc check "$place"
  say 'Now the server shows another certificate: that is noticed, and what changed is said.'
  live_dovecot_swap second
  step 3 certexc check "$place"
  say 'What was allowed is still there, for the certificate that it was allowed for.'
  step 0 certexc list
  live_dovecot_swap first
  say 'The server has its first certificate again. Then the database is damaged under the running daemon. The next question finds it mended, and nothing is lost.'
  step 0 dd if=/dev/urandom of="$live/state/certexc.db" bs=4096 seek=2 count=8 conv=notrunc status=none
  step 0 certexc check "$place"
  step 0 rm "$live/state/certexc.db"
  step 0 certexc check "$place"
  say 'The doctor tells of that, and of anything else that matters.'
  step 0 certexc doctor
  say 'What was allowed is taken back: from now on somebody is asked again. The history has it all.'
  step 0 certexc revoke "$place"
  again 3 certexc check "$place"
  step 0 certexc history
}

# How the usual plain ports are upgraded.
starttls_of() { # HOST:PORT
  case ${1##*:} in
    143) echo --starttls=imap ;;
    110) echo --starttls=pop3 ;;
    25 | 587) echo --starttls=smtp ;;
  esac
}

remote_tour() { # HOST:PORT
  local place=$1 upgrade
  mapfile -t upgrade < <(starttls_of "$place")
  say "What $place shows, judged with the authorities of this system."
  step any certexc check "$place" "${upgrade[@]}"
  case $ended in
    0) say 'Nothing is wrong with it, so there is nothing to allow.' ;;
    3)
      say 'It is allowed in the store of this tour alone, which is gone at the end.'
      step 0 certexc allow "$place" "${upgrade[@]}" --yes
      step 0 certexc check "$place" "${upgrade[@]}"
      ;;
    4) say 'This may not be allowed by anybody.' ;;
    *) live_fail "$place could not be asked" ;;
  esac
  say "If somebody else answered in its place, that would look like this:"
  step 3 certexc check "$place" --connect="127.0.0.1:$imaps_port"
  if [ "$ended" = 3 ] && certexc list | grep -q .; then
    step 0 certexc list
  fi
}

begin
if [ $# = 0 ]; then
  local_tour
else
  remote_tour "$1"
fi
if [ $# = 0 ]; then
  say 'That was the main job. The store, the daemon and the mail server of this tour are gone now.'
else
  say "That was the main job. The store and the daemon of this tour are gone now; $1 was asked, and nothing else."
fi
