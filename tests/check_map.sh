#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The map in HACKING.md names every file of the rooms, and no file that is not there. A line of the
# map begins with the files' names between backquotes; `store.[ch]` stands for two.
set -euo pipefail

cd "${CERTEXC_SOURCE_DIR:-$(dirname "$0")/..}"
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

sed -n '/^## The rooms/,/^## /p' HACKING.md |
  awk '
    /^### `/ { match($0, /`[^`]*`/); room = substr($0, RSTART + 1, RLENGTH - 2); next }
    /^- `/ {
      line = $0
      sub(/^- /, "", line)
      while (match(line, /^,? ?`[^`]*`/)) {
        name = substr(line, RSTART, RLENGTH)
        gsub(/[`, ]/, "", name)
        line = substr(line, RSTART + RLENGTH)
        if (name ~ /\.\[ch\]$/) {
          sub(/\.\[ch\]$/, "", name)
          print room name ".c"
          print room name ".h"
        } else
          print room name
      }
    }' | sort >"$here/named"

# What the build makes in the tree is no file of ours, and only git tells them apart.
if [ -e .git ]; then
  git -c safe.directory='*' ls-files client daemon integrations po schema tests man | sort >"$here/there"
elif [ -e Makefile ]; then
  echo 'skipped: built in the source tree, without git'
  exit 77
else
  # integrations/ are packages of their own, and not in this one's archive. Of po/, the rest is gettext's.
  sed -i '/^integrations\//d' "$here/named"
  find client daemon po/*.po po/LINGUAS po/Makevars po/POTFILES.in schema tests man -type f |
    sort >"$here/there"
fi

wrong=0
while IFS= read -r file; do
  echo "HACKING.md's map does not name $file" >&2
  wrong=1
done < <(comm -13 "$here/named" "$here/there")
while IFS= read -r file; do
  echo "HACKING.md's map names $file, which is not there" >&2
  wrong=1
done < <(comm -23 "$here/named" "$here/there")
uniq -d "$here/named" | sed 's/^/named twice: /' >&2
exit $wrong
