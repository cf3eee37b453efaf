#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The catalogues in po/: every text of the sources is translated in every language, formats and
# plurals fit, and certexc speaks German and French where the locale says so.
set -euo pipefail

source_dir=$(cd "${CERTEXC_SOURCE_DIR:-$(dirname "$0")/..}" && pwd)
build_dir=${CERTEXC_BUILD_DIR:-$PWD}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

for tool in xgettext msgfmt msgcmp msgattrib; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done

# -- the catalogues --------------------------------------------------------------------------------

# As po/Makevars has it, so that both take the same texts.
options=$(sed -n '/^XGETTEXT_OPTIONS = /,/[^\\]$/p' "$source_dir/po/Makevars" |
  sed 's/^XGETTEXT_OPTIONS = //; s/\\$//' | tr -d '\n')
# shellcheck disable=SC2086 # a list of words
(cd "$source_dir" && xgettext $options --no-location -f po/POTFILES.in -o "$work/certexc.pot")
[ "$(grep -c '^msgid' "$work/certexc.pot")" -gt 300 ] || fail 'hardly any text is found in the sources'

# Whatever calls one of the functions that take texts for people is looked into.
for file in "$source_dir"/client/*.c; do
  name=${file#"$source_dir/"}
  if grep -qE '\b(_|N_|P_|cli_fail|cli_misuse|fault_set|fault_hint|trouble_set|refuse)\("' "$file"; then
    grep -qx "$name" "$source_dir/po/POTFILES.in" || fail "po/POTFILES.in does not name $name"
  fi
done

languages=$(grep -v '^#' "$source_dir/po/LINGUAS")
for language in $languages; do
  po=$source_dir/po/$language.po
  mkdir -p "$work/$language/LC_MESSAGES"
  msgfmt --check -o "$work/$language/LC_MESSAGES/certexc.mo" "$po" || fail "$language.po is not in order"
  msgcmp "$po" "$work/certexc.pot" ||
    fail "$language.po lacks a text: see \"A text for people\" in HACKING.md"
  [ -z "$(msgattrib --only-fuzzy --no-obsolete "$po")" ] || fail "$language.po has fuzzy entries"
  [ -z "$(msgattrib --untranslated --no-obsolete "$po")" ] || fail "$language.po has untranslated entries"
  [ -z "$(msgattrib --only-obsolete "$po")" ] || fail "$language.po has texts that are in no source any more"
  # The evidence of advice stands in every language.
  msgattrib --no-wrap --no-obsolete "$po" | awk -v language="$language" '
    function count(text, what,    n) { n = gsub(what, "", text); return n }
    /^msgid / { id = $0 }
    /^msgstr / {
            for (what in placeholders)
                    if (count(id, what) != count($0, what)) {
                            print language ".po: " what " in: " id
                            wrong = 1
                    }
    }
    BEGIN { placeholders["[{]name[}]"]; placeholders["[{]time[}]"]; placeholders["[{]hosts[}]"] }
    END { exit wrong }
  ' || fail "evidence gets lost in $language"
  echo "ok: $language.po is complete"
done

# -- as people see it ------------------------------------------------------------------------------

# Catalogues of a build that is not installed are looked at by testing builds alone.
if ! grep -q '^#define CERTEXC_TESTING 1' "$build_dir/config.h"; then
  echo 'this build looks at installed catalogues only (--enable-testing)'
  exit 0
fi
# A locale that the C library knows is what makes it look into any catalogue: LANGUAGE alone does
# nothing in the locale "C".
for locale in de_DE fr_FR; do
  localedef -i "$locale" -f UTF-8 "$work/$locale.UTF-8" >/dev/null 2>&1 || {
    echo "localedef cannot make $locale.UTF-8 here"
    exit 0
  }
done

says() { # SENTENCE TEXT SETTING... -- ARGUMENT...
  local sentence=$1 text=$2 settings=() out
  shift 2
  while [ "$1" != -- ]; do
    settings+=("$1")
    shift
  done
  shift
  out=$(env -u LANGUAGE -u LANG LOCPATH="$work" CERTEXC_LOCALEDIR="$work" \
    CERTEXC_SOCKET="$work/none" "${settings[@]}" "$build_dir/certexc" "$@" 2>&1 || true)
  case $out in
    *"$text"*) echo "ok: $sentence" ;;
    *) fail "$sentence: no \"$text\" in: $out" ;;
  esac
}

says 'help in German' 'TLS-Sicherheitsausnahmen ansehen' LC_ALL=de_DE.UTF-8 -- --help
says 'help in French' 'Voir, créer et annuler' LC_ALL=fr_FR.UTF-8 -- --help
says 'LANGUAGE decides between them' 'Voir, créer et annuler' LC_ALL=de_DE.UTF-8 LANGUAGE=fr -- --help
says 'LC_MESSAGES is enough' 'TLS-Sicherheitsausnahmen' LC_CTYPE=fr_FR.UTF-8 LC_MESSAGES=de_DE.UTF-8 -- \
  --help
says 'a sentence of the library' 'Der certexc-Dienst ist nicht erreichbar' LC_ALL=de_DE.UTF-8 -- status
says 'a reason from a shared room' 'Der Rechnername hat einen leeren Teil' LC_ALL=de_DE.UTF-8 -- \
  check a..b
says 'English where nothing is said' 'See, make and take back' LC_ALL=C.UTF-8 -- --help
says 'English where German cannot be shown' 'See, make and take back' LC_ALL=C LANGUAGE=de -- --help
