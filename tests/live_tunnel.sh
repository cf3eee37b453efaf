#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexc tunnel: servers and clients that are all kinds of slow, wrong and gone; then Dovecot, with the mail
# programs that are there.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
export LC_ALL=C.UTF-8
name=mail.example.net
live_certificate expired $name '2020-01-01 00:00:00' '2021-01-01 00:00:00'
live_certificate other $name
mode=--system
[ "$(id -u)" = 0 ] || mode=--user
live_daemon $mode
DAEMON_PID=$daemon_pid python3 "$source_dir/tests/live_tunnel.py" "$build_dir/certexc" "$live" ||
  live_fail 'the stories of live_tunnel.py'

live_dovecot_program >/dev/null || { echo 'skipped: Dovecot is not installed'; exit 0; }

# -- Dovecot ---------------------------------------------------------------------------------------

live_stop "$daemon_pid"
live_daemon $mode
# Only where they are installed, in a version whose settings are known here, and where they may have mail's uid.
serves() { # PROGRAM
  [ "$(id -u)" = 0 ] && [ -x "/usr/lib/dovecot/$1" ] && [[ $("$(live_dovecot_program)" --version) == 2.3.* ]]
}
dovecot_protocols='' dovecot_more=''
if serves managesieve-login; then
  sieve_port=$(live_port)
  dovecot_protocols+=' sieve'
  dovecot_more+="service managesieve-login {
  inet_listener sieve {
    port = $sieve_port
  }
}
"
else
  echo 'skipped: ManageSieve of Dovecot 2.3 is not installed'
fi
if serves lmtp; then
  lmtp_port=$(live_port)
  dovecot_protocols+=' lmtp'
  dovecot_more+="service lmtp {
  inet_listener lmtp {
    port = $lmtp_port
  }
}
"
else
  echo 'skipped: LMTP of Dovecot 2.3 is not installed'
fi
live_dovecot expired

tunnel() { # as certexc
  "$build_dir/certexc" tunnel "$@"
}

# What Dovecot says to LINES through the tunnel.
talk() { # LINES OPTION...
  local lines=$1
  shift
  printf '%b' "$lines" | tunnel "$@"
}

# One port, one protocol: refused, allowed, spoken, swapped, revoked.
speaks() { # WHAT PORT LINES WORD OPTION...
  local what=$1 lines=$3 word=$4 place=localhost:$2 starttls=()
  shift 4
  case ${1:-} in --starttls=*) starttls=("$1") ;; esac
  live_expect "$what: refused before it is allowed" 77 "certexc allow $place" -- tunnel "$place" "$@"
  live_expect "$what: allowed" 0 -- certexc allow "$place" "${starttls[@]}" --yes
  live_expect "$what: spoken to Dovecot" 0 "$word" -- talk "$lines" "$place" "$@"
}

swapped() { # WHAT PORT OPTION...
  local what=$1 place=localhost:$2
  shift 2
  live_expect "$what: another certificate is refused" 77 'another certificate' -- tunnel "$place" "$@"
}

log_in="a LOGIN me $live_password\\r\\n"
speaks 'IMAP' "$imaps_port" "${log_in}b LOGOUT\\r\\n" 'a OK' --protocol=imap
speaks 'IMAP, STARTTLS' "$imap_port" "${log_in}b LOGOUT\\r\\n" 'a OK' --starttls=imap
speaks 'POP3' "$pop3s_port" "USER me\\r\\nPASS $live_password\\r\\nQUIT\\r\\n" '+OK Logging out' --protocol=pop3
speaks 'POP3, STLS' "$pop3_port" "USER me\\r\\nPASS $live_password\\r\\nQUIT\\r\\n" '+OK Logging out' --starttls=pop3
[ -z "${sieve_port:-}" ] || speaks 'ManageSieve' "$sieve_port" 'LOGOUT\r\n' '"IMPLEMENTATION"' --starttls=sieve
live_dovecot_swap other
swapped 'IMAP' "$imaps_port" --protocol=imap
swapped 'IMAP, STARTTLS' "$imap_port" --starttls=imap
swapped 'POP3, STLS' "$pop3_port" --starttls=pop3
live_dovecot_swap expired

# -- Mail programs ---------------------------------------------------------------------------------

# A mail of some megabytes goes to Dovecot by LMTP, which the tunnel speaks with STARTTLS.
delivered() {
  speaks 'LMTP' "$lmtp_port" 'LHLO me\r\nQUIT\r\n' '250' --starttls=lmtp
  {
    printf 'From: you@example.net\r\nTo: me@example.net\r\nSubject: much\r\n\r\n'
    head -c 3000000 /dev/urandom | od -An -v -tx1 -w32 | sed 's/$/\r/'
  } >"$live/mail"
  {
    printf 'LHLO me\r\nMAIL FROM:<you@example.net>\r\nRCPT TO:<me>\r\nDATA\r\n'
    cat "$live/mail"
    printf '.\r\nQUIT\r\n'
  } >"$live/lmtp"
  lmtp_session() { tunnel "localhost:$lmtp_port" --starttls=lmtp <"$live/lmtp"; }
  live_expect 'LMTP: a mail of megabytes is delivered' 0 'Saved' -- lmtp_session
}

