#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job against real mail servers: Dovecot with implicit TLS, IMAP STARTTLS and POP3 STLS,
# and SMTP with STARTTLS. As root also: what another uid sees of it.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

live_dovecot_program >/dev/null || live_skip 'Dovecot is not installed'
command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
name=mail.example.net
live_certificate expired $name '2020-01-01 00:00:00' '2021-01-01 00:00:00'
live_certificate other $name
cp "$live/expired.pem" "$live/smtp.pem"
cp "$live/expired.key" "$live/smtp.key"

if [ "$(id -u)" = 0 ]; then
  live_daemon --system
else
  live_daemon --user
fi
live_dovecot expired
# shellcheck disable=SC2119 # nothing is to be kept
live_smtpd

# The id of the newest live exception at a port, as the list shows it.
newest() { # PORT
  certexc list | awk -v place="localhost:$1" 'index($0, place) { id = $1 } END { print id }'
}

# The whole life of an exception at one port.
life() { # WHAT PORT SWAP CHECK-OPTION...
  local what=$1 port=$2 swap=$3 id
  local place=localhost:$port at=--connect=127.0.0.1:$port
  shift 3
  live_expect "$what: every problem is named" 3 self-signed expired name-mismatch -- \
    certexc check "$place" "$at" "$@"
  live_expect "$what: allowed" 0 -- certexc allow "$place" "$at" "$@" --yes
  live_expect "$what: accepted from now on" 0 -- certexc check "$place" "$at" "$@"
  id=$(newest "$port")
  $swap other
  live_expect "$what: another certificate is noticed" 3 replaced -- \
    certexc check "$place" "$at" "$@"
  live_expect "$what: the old exception is still there" 0 "$place" -- certexc list
  $swap expired
  live_expect "$what: the old certificate is still accepted" 0 -- \
    certexc check "$place" "$at" "$@"
  live_expect "$what: revoked" 0 -- certexc revoke "$id"
  live_expect "$what: asked again" 3 self-signed expired name-mismatch -- \
    certexc check "$place" "$at" "$@"
}

swap_smtp() { # CERT
  cp "$live/$1.pem" "$live/smtp.pem"
  cp "$live/$1.key" "$live/smtp.key"
}

others_see_nothing() {
  local place=localhost:$imaps_port at=--connect=127.0.0.1:$imaps_port id
  live_expect 'root allows one for itself' 0 -- certexc allow "$place" "$at" --yes
  id=$(newest "$imaps_port")
  live_expect 'another uid is asked' 3 expired -- live_as_other check "$place" "$at"
  live_expect 'another uid lists what it has' 0 -- live_as_other list
  if grep -qF "$place" "$live/out"; then
    live_fail "another uid sees root's exception"
  fi
  live_expect 'another uid shows nothing' 1 -- live_as_other show "$id"
  live_expect 'another uid revokes nothing' 1 -- live_as_other revoke "$id"
  live_expect "root's exception still holds" 0 -- certexc check "$place" "$at"
}

life 'IMAP, implicit TLS' "$imaps_port" live_dovecot_swap
life 'IMAP, STARTTLS' "$imap_port" live_dovecot_swap --starttls=imap
life 'POP3, STLS' "$pop3_port" live_dovecot_swap --starttls=pop3
life 'SMTP, STARTTLS' "$smtp_port" swap_smtp --starttls=smtp
if [ "$(id -u)" = 0 ]; then
  others_see_nothing
fi
live_expect 'the history tells all of it' 0 allowed revoked -- certexc history
