#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""certexc agent on a terminal of its own and behind pipes: what a person types, what becomes of it, and
what is told when somebody else goes away. To be called by live_agent.sh.

    live_agent.py CERTEXC CHAIN HOSTILE-CHAIN
"""
import base64
import json
import os
import pty
import select
import signal
import ssl
import subprocess
import sys
import time

CERTEXC, CHAIN, HOSTILE = sys.argv[1:4]
LIMIT = 60  # seconds for each thing that is waited for
ACCEPT, PROMPT, REJECT = 0, 3, 4

DER = ssl.PEM_cert_to_DER_cert(open(CHAIN).read())
DIGEST = __import__("hashlib").sha256(DER).digest()
PAIRS = ":".join("%02X" % b for b in DIGEST)
WRONG = PAIRS.replace(PAIRS[:2], "FF" if PAIRS[:2] != "FF" else "00", 1)
LOOK, NEVER = "look", "never"


def fail(sentence, seen=b""):
    sys.exit("FAILED: %s\n%s" % (sentence, seen.decode(errors="replace")))


class Terminal:
    """An agent and the person in front of it."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["NO_COLOR"] = "1"
            os.execv(CERTEXC, [CERTEXC, "agent"])
        self.got, self.mark = b"", 0
        self.wait("Waiting for questions")

    def wait(self, text):
        """Reads until TEXT is there, behind what was waited for before; what was read till then."""
        end = time.monotonic() + LIMIT
        while (at := self.got.find(text.encode(), self.mark)) < 0:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                fail("the terminal never showed %r" % text, self.got[self.mark:])
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                fail("the agent ended before %r" % text, self.got[self.mark:])
            self.got += data
        seen = self.got[self.mark:at + len(text)]
        self.mark = at + len(text)
        return seen

    def question(self):
        return self.wait("\n> ")

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """The exit status."""
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.end()