# Two mails whose headers may differ, which every program adds to.
same_body() { # SENTENCE FILE FILE
  tr -d '\r' <"$2" | sed '1,/^$/d' >"$live/body.one"
  tr -d '\r' <"$3" | sed '1,/^$/d' >"$live/body.other"
  cmp -s "$live/body.one" "$live/body.other" || live_fail "$1: it is another mail"
  printf 'ok: %s\n' "$1"
}

fetched_by_mbsync() {
  mkdir -p "$live/maildir"
  cat >"$live/mbsyncrc" <<CONF
IMAPAccount there
Tunnel "$build_dir/certexc tunnel localhost:$imaps_port --protocol=imap"
User me
Pass $live_password
AuthMechs LOGIN

IMAPStore there
Account there

MaildirStore here
Path $live/maildir/
Inbox $live/maildir/INBOX

Channel mail
Far :there:
Near :here:
Patterns INBOX
Create Near
SyncState *
CONF
  live_expect 'mbsync fetches through the tunnel' 0 -- mbsync -c "$live/mbsyncrc" -a
  [ -z "${lmtp_port:-}" ] || same_body 'and the mail is the one that was delivered' "$live/mail" "$live"/maildir/INBOX/new/*
  live_expect 'revoked for mbsync' 0 -- certexc revoke "localhost:$imaps_port"
  live_expect 'mbsync is refused, and shows why' 1 "certexc allow localhost:$imaps_port" -- \
    mbsync -c "$live/mbsyncrc" -a
  live_expect 'allowed again' 0 -- certexc allow "localhost:$imaps_port" --yes
}

# It gives host and port as two words, and POP3 to speak.
fetched_by_fetchmail() {
  local rc=$live/fetchmailrc
  printf 'poll localhost protocol pop3 service %s plugin "%s tunnel %%h %%p --protocol=pop3" user me pass %s %s\n' \
    "$pop3s_port" "$build_dir/certexc" "$live_password" "sslproto '' keep fetchall mda \"cat >$live/fetched\"" >"$rc"
  chmod 600 "$rc"
  live_expect 'fetchmail fetches through the tunnel' 0 '1 message' -- env HOME="$live" \
    fetchmail -f "$rc" --nodetach --nosyslog --pidfile "$live/fetchmail.pid" --idfile "$live/fetchmail.ids"
  same_body 'and the mail is the one that was delivered' "$live/mail" "$live/fetched"
}

# It wants a terminal, which it leaves as soon as it has seen the mailbox.
read_by_mutt() {
  : >"$live/dovecot.log"
  mkdir -p "$live/Mail"
  printf 'set imap_pass="%s"\nset tunnel="%s tunnel localhost:%s"\nset header_cache=""\n' \
    "$live_password" "$build_dir/certexc" "$imaps_port" >"$live/muttrc"
  mutt_session() {
    # shellcheck disable=SC2016 # for the shell inside
    TERM=xterm HOME=$live timeout 60 script -qec \
      "mutt -n -F $live/muttrc -R -f imaps://me@localhost:$imaps_port/INBOX -e 'push q'" /dev/null
  }
  live_expect 'mutt opens a mailbox through the tunnel' 0 -- mutt_session
  grep -q 'Login: user=<me>' "$live/dovecot.log" || live_fail 'mutt did not log in'
}

# It takes a socket in the place of a command.
sent_by_msmtp() {
  cp "$live/expired.pem" "$live/smtp.pem"
  cp "$live/expired.key" "$live/smtp.key"
  live_smtpd "$live/taken"
  live_expect 'SMTP: allowed' 0 -- certexc allow "localhost:$smtp_port" --starttls=smtp --yes
  socat -d -d "UNIX-LISTEN:$live/msmtp,fork" \
    "EXEC:$build_dir/certexc tunnel localhost\\:$smtp_port --starttls=smtp" </dev/null >"$live/socat.out" 2>&1 &
  live_pids+=($!)
  live_wait_line "$live/socat.out" 'listening on' $! || live_fail "socat: $(cat "$live/socat.out")"
  printf 'From: me@example.net\nTo: you@example.net\nSubject: sent\n\nthrough\n.the tunnel\n' >"$live/mail.out"
  msmtp_session() {
    HOME=$live msmtp --host=localhost --socket="$live/msmtp" --tls=off --auth=off --from=me@example.net you@example.net \
      <"$live/mail.out"
  }
  live_expect 'msmtp sends through the tunnel' 0 -- msmtp_session
  same_body 'and the server takes what was sent' "$live/mail.out" "$live/taken"
  live_expect 'SMTP: denied' 0 -- certexc deny "localhost:$smtp_port" --starttls=smtp --yes
  live_expect 'msmtp is refused, and shows why' 76 'certexc revoke' -- msmtp_session
}

[ -z "${lmtp_port:-}" ] || delivered
for program in mbsync fetchmail mutt msmtp; do
  if ! command -v $program >/dev/null; then
    echo "skipped: $program is not installed"
    continue
  fi
  case $program in
    mbsync) fetched_by_mbsync ;;
    fetchmail) if [ -n "${lmtp_port:-}" ]; then fetched_by_fetchmail; else echo 'skipped: no mail to fetch'; fi ;;
    mutt) if command -v script >/dev/null; then read_by_mutt; else echo 'skipped: script is not installed'; fi ;;
    msmtp) if command -v socat >/dev/null; then sent_by_msmtp; else echo 'skipped: socat is not installed'; fi ;;
  esac
done
