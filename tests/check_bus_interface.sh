#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# schema/org.certexc1.xml is what org.certexc1.varlink makes of it: each method, its arguments and fields, no more and
# no fewer. The policy files are well-formed, and polkit's actions have their texts in every language.
set -euo pipefail

source=${CERTEXC_SOURCE_DIR:-$(dirname "$0")/..}
build=${CERTEXC_BUILD_DIR:-.}

if ! "$build/schema/describe-bus" | diff - "$source/schema/org.certexc1.xml" >&2; then
  echo 'schema/org.certexc1.xml is behind schema/org.certexc1.varlink: run make update-bus-interface' >&2
  exit 1
fi

if ! command -v python3 >/dev/null; then
  echo 'The rest: skipped, needs python3' >&2
  exit 0
fi
python3 - "$source" <<'PYTHON'
import re, sys
import xml.etree.ElementTree as tree

source = sys.argv[1]
xml = tree.parse(source + "/schema/org.certexc1.xml").getroot().find("interface")
text = re.sub(r"#.*", "", open(source + "/schema/org.certexc1.varlink").read())
wrong = 0

def complain(what):
    global wrong
    wrong += 1
    print(what, file=sys.stderr)

# By a reading of its own, apart from the daemon's.
for method, rest in re.findall(r"^method (\w+)\((.*?)\) *->", text, re.M | re.S):
    if method == "Monitor":
        method, rest = "Subscribe", ""
    flat = re.sub(r"\([^()]*\)", "words", rest)
    must = [name for name, optional in re.findall(r"(\w+):\s*(\??)", flat) if not optional]
    there = xml.find("method[@name='%s']" % method)
    if there is None:
        complain("org.certexc1.xml lacks the method %s" % method)
        continue
    names = [a.get("name") for a in there if a.get("direction") == "in"]
    if names != must + ["options"]:
        complain("%s: the arguments are %s, not %s" % (method, names, must + ["options"]))
document = open(source + "/schema/org.certexc1.xml").read()
for member in list(xml):
    before = document.split('<%s name="%s"' % (member.tag, member.get("name")))[0]
    comment = before.rsplit("<!--", 1)[1]
    if not comment.lstrip().startswith(member.get("name") + ":"):
        complain("%s has no documentation" % member.get("name"))
    for argument in member:
        if not re.search(r"\b%s\b" % argument.get("name"), comment):
            complain("%s: %s has no documentation" % (member.get("name"), argument.get("name")))

languages = re.sub(r"#.*", "", open(source + "/po/LINGUAS").read()).split()
lang = "{http://www.w3.org/XML/1998/namespace}lang"
for action in tree.parse(source + "/daemon/org.certexc1.policy").getroot().findall("action"):
    for kind in "description", "message":
        have = {e.get(lang) for e in action.findall(kind)}
        if have != {None, *languages}:
            complain("%s of %s is there in %s" % (kind, action.get("id"), have))
access = open(source + "/daemon/access.c").read()
for action in re.findall(r'"(org\.certexc1\.manage-\w+)"', access):
    if '"%s"' % action not in open(source + "/daemon/org.certexc1.policy").read():
        complain("polkit's policy lacks %s" % action)
tree.parse(source + "/daemon/org.certexc1.conf")
sys.exit(wrong != 0)
PYTHON
