#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexc asks the issuer's responder where the server stapled nothing: OpenSSL's answers and every way
# of not getting one, against the real daemon.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v openssl >/dev/null || live_skip 'openssl is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
export TZ=UTC0 LC_ALL=C.UTF-8 TERM=xterm
export CERTEXC_OCSP_PROGRAM=${CERTEXC_OCSP_PROGRAM:-$build_dir/certexc-ocsp}
# Somebody's proxy must not be asked instead.
export http_proxy=http://127.0.0.1:9/ ALL_PROXY=http://127.0.0.1:9/

# -- an authority, its responder, servers ----------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=Ours' \
  -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout "$live/authority.key" \
  -out "$live/authority.pem" 2>/dev/null
echo answer >"$live/mode"
: >"$live/asked"
python3 "$source_dir/tests/responder" "$live" >"$live/responder.out" 2>"$live/responder.log" </dev/null &
live_pids+=("$!")
live_wait_line "$live/responder.out" '^ready' "$!" || live_fail "no responder: $(cat "$live/responder.log")"
url=http://127.0.0.1:$(sed -n 's/^ready //p' "$live/responder.out")/status

# A certificate for localhost; EXTENSION lines go into it.
certificate() { # CERT SERIAL ISSUER EXTENSION...
  local cert=$1 serial=$2 issuer=$3
  shift 3
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
    -keyout "$live/$cert.key" -out "$live/$cert.csr" 2>/dev/null
  {
    printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n'
    [ $# = 0 ] || printf '%s\n' "$@"
  } >"$live/$cert.ext"
  openssl x509 -req -in "$live/$cert.csr" -CA "$live/$issuer.pem" -CAkey "$live/$issuer.key" \
    -set_serial "0x$serial" -days 20 -extfile "$live/$cert.ext" -out "$live/$cert.pem" 2>/dev/null
}

asking="authorityInfoAccess=OCSP;URI:$url"
certificate good 1001 authority "$asking"
certificate revoked 1002 authority "$asking"
certificate strange 1003 authority "$asking"
certificate silent 1004 authority
certificate file 1005 authority 'authorityInfoAccess=OCSP;URI:file:///etc/passwd'
certificate demanding 1006 authority "$asking" 'tlsfeature=status_request'
certificate upper 1007 authority "authorityInfoAccess=caIssuers;URI:http://127.0.0.1:9/ca,OCSP;URI:ldap://127.0.0.1:9/,OCSP;URI:$url"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=Nobody' \
  -keyout "$live/nobody.key" -out "$live/nobody.pem" 2>/dev/null
certificate foreign 1001 nobody "$asking"
{
  for serial in 1001 1006 1007; do
    printf 'V\t491231235959Z\t\t%s\tunknown\t/CN=%s\n' "$serial" "$serial"
  done
  printf 'R\t491231235959Z\t260101000000Z\t1002\tunknown\t/CN=1002\n'
} >"$live/index.txt"

# A TLS server with $live/CERT.pem on 127.0.0.1:$tls_port, instead of the one before.
tls_server() { # CERT [OPTION...]
  local cert=$1
  shift
  [ -z "${tls_pid:-}" ] || live_stop "$tls_pid"
  : >"$live/tls.log"
  openssl s_server -accept "127.0.0.1:$tls_port" -cert "$live/$cert.pem" -key "$live/$cert.key" \
    -www "$@" </dev/null >>"$live/tls.log" 2>&1 &
  tls_pid=$!
  live_pids+=("$tls_pid")
  live_wait_line "$live/tls.log" '^ACCEPT' "$tls_pid" || live_fail "no server: $(cat "$live/tls.log")"
}

# How often the responder was asked since the last time.
asked() { # SENTENCE TIMES
  local n
  n=$(wc -l <"$live/asked")
  [ "$n" = "$2" ] || live_fail "$1: asked $n times, not $2"
  : >"$live/asked"
  printf 'ok: %s\n' "$1"
}

check() {
  certexc check "localhost:$tls_port" "$@"
}

live_daemon --user --trust-file="$live/authority.pem"
tls_port=$(live_port)

# -- what the issuer says --------------------------------------------------------------------------

tls_server good
live_expect 'a good word of the issuer changes nothing' 0 -- check
grep -q '^/status application/ocsp-request [1-9]' "$live/asked" ||
  live_fail "not as RFC 6960 has it: $(cat "$live/asked")"
asked 'and the responder was asked once' 1
live_expect 'with --no-ocsp nobody is asked' 0 -- check --no-ocsp
asked 'really not' 0
live_expect 'with --chain nothing is connected to' 0 -- certexc check localhost --chain="$live/good.pem"
asked 'nor asked' 0

tls_server revoked
live_expect 'a revoked certificate is refused' 4 revoked -- check
live_expect 'in JSON as well' 4 '"name":"revoked"' -- check --json
live_expect 'without asking it is not known' 0 -- check --no-ocsp
live_expect 'and cannot be allowed' 1 'nobody may allow this' -- certexc allow "localhost:$tls_port" --yes
: >"$live/asked"

tls_server strange
live_expect 'whom the issuer does not know is asked about' 3 revocation-unknown -- check
asked 'after the responder' 1

tls_server silent
live_expect 'a certificate that names no responder' 0 -- check
tls_server file
live_expect 'or names a file' 0 -- check
asked 'asks nobody' 0
tls_server upper
live_expect 'the first http address of several is taken' 0 -- check
asked 'and only it' 1

openssl ocsp -index "$live/index.txt" -CA "$live/authority.pem" -rsigner "$live/authority.pem" \
  -rkey "$live/authority.key" -ndays 1 -issuer "$live/authority.pem" -cert "$live/good.pem" \
  -respout "$live/staple.der" >/dev/null 2>&1
tls_server good -status_file "$live/staple.der"
live_expect 'where the server staples an answer' 0 -- check
asked 'nobody else is asked' 0

tls_server demanding
live_expect 'a staple that is demanded and missing is not made good' 3 revocation-unknown 'no stapled answer' -- check
asked 'although the issuer was asked' 1
live_expect 'such a one can be allowed' 0 -- certexc allow "localhost:$tls_port" --yes
live_expect 'as mail programs ask for it' 0 -- check
: >"$live/asked"

tls_server foreign
live_expect 'whom no authority vouches for' 3 unknown-issuer -- check
asked 'sends us nowhere' 0

# -- every way of not getting an answer ------------------------------------------------------------

# The words on the line, and never an accept.
refused() { # MODE WORDS
  echo "$1" >"$live/mode"
  live_expect "$1 is told and not accepted" 3 'With --no-ocsp it is not asked.' "$2" revocation-unknown -- check
}

tls_server good
refused 404 'HTTP 404'
refused 500 'HTTP 500'
refused empty 'the answer is empty'
refused large 'larger than any'
refused "redirect $url" 'HTTP 307'
refused 'redirect file:///etc/passwd' 'HTTP 307'
refused 'redirect https://127.0.0.1:9/' 'HTTP 307'
refused hang 'took too long'
refused slow 'took too long'
refused garbage 'what it answers is something else'
echo sequence >"$live/mode"
live_expect 'DER that is something else is not accepted' 3 revocation-unknown 'cannot be read' -- check
: >"$live/asked"
live_expect '--no-ocsp is the way out' 0 -- check --no-ocsp
asked 'with nobody asked' 0

CERTEXC_OCSP_PROGRAM=$live/nothing live_expect 'without the program that asks' 3 'not installed' -- check
live_stop "${live_pids[0]}"
live_expect 'a responder that is gone' 3 'revocation-unknown' "$url" -- check
