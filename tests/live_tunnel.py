#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail program's and the server's side of certexc tunnel: live_tunnel.py CERTEXC DIRECTORY

DIRECTORY has expired.pem and other.pem with their keys. The daemon is the one of CERTEXC_SOCKET; its pid is in
DAEMON_PID. Servers are on 127.0.0.1, and one after another takes the same port, so that one "allow" is enough."""

import hashlib
import json
import os
import select
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

CERTEXC, LIVE = sys.argv[1:3]
PATIENCE = 30  # seconds until a test that hangs fails
MIB = 1 << 20


def check(sentence, holds, *more):
    if not holds:
        print("FAILED:", sentence, *more, file=sys.stderr, flush=True)
        os._exit(1)
    print("ok:", sentence, flush=True)


class Server:
    """A TLS server whose certificate and manners change; handler(connection) is called behind the handshake."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.certificate = "expired"
        self.plain = None  # what is done before TLS; returns whether to go on
        self.handler = None
        self.done = threading.Semaphore(0)
        self.heard = None  # what the last handler returned
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            connection.settimeout(PATIENCE)
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        handler, heard = self.handler, None
        try:
            if self.plain and not self.plain(connection):
                connection.close()
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{LIVE}/{self.certificate}.pem", f"{LIVE}/{self.certificate}.key")
            connection = context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
            if handler:
                heard = handler(connection)
        except OSError as error:
            heard = error
        finally:
            connection.close()
            if handler:
                self.heard = heard
                self.done.release()

    def wait(self):
        if not self.done.acquire(timeout=PATIENCE):
            check("the server's part ends", False)
        return self.heard

    def place(self):
        return f"localhost:{self.port}"