def check(host, *options, chain=CHAIN):
    return subprocess.Popen([CERTEXC, "check", host + ":993", "--chain=" + chain, "--ask", "--wait=50", *options],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def expect(asker, status, sentence, word=None):
    out, _ = asker.communicate(timeout=LIMIT)
    if asker.returncode != status or (word and word.encode() not in out):
        fail("%s: %d, not %d with %r" % (sentence, asker.returncode, status, word), out)


def waiting():
    """Who waits in front of a terminal is told so; and nobody else, nor where nobody could answer."""
    agent = Terminal()
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["NO_COLOR"] = "1"
        os.execv(CERTEXC, [CERTEXC, "check", "waiting.example:993", "--chain=" + CHAIN, "--ask", "--wait=50"])
    piped = check("waiting.example")
    agent.question()
    said = b""
    while b"nothing is stored" not in b" ".join(said.split()):
        if not select.select([fd], [], [], LIMIT)[0]:
            fail("it never said that it waits", said)
        said += os.read(fd, 65536)
    said = b" ".join(said.split())
    if not said.startswith(b"waiting.example:993: waiting until ") or b"certexc agent" not in said:
        fail("it says what it waits for", said)
    agent.type("\n")
    out, _ = piped.communicate(timeout=LIMIT)
    if b"waiting until" in out:
        fail("a program that reads what is written is not told", out)
    while True:
        try:
            if not os.read(fd, 65536):
                break
        except OSError:
            break
    os.close(fd)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != PROMPT:
        fail("then the answer is there")
    agent.type("\x04")
    agent.end()
    print("ok: check --ask on a terminal says what it waits for")


# What is typed to one question after another, what the program that asked gets, and what is seen.
ROWS = [
    ("Enter refuses for now", [""], PROMPT, "Refused for now"),
    ("y refuses", ["y"], PROMPT, "Refused for now"),
    ("yes refuses: that is no answer to the first question", ["yes"], PROMPT, "Refused for now"),
    ("allow refuses", ["allow"], PROMPT, "Refused for now"),
    ("a fingerprint at once refuses: nothing was looked at", [PAIRS], PROMPT, "Refused for now"),
    ("a line that is longer than any answer refuses", ["look" * 900], PROMPT, "Refused for now"),
    ("never refuses for good", [NEVER], REJECT, "Refused for good"),
    ("look, and Enter", [LOOK, ""], PROMPT, "Refused for now"),
    ("look, yes, and Enter", [LOOK, "yes", ""], PROMPT, "Refused for now"),
    ("look, yes, key without a time, and Enter", [LOOK, "yes", "key ", ""], PROMPT, "key:"),
    ("look, and a wrong fingerprint, three times", [LOOK, WRONG, WRONG, WRONG], PROMPT,
     "That is not the fingerprint"),
    ("look, half a fingerprint", [LOOK, PAIRS[:47]], PROMPT, "Refused for now"),
    ("look, yes, nonsense three times", [LOOK, "yes", "soon", "later", "at dawn"], PROMPT, "soon:"),
    ("look, yes, a time that has passed, and Enter", [LOOK, "yes", "2001-01-01", ""], PROMPT, "2001-01-01:"),
    ("look, yes, always: allowed", [LOOK, "yes", "always"], ACCEPT, "Nobody has compared"),
    ("the fingerprint with colons, for 30 days", [LOOK, PAIRS, "30d"], ACCEPT, "Allowed until"),
    ("in lower case without them", [LOOK, DIGEST.hex(), "always"], ACCEPT, "The fingerprint is the right one"),
    ("with spaces", [LOOK, "  " + PAIRS.replace(":", " ") + " ", "always"], ACCEPT, "Allowed"),
    ("as openssl prints it", [LOOK, "SHA256 Fingerprint=" + PAIRS, "1y"], ACCEPT, "Allowed until"),
    ("in base64, as ssh prints it", [LOOK, "SHA256:" + base64.b64encode(DIGEST).decode().rstrip("="), "always"],
     ACCEPT, "Allowed"),
    ("the key, after a wrong fingerprint", [LOOK, WRONG, PAIRS, "key always"], ACCEPT, "Allowed"),
]


def rows(agent):
    for i, (sentence, answers, status, word) in enumerate(ROWS):
        asker = check("h%d.example" % i)
        seen = b""
        for answer in answers:
            seen += agent.question()
            agent.type(answer + "\n")
        seen += agent.wait("Waiting for questions")
        expect(asker, status, sentence)
        if word.encode() not in seen.replace(b"\r\n", b" "):
            fail("%s: no %r" % (sentence, word), seen)
        print("ok:", sentence)


def habits(agent):
    asker = check("ahead.example")
    agent.question()
    agent.type("look\nyes\nalways\n")
    agent.question()
    agent.type("\n")
    agent.wait("Refused for now")
    expect(asker, PROMPT, "what is typed ahead answers nothing")

    asker = check("interrupt.example")
    agent.question()
    agent.type("\x03")
    agent.wait("Refused for now")
    agent.wait("Waiting for questions")
    expect(asker, PROMPT, "Ctrl-C is not now", "not now")

    asker = check("hostile.example", chain=HOSTILE)
    agent.question()
    agent.type("look\n")
    agent.question()
    agent.type("\n")
    agent.wait("Refused for now")
    expect(asker, PROMPT, "a hostile certificate")
    if b"\x1b" in agent.got or "‮".encode() in agent.got or b"pwned" not in agent.got:
        fail("what a certificate says reaches the terminal as it is", agent.got)


def withdrawals(agent):
    asker = check("gone.example")
    agent.question()
    asker.kill()
    asker.communicate()
    agent.wait("Nobody waits for this any more")
    agent.wait("Waiting for questions")

    asker = check("late.example", "--wait=1")
    agent.question()
    agent.wait("did not wait any longer")
    expect(asker, PROMPT, "time runs out", "Nobody answered in time")

    asker = check("elsewhere.example")
    agent.question()
    agent.type("look\n")
    agent.question()
    subprocess.run([CERTEXC, "allow", "elsewhere.example:993", "--chain=" + CHAIN, "--yes"], check=True,
                   stdout=subprocess.DEVNULL)
    agent.wait("something has changed")
    expect(asker, ACCEPT, "decided elsewhere")

    first = check("first.example")
    agent.question()
    second = check("second.example")
    agent.type(NEVER + "\n")
    expect(first, REJECT, "the first of two")
    if b"second.example" not in agent.question():
        fail("the second waits", agent.got)
    agent.type("\n")
    expect(second, PROMPT, "the second of two")


def losses(first):
    second = Terminal()
    asker = check("killed.example")
    second.question()
    second.type("look\n")
    second.question()
    if second.kill() != -signal.SIGKILL:
        fail("it was not killed")
    if b"killed.example" not in first.question():
        fail("the next agent was not asked", first.got)
    first.kill()
    expect(asker, PROMPT, "no agent is left", "no program that could ask you")

    last = Terminal()
    asker = check("end.example")
    last.question()
    last.type("\x04")
    expect(asker, PROMPT, "the end of input is not now", "not now")
    if last.end() != 0:
        fail("the end of input is no failure")
    idle = Terminal()
    idle.type("\x03")
    if idle.end() != 0:
        fail("Ctrl-C ends an agent that asks nothing")


def program():
    """--json: one line each way."""
    agent = subprocess.Popen([CERTEXC, "agent", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             bufsize=0)

    def next_line():
        if not select.select([agent.stdout], [], [], LIMIT)[0]:
            fail("no line came")
        return json.loads(agent.stdout.readline())

    def say(**answer):
        agent.stdin.write(json.dumps(answer).encode() + b"\n")
        agent.stdin.flush()

    if next_line() != {"event": "ready"}:
        fail("not ready")
    asker = check("json.example")
    prompt = next_line()
    if prompt["event"] != "prompt" or prompt["shown"]["host"] != "json.example":
        fail("no prompt: %s" % prompt)
    say(number=prompt["number"], shown_sha256="0" * 64, choice="allow")
    if next_line()["error"] != "org.certexc1.InvalidRequest":
        fail("a wrong digest was taken")
    say(number=prompt["number"] + 1, shown_sha256=prompt["shown_sha256"], choice="allow")
    if next_line()["error"] != "org.certexc1.PromptUnknown":
        fail("a wrong number was taken")
    agent.stdin.write(b"allow\n")
    agent.stdin.flush()
    if next_line()["event"] != "refused":
        fail("nonsense was taken")
    say(number=prompt["number"], shown_sha256=prompt["shown_sha256"], choice="allow")
    lines = [next_line(), next_line()]
    if sorted(line["event"] for line in lines) != ["over", "taken"]:
        fail("not taken: %s" % lines)
    expect(asker, ACCEPT, "a program allows")
    agent.stdin.close()
    if agent.wait(LIMIT) != 0:
        fail("the end of input is no failure")


def main():
    agent = Terminal()
    rows(agent)
    habits(agent)
    print("ok: habits, interruption, hostile text")
    withdrawals(agent)
    print("ok: questions that are taken back, settled elsewhere, and queue")
    losses(agent)
    print("ok: agents that are killed and that end")
    waiting()
    program()
    print("ok: a program in the place of the person")


main()
