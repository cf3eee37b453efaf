# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the live tests and the tour share: a directory of their own, certificates, the daemon, a
# Dovecot and an SMTP server, all private, all gone at the end. To be sourced by bash.
#
# live_begin first; it sets $live, the directory. Servers listen on 127.0.0.1 only. Whatever is
# started is ended by its own pid when the script ends, in whatever way.

source_dir=${CERTEXC_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
build_dir=${CERTEXC_BUILD_DIR:-$PWD}

live_skip() { # REASON
  printf 'skipped: %s\n' "$1"
  exit 77
}

live_fail() { # REASON
  printf 'FAILED: %s\n' "$1" >&2
  exit 1
}

live_begin() {
  umask 022
  live=$(mktemp -d "${TMPDIR:-/tmp}/certexc-live.XXXXXX")
  chmod 755 "$live"
  live_pids=() live_hung=
  live_password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
  trap live_end EXIT
  trap 'exit 1' HUP INT TERM
}

live_end() {
  local i
  for ((i = ${#live_pids[@]} - 1; i >= 0; i--)); do
    live_stop "${live_pids[i]}"
  done
  rm -rf "$live"
  [ -z "$live_hung" ] || exit 1
}

# A process that is gone, or that only waits for its parent to notice.
live_gone() { # PID
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  [[ ${stat##*) } == Z* ]]
}

# Ends one process that was started here and waits until it is gone. A daemon is nobody's child, so
# that it is looked for; the event of its death comes to nobody here.
live_stop() { # PID
  local i
  kill -TERM "$1" 2>/dev/null || true
  for ((i = 0; i < 1000; i++)); do
    ! live_gone "$1" || break
    sleep 0.02
  done
  if [ "$i" = 1000 ]; then
    kill -KILL "$1" 2>/dev/null || true
    echo "FAILED: process $1 did not end within 20 s of SIGTERM" >&2
    live_hung=yes
  fi
  wait "$1" 2>/dev/null || true
  for i in "${!live_pids[@]}"; do
    [ "${live_pids[i]}" != "$1" ] || unset 'live_pids[i]'
  done
  live_pids=("${live_pids[@]}")
}

# Waits until a line of FILE matches PATTERN; fails when the process ends before, or after 20 s.
live_wait_line() { # FILE PATTERN PID
  : >>"$1" # the process may not have opened it yet
  grep -q -m 1 "$2" < <(timeout 20 tail -n +1 -s 0.05 --pid="$3" -f "$1" 2>/dev/null)
}

# -- certificates ----------------------------------------------------------------------------------

live_key() { # FILE
  certtool --generate-privkey --key-type=ecdsa --curve=secp256r1 --no-text --outfile "$1" >/dev/null 2>&1
}

# A self-signed server certificate for NAME in $live/CERT.pem; with a third argument, from then on;
# with a fourth, until then. Its key is $live/CERT.key, made if it is not there.
live_certificate() { # CERT NAME [FROM UNTIL]
  local template=$live/$1.template
  [ -e "$live/$1.key" ] || live_key "$live/$1.key"
  {
    printf 'cn = "%s"\ndns_name = "%s"\nsigning_key\ntls_www_server\n' "$2" "$2"
    if [ $# -gt 2 ]; then
      printf 'activation_date = "%s"\nexpiration_date = "%s"\n' "$3" "$4"
    else
      printf 'expiration_days = 90\n'
    fi
  } >"$template"
  certtool --generate-self-signed --load-privkey "$live/$1.key" --template "$template" \
    --outfile "$live/$1.pem" >/dev/null 2>&1 || live_fail "certtool made no certificate $1"
}

# -- ports -----------------------------------------------------------------------------------------

# A port of 127.0.0.1 that nobody listens on now, below those that the kernel hands out.
live_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# -- the daemon ------------------------------------------------------------------------------------

# Starts certexcd with the options given, on a state directory and socket of its own; sets
# $daemon_pid and exports CERTEXC_SOCKET.
live_daemon() { # OPTION...
  mkdir -p "$live/socket"
  export CERTEXC_SOCKET=$live/socket/org.certexc1
  if ! "$build_dir/tests/ready" "$build_dir/certexcd" "$@" --no-bus --state-dir="$live/state" \
    --conf-dir="$live/conf" --socket="$CERTEXC_SOCKET" >"$live/daemon.pid" 2>>"$live/daemon.log" </dev/null; then
    cat "$live/daemon.log" >&2
    live_fail 'the daemon did not become ready'
  fi
  daemon_pid=$(cat "$live/daemon.pid")
  live_pids+=("$daemon_pid")
}

certexc() {
  "$build_dir/certexc" "$@"
}

# The program and its library where every uid can run them, as the user games, who is on every
# system: the build may be below a folder that is closed to others.
live_as_other() {
  if [ ! -d "$live/bin" ]; then
    mkdir "$live/bin"
    if [ -d "$build_dir/.libs" ] && [ -x "$build_dir/.libs/certexc" ]; then
      cp "$build_dir/.libs/certexc" "$build_dir"/.libs/libcertexc.so.? "$live/bin"
    else
      cp "$build_dir/certexc" "$live/bin"
    fi
  fi
  LD_LIBRARY_PATH=$live/bin setpriv --reuid=5 --regid=60 --clear-groups -- "$live/bin/certexc" "$@"
}

# -- the mail server -------------------------------------------------------------------------------

live_dovecot_program() {
  PATH=$PATH:/usr/sbin:/usr/local/sbin command -v dovecot
}

# Everybody whose password is $live_password may log in. Dovecot 2.4 wants the versions named, and gave some
# settings other names.
live_dovecot_conf() { # CERT
  local version user group mail_uid=5 mail_gid=60
  version=$("$(live_dovecot_program)" --version | sed 's/[^0-9.].*//')
  user=$(id -un) group=$(id -gn)
  # Dovecot does not let root have mail; games is on every system.
  [ "$(id -u)" = 0 ] || { mail_uid=$(id -u) mail_gid=$(id -g); }
  mkdir -p "$live/home"
  [ "$(id -u)" != 0 ] || chown "$mail_uid:$mail_gid" "$live/home"
  case $version in
    2.[0-3].*)
      printf 'ssl_cert = <%s\nssl_key = <%s\n' "$live/$1.pem" "$live/$1.key"
      printf 'passdb {\n  driver = static\n  args = password=%s\n}\n' "$live_password"
      printf 'userdb {\n  driver = static\n  args = uid=%s gid=%s home=%s\n}\n' "$mail_uid" "$mail_gid" "$live/home"
      printf 'mail_location = maildir:~/mail\n'
      ;;
    *)
      printf 'dovecot_config_version = %s\ndovecot_storage_version = %s\n' "$version" "$version"
      printf 'ssl_server_cert_file = %s\nssl_server_key_file = %s\n' "$live/$1.pem" "$live/$1.key"
      printf 'passdb static {\n  password = %s\n}\n' "$live_password"
      printf 'userdb static {\n  fields {\n    uid = %s\n    gid = %s\n    home = %s\n  }\n}\n' \
        "$mail_uid" "$mail_gid" "$live/home"
      printf 'mail_driver = maildir\nmail_path = ~/mail\n'
      ;;
  esac
  if [ "$(id -u)" != 0 ]; then
    printf 'default_internal_user = %s\ndefault_login_user = %s\ndefault_internal_group = %s\n' \
      "$user" "$user" "$group"
    printf 'service anvil {\n  chroot =\n}\n'
  fi
  cat <<CONF
protocols = imap pop3 ${dovecot_protocols:-}
first_valid_uid = 1
listen = 127.0.0.1
base_dir = $live/dovecot
state_dir = $live/dovecot
instance_name = $(basename "$live")
log_path = $live/dovecot.log
ssl = yes
service imap-login {
  $([ "$(id -u)" = 0 ] || echo 'chroot =')
  inet_listener imap {
    port = $imap_port
  }
  inet_listener imaps {
    port = $imaps_port
    ssl = yes
  }
}
service pop3-login {
  $([ "$(id -u)" = 0 ] || echo 'chroot =')
  inet_listener pop3 {
    port = $pop3_port
  }
  inet_listener pop3s {
    port = $pop3s_port
    ssl = yes
  }
}
${dovecot_more:-}
CONF
}

# Starts Dovecot on the ports that are set, with CERT; 0 when it listens. Our descriptors stay ours.
live_dovecot_try() { # CERT
  live_dovecot_conf "$1" >"$live/dovecot.conf"
  : >"$live/dovecot.log"
  "$(live_dovecot_program)" -F -c "$live/dovecot.conf" </dev/null >"$live/dovecot.out" 2>&1 \
    3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  dovecot_pid=$!
  live_wait_line "$live/dovecot.log" 'starting up' "$dovecot_pid"
}

# The ports are chosen once; another program may take one first, then others are tried.
live_dovecot() { # CERT
  local try
  if [ -n "${imap_port:-}" ]; then
    live_dovecot_try "$1" || live_fail "Dovecot does not start: $(cat "$live/dovecot.out" "$live/dovecot.log")"
    live_pids+=("$dovecot_pid")
    return
  fi
  for try in 1 2 3 4 5; do
    imap_port=$(live_port) imaps_port=$(live_port) pop3_port=$(live_port) pop3s_port=$(live_port)
    if live_dovecot_try "$1"; then
      live_pids+=("$dovecot_pid")
      return
    fi
    wait "$dovecot_pid" || true
  done
  live_fail "Dovecot does not start ($try tries): $(cat "$live/dovecot.out" "$live/dovecot.log")"
}

# The same server on the same ports with another certificate.
live_dovecot_swap() { # CERT
  live_stop "$dovecot_pid"
  live_dovecot "$1"
}

# An SMTP server that reads $live/smtp.pem and .key anew for each connection, and leaves the last mail in FILE, if that
# is given; sets $smtp_port.
live_smtpd() { # [FILE]
  python3 "$source_dir/tests/smtpd" "$live/smtp.pem" "$live/smtp.key" "$@" </dev/null \
    >"$live/smtpd.out" 2>"$live/smtpd.log" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  smtpd_pid=$!
  live_pids+=("$smtpd_pid")
  live_wait_line "$live/smtpd.out" '^ready' "$smtpd_pid" || live_fail "smtpd: $(cat "$live/smtpd.log")"
  # shellcheck disable=SC2034 # for the test that sources this
  smtp_port=$(sed -n 's/^ready //p' "$live/smtpd.out")
}

# -- what is expected ------------------------------------------------------------------------------

# Runs a command and fails unless it ends with STATUS and its output, in $live/out, has every WORD.
live_expect() { # SENTENCE STATUS [WORD...] -- COMMAND...
  local sentence=$1 want=$2 status=0 word words=()
  shift 2
  while [ "$1" != -- ]; do
    words+=("$1")
    shift
  done
  shift
  "$@" </dev/null >"$live/out" 2>&1 || status=$?
  if [ "$status" != "$want" ]; then
    sed 's/^/    | /' "$live/out" >&2
    live_fail "$sentence: exit status $status, not $want, from: $*"
  fi
  for word in "${words[@]}"; do
    if ! grep -qF -e "$word" "$live/out"; then
      sed 's/^/    | /' "$live/out" >&2
      live_fail "$sentence: no \"$word\" in what this said: $*"
    fi
  done
  printf 'ok: %s\n' "$sentence"
}