def certexc(*arguments):
    return subprocess.run([CERTEXC, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)


def allow(server, *options):
    server.handler = None
    ran = certexc("allow", server.place(), "--yes", *options)
    check(f"allowed {' '.join(options)}", ran.returncode == 0, ran.stdout, ran.stderr)


def start(*arguments, **how):
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    return subprocess.Popen([CERTEXC, "tunnel", *arguments], bufsize=0, **how)


def run(*arguments, data=b"", **how):
    """(exit status, standard output, standard error)"""
    process = start(*arguments, **how)
    out, err = process.communicate(data, timeout=PATIENCE)
    return process.returncode, out, (err or b"").decode()


def read_all(connection):
    data = b""
    while some := connection.recv(65536):
        data += some
    return data


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        some = connection.recv(1)
        if not some:
            break
        line += some
    return line


# -- refused and allowed ---------------------------------------------------------------------------


def hello(connection):
    connection.sendall(b"* OK ready\r\n")
    while line := read_line(connection):
        tag, verb = line.split()[:2]
        connection.sendall(b"* got " + line)
        connection.sendall(tag + b" OK done\r\n")
        if verb.upper() == b"LOGOUT":
            break
    connection.unwrap()


def nothing_heard(connection):
    return read_all(connection)


def refusals(server):
    place = server.place()
    status, out, err = run(place, "--protocol=imap", data=b"a LOGIN u p\r\nb LOGOUT\r\n")
    way_out = f"certexc allow {place}"
    lines = out.decode("ascii").splitlines()
    check("refused before it is allowed: 77", status == 77, status, out, err)
    check("IMAP says so as a greeting, with the way out",
          lines[0].startswith("* BYE [ALERT] certexc: " + place) and way_out in lines[0], out)
    check("with every problem", all(p in lines[0] for p in ("expired", "self-signed", "name-mismatch")), out)
    check("a command is answered under its tag", lines[1].startswith("a NO certexc: ") and lines[2:] == ["b OK bye"], out)
    check("standard error says the same", way_out in err and "certexc agent" in err, err)

    for protocol, begin, quit, bye in (
            ("pop3", "-ERR [SYS/PERM] certexc: ", b"QUIT\r\n", "+OK bye"),
            ("smtp", "554 5.7.0 certexc: ", b"quit\r\n", "221 2.0.0 bye"),
            ("lmtp", "554 5.7.0 certexc: ", b"QUIT\n", "221 2.0.0 bye"),
            ("nntp", "502 certexc: ", b"QUIT\r\n", "205 bye"),
            ("ftp", "421 certexc: ", b"QUIT\r\n", "221 bye"),
            ("sieve", "BYE \"certexc: ", b"LOGOUT\r\n", "OK")):
        status, out, err = run(place, "--protocol=" + protocol, data=b"XYZ\r\n" + quit)
        lines = out.decode("ascii").split("\r\n")
        check(f"{protocol} refuses in its words", status == 77 and lines[0].startswith(begin) and way_out in lines[0] and
              lines[2:] == [bye, ""], out)
        check(f"{protocol}: a line is no longer than lines are", max(map(len, lines)) <= 510, out)
    status, out, err = run(place)
    check("where nobody knows the protocol only standard error is told", (status, out) == (77, b"") and way_out in err, out)

    for arguments, expected in ((place,), 77), ((place, "--protocol=foo"), 64):
        status, out, _ = run(*arguments, stderr=subprocess.STDOUT)
        check("nobody is left without a word", status == expected and b"certexc: " in out, status, out)

    server.handler = nothing_heard
    run(place)
    check("a server that is refused sees no handshake that ended", isinstance(server.wait(), OSError), server.heard)
    server.handler = None

    client, ours = socket.socketpair()
    process = start(place, "--protocol=imap", stdin=ours, stdout=ours, stderr=ours)
    ours.close()
    client.shutdown(socket.SHUT_WR)
    out = read_all(client)
    check("where standard error is the stream it has the protocol's words alone",
          process.wait(PATIENCE) == 77 and out.count(b"\n") == 1 and out.startswith(b"* BYE"), out)

    server.handler = None
    command = shlex.split(lines_command(err)) + ["--yes"]
    check("what it tells to type is taken", certexc(*command[1:]).returncode == 0, command)
    accepted(server)


def lines_command(err):
    return err.strip().rsplit("decide: ", 1)[1]


def accepted(server):
    server.handler = hello
    status, out, err = run("localhost", str(server.port), data=b"a NOOP\r\nb LOGOUT\r\n")
    check("accepted: what server and client say, and no more", status == 0 and err == "" and
          out == b"* OK ready\r\n* got a NOOP\r\na OK done\r\n* got b LOGOUT\r\nb OK done\r\n", status, out, err)
    server.wait()


def other_certificates(server):
    place = server.place()
    server.handler = None
    server.certificate = "other"
    status, out, err = run(place, "--protocol=imap")
    check("a swapped certificate is refused as one", status == 77 and b"another certificate" in out, out)
    server.certificate = "expired"

    server.handler = hello
    process = start(place)
    check("the old one is accepted still", read_line_of(process) == b"* OK ready\r\n")
    ran = certexc("revoke", place)
    check("revoked", ran.returncode == 0, ran.stderr)
    server.handler = None
    status, out, err = run(place, "--protocol=imap")
    check("the next connection is refused", status == 77 and out.startswith(b"* BYE"), out)
    out, err = process.communicate(b"a LOGOUT\r\n", timeout=PATIENCE)
    check("the one that was open goes on", process.returncode == 0 and b"a OK done" in out, out, err)
    server.wait()

    denied = certexc("deny", place, "--yes")
    check("denied", denied.returncode == 0, denied.stderr)
    status, out, err = run(place, "--protocol=imap")
    check("a denial is refused with how to take it back", status == 77 and "certexc revoke " in err, err)
    back = certexc(*shlex.split(err.strip().rsplit("back: ", 1)[1])[1:])
    check("which works", back.returncode == 0, back.stderr)
    allow(server)


def read_line_of(process):
    return process.stdout.readline()


# -- how it ends -----------------------------------------------------------------------------------


def stands_still(sentence, process, seconds):
    """It does not end within so long, and takes no time of the processor for that."""
    def on_cpu():
        with open(f"/proc/{process.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    before = on_cpu()
    try:
        process.wait(seconds)
        check(sentence, False, "it ended")
    except subprocess.TimeoutExpired:
        check(sentence, on_cpu() - before < 0.03, on_cpu() - before, "s")


def ends(server):
    place = server.place()

    def says_and_closes(connection):
        connection.sendall(b"x" * 300000)
        connection.unwrap()

    def says_and_hangs_up(connection):
        connection.sendall(b"y" * 300000)
        connection.detach()  # the descriptor is left to the end of the process below

    def answers_after_the_end(connection):
        line = read_line(connection)
        # Nothing tells us of the client's end; what comes late comes.
        connection.settimeout(1)
        try:
            more = connection.recv(1)
        except TimeoutError:
            more = None
        connection.sendall(b"late " + line)
        connection.unwrap()
        return more

    def never_ends(connection):
        connection.sendall(b"hello\r\n")
        return read_all(connection)

    server.handler = says_and_closes
    process = start(place)
    out, err = process.stdout.read(), process.stderr.read()
    check("the server's end is ours, although the client's input is open", process.wait(PATIENCE) == 0 and
          out == b"x" * 300000 and err == b"", len(out), err)
    server.wait()

    def hangs_up(connection):
        connection.sendall(b"y" * 300000)
        plain = socket.socket(fileno=os.dup(connection.fileno()))
        plain.shutdown(socket.SHUT_RDWR)

    server.handler = hangs_up
    process = start(place)
    out = process.stdout.read()
    check("a server that hangs up without a farewell ends it, too", process.wait(PATIENCE) == 0 and
          out == b"y" * 300000, len(out))
    server.wait()

    server.handler = answers_after_the_end
    status, out, err = run(place, data=b"last words\r\n")
    check("the client's end is not passed on, and late answers are", status == 0 and out == b"late last words\r\n", out)
    check("the server saw no end", server.wait() is None, server.heard)

    server.handler = never_ends
    process = start(place)
    read_line_of(process)
    process.stdin.write(b"bye\r\n")
    process.stdin.close()
    begin = time.monotonic()
    stands_still("a server that never ends is waited for without work", process, 4)
    check("it is left after five seconds", process.wait(PATIENCE) == 0 and 4.9 < time.monotonic() - begin)
    check("and says what it heard, and a farewell", server.wait() == b"bye\r\n", server.heard)

    server.handler = never_ends
    process = start(place)
    check("a quiet connection", read_line_of(process) == b"hello\r\n")
    process.stdout.close()
    check("when nobody reads any more it leaves at once", process.wait(PATIENCE) == 0)
    server.wait()

    server.handler = never_ends
    process = start(place)
    read_line_of(process)
    process.stdin.write(b"QUIT\r\n")
    process.stdin.close()
    process.stdout.close()
    check("a client that does not wait for the answer", process.wait(PATIENCE) == 0)
    check("has its last words said all the same", server.wait() == b"QUIT\r\n", server.heard)

    server.handler = never_ends
    client, ours = socket.socketpair()
    process = start(place, stdin=ours, stdout=ours)
    ours.close()
    check("one socket as input and output", client.recv(100) == b"hello\r\n")
    client.close()
    check("is left at once when it is closed", process.wait(PATIENCE) == 0)
    server.wait()

    server.handler = never_ends
    shell = subprocess.run(["sh", "-c", 'exec "$0" tunnel "$1" <&- 2>&-', CERTEXC, place], capture_output=True,
                           timeout=PATIENCE)
    check("without standard input and error it takes no other descriptor for them", shell.returncode == 0 and
          shell.stdout == b"hello\r\n", shell)
    check("and sends nothing", server.wait() == b"", server.heard)


# -- much ------------------------------------------------------------------------------------------


def noise(size, seed):
    return b"".join(hashlib.sha256(b"%d %d" % (seed, i)).digest() for i in range(size // 32))


def much(server):
    place = server.place()
    there, back = noise(12 * MIB, 1), noise(12 * MIB, 2)

    def both_ways(connection):
        # Python's TLS objects are for one thread, so that it is done in turns: as much there as back.
        got = bytearray()
        connection.sendall(back[:65536])
        sent = 65536
        while len(got) < len(there):
            some = connection.recv(65536)
            if not some:
                break
            got += some
            connection.sendall(back[sent:len(got) + 65536])
            sent = max(sent, len(got) + 65536)
        connection.unwrap()
        return bytes(got)

    for what in ("pipes", "a socket"):
        server.handler = both_ways
        if what == "pipes":
            process = start(place)
            write, read = process.stdin.write, process.stdout
            close = process.stdin.close
        else:
            client, ours = socket.socketpair()
            process = start(place, stdin=ours, stdout=ours)
            ours.close()
            write, read, close = client.sendall, client.makefile("rb"), lambda: None

        def feed():
            for i in range(0, len(there), 100000):
                part = there[i:i + 100000]
                while part:
                    part = part[write(part) or len(part):]
            close()

        feeder = threading.Thread(target=feed)
        begin = time.monotonic()
        feeder.start()
        out = read.read()
        feeder.join(PATIENCE)
        check(f"12 MiB each way at once through {what}, byte for byte", process.wait(PATIENCE) == 0 and out == back and
              server.wait() == there, len(out), len(server.heard or b""))
        print(f"    {time.monotonic() - begin:.2f} s")

    def pours(connection):
        connection.sendall(4 * back)
        connection.unwrap()

    server.handler = pours
    process = start(place)
    select.select([process.stdout], [], [], PATIENCE)
    server_is_stuck(server)
    stands_still("a slow reader is waited for without work", process, 2)
    held = int(next(l for l in open(f"/proc/{process.pid}/status") if l.startswith("RssAnon")).split()[1])
    check("what a slow reader has not read is not held", held < 16384, held, "KiB")
    process.stdin.close()
    out = process.stdout.read()
    check("and a slow reader loses nothing", process.wait(PATIENCE) == 0 and out == 4 * back, len(out))
    server.wait()

    # As much as a pipe and a buffer hold, so that the server can go.
    server.handler = lambda connection: connection.sendall(back[:MIB // 8])
    process = start(place)
    server.wait()
    stands_still("so is one whose server has gone", process, 2)
    process.stdin.close()
    check("who loses nothing either", process.stdout.read() == back[:MIB // 8] and process.wait(PATIENCE) == 0)

    go = threading.Event()

    def reads_late(connection):
        connection.sendall(b"hello\r\n")
        go.wait(PATIENCE)
        got = b""
        while len(got) < len(there):
            some = connection.recv(65536)
            if not some:
                break
            got += some
        connection.unwrap()
        return got

    server.handler = reads_late
    process = start(place)
    read_line_of(process)
    os.set_blocking(process.stdin.fileno(), False)
    sent = 0
    while select.select([], [process.stdin], [], 0.5)[1]:
        sent += process.stdin.write(there[sent:sent + 65536])
    check("a server that does not read holds up the client", sent < len(there), sent)
    go.set()
    os.set_blocking(process.stdin.fileno(), True)
    process.communicate(there[sent:], timeout=PATIENCE)
    check("and gets all in the end", process.returncode == 0 and server.wait() == there, process.returncode)


def server_is_stuck(server):
    """Until nothing moves any more: what is on the way fills every buffer."""
    last = None
    while (now := outgoing(server.port)) != last or now == 0:
        last = now
        time.sleep(0.2)


def outgoing(port):
    """The bytes that the server's connections have not got rid of."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return sum(int(row[4].split(":")[0], 16) for row in rows if row[1].endswith(":%04X" % port))


# -- servers that lie ------------------------------------------------------------------------------


def says(*parts, then_tls=False):
    """In plain text: the first part at once, each other one after a line of the client's."""
    def plain(connection):
        connection.sendall(parts[0])
        for part in parts[1:]:
            read_line(connection)
            connection.sendall(part)
        return then_tls or wait_for_end(connection)
    return plain


def wait_for_end(connection):
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass
    return False


def endless(connection):
    try:
        for _ in range(16384):
            connection.sendall(b"* OK " + b"x" * 65531)
    except OSError:
        pass
    return False


def hangs_up_after(text):
    def plain(connection):
        connection.sendall(b"* OK ready\r\n")
        read_line(connection)
        connection.sendall(text)
        return False
    return plain


def harmless(text):
    return all(c == "\n" or c.isprintable() for c in text)


def liars(server):
    place = server.place()
    go_ahead = b"a OK go\r\n"
    for sentence, plain, want, word in (
            ("a greeting of a gigabyte without an end", endless, 76, "too long"),
            ("a server that never says anything", says(b""), 69, "in time"),
            ("a server that hangs up at once", lambda c: False, 76, "hung up"),
            ("a server that hangs up in the middle of STARTTLS", hangs_up_after(b"a O"), 76, "hung up"),
            ("a server that hangs up before the handshake", hangs_up_after(go_ahead), 76, "hung up"),
            ("NUL bytes in the greeting", says(b"* OK a\0b\r\n"), 76, "binary"),
            ("terminal escapes in the greeting", says(b"\x1b]0;evil\x07\x1b[2J\r\n"), 76, "\\u{1b}[2J"),
            ("terminal escapes in the refusal", says(b"* OK\r\n", b"a NO \x1b[2J\xff\xc2\x9b31m\r\n"), 76, "\\u{1b}"),
            ("PREAUTH before TLS", says(b"* PREAUTH hi\r\n"), 76, "PREAUTH"),
            ("text behind the go-ahead", says(b"* OK\r\n", go_ahead + b"* 1 EXISTS\r\n"), 76, "more text behind"),
            ("STARTTLS that is refused", says(b"* OK\r\n", b"a NO\r\n"), 76, "refuses STARTTLS"),
            ("plain text in the place of TLS", says(b"* OK\r\n", go_ahead, b"* OK plain\r\n"), 76, "")):
        server.plain = plain
        status, out, err = run(place, "--starttls=imap", "--timeout=2")
        check(f"{sentence}: {want}, in words that are harmless", status == want and word in err and harmless(err) and
              out.startswith(b"* BYE [ALERT] certexc: ") and out.isascii() and harmless(out.decode().replace("\r", "")) and
              out.count(b"\n") == 1, status, out, err)
    server.plain = says(b"* OK [ALERT] [CAPABILITY IMAP4 STARTTLS] we \x1b[2J\x9b are ready\r\n", go_ahead, then_tls=True)
    allow(server, "--starttls=imap")
    server.handler = hello_again
    status, out, err = run(place, "--starttls=imap", data=b"b LOGOUT\r\n")
    check("the greeting is said again, without codes and anything that moves a cursor", (status, err) == (0, "") and
          out == b"* OK we ?[2J? are ready\r\n* got b LOGOUT\r\nb OK done\r\n", status, out, err)
    server.wait()

    server.plain = says(b'"STARTTLS"\r\nOK\r\n', b"OK go\r\n", then_tls=True)
    server.handler = hello
    status, out, err = run(place, "--starttls=sieve", data=b"b LOGOUT\r\n")
    check("a server that greets again is not greeted for", out.startswith(b"* OK ready\r\n"), out)
    server.wait()

    esmtp = (b"220-mail\r\n220 ready\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"220 go\r\n")
    for protocol in ("smtp", "lmtp"):
        server.plain = says(*esmtp, then_tls=True)
        server.handler = hello_again
        status, out, err = run(place, "--starttls=" + protocol, data=b"b LOGOUT\r\n")
        check(f"{protocol}: all lines of the greeting are said again", out.startswith(b"220-mail\r\n220 ready\r\n* got"),
              status, out, err)
        server.wait()
    server.plain = None


def hello_again(connection):
    line = read_line(connection)
    connection.sendall(b"* got " + line + line.split()[0] + b" OK done\r\n")
    connection.unwrap()


# -- people ----------------------------------------------------------------------------------------


class Agent:
    def __init__(self):
        self.process = subprocess.Popen([CERTEXC, "agent", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.n_prompts = 0
        self.next("ready")

    def next(self, event="prompt"):
        while True:
            prompt = json.loads(self.process.stdout.readline())
            self.n_prompts += prompt.get("event") == "prompt"
            if prompt.get("event") == event:
                return prompt

    def answer(self, prompt, choice):
        answer = {"number": prompt["number"], "shown_sha256": prompt["shown_sha256"], "choice": choice}
        self.process.stdin.write(json.dumps(answer) + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


def people(server):
    place = server.place()
    certexc("revoke", place)
    agent = Agent()
    server.handler = hello

    begin = time.monotonic()
    status, out, err = run(place, "--protocol=smtp", "--wait=1")
    check("an agent that does not answer: refused for now, in time", status == 77 and out.startswith(b"421 4.7.0 certexc: ") and
          "Nobody answered in time" in err and time.monotonic() - begin < 10, status, out, err)
    agent.next()

    one, two = start(place), start(place)
    prompt = agent.next()
    agent.answer(prompt, "allow")
    for process in (one, two):
        out, err = process.communicate(b"a LOGOUT\r\n", timeout=PATIENCE)
        check("an agent that allows: it goes on", process.returncode == 0 and b"a OK done" in out, out, err)
    check("two connections are one question", agent.n_prompts == 2, agent.n_prompts)
    certexc("revoke", place)

    process = start(place, "--protocol=pop3")
    agent.answer(agent.next(), "not-now")
    out, err = process.communicate(timeout=PATIENCE)
    check("an agent that dismisses: refused for now", process.returncode == 77 and out.startswith(b"-ERR [SYS/TEMP] "), out)
    agent.end()
    allow(server)


def no_daemon(server):
    place = server.place()
    server.handler = hello
    process = start(place)
    check("a connection is there", read_line_of(process) == b"* OK ready\r\n")
    os.kill(int(os.environ["DAEMON_PID"]), signal.SIGKILL)
    server.handler = nothing_heard
    status, out, err = run(place, "--protocol=smtp")
    check("without a daemon nothing is passed on: 69, to be tried again", status == 69 and
          out.startswith(b"421 4.7.0 certexc: ") and "cannot be reached" in err, status, out, err)
    process_out, _ = process.communicate(b"a LOGOUT\r\n", timeout=PATIENCE)
    check("what was judged before goes on", process.returncode == 0 and b"a OK done" in process_out, process_out)


def statuses(server):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
    for sentence, arguments, want in (
            ("no host", (), 64), ("too much", ("a", "993", "c"), 64), ("two ports", ("a:1", "2"), 64),
            ("an option that is none", ("a", "--nonsense"), 64), ("an option of others", ("a", "--yes"), 64),
            ("a port that is none", ("a", "nonsense"), 64), ("a protocol that is none", ("a", "--protocol=x"), 64),
            ("no time", ("a", "--wait=0"), 64), ("too much time", ("a", "--wait=601"), 64),
            ("a host that is none", ("does-not-exist.invalid",), 68), ("nothing listens", (f"127.0.0.1:{closed}",), 69),
            ("an address with a port", ("::1", str(closed)), 69)):
        status, out, err = run(*arguments)
        check(f"{sentence}: {want}", status == want and err.startswith("certexc: "), status, out, err)


def main():
    server = Server()
    statuses(server)
    refusals(server)
    other_certificates(server)
    ends(server)
    much(server)
    liars(server)
    people(server)
    no_daemon(server)


main()
os._exit(0)
