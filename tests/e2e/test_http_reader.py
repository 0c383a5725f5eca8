# SPDX-License-Identifier: Apache-2.0
"""The reader of HTTP against two that serve it: what did they execute, what does it say?"""

import json
import pathlib
import re
import socket
import struct
import subprocess

import pytest
from lib import host, nasty

pytestmark = pytest.mark.once

SEED = 4
STREAMS = 400


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Bytes of connections, and what the reader says of each."""
    program = tmp_path_factory.mktemp("reader") / "http_reader"
    parts = ("answers", "body", "conversation", "header", "line", "pending", "request", "requests", "target")
    sources = [pathlib.Path(__file__).with_name("http_reader.c"), *(host.ROOT / f"user/http/{name}.c" for name in parts)]
    subprocess.run(
        ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", f"-I{host.ROOT}", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=undefined", "-o", program, *sources],
        check=True,
    )

    def read(connections, piece):
        records = b""
        for asked, answered in connections:
            for kind, data in ((b">", asked), (b"<", answered), (b".", b"")):
                records += kind + struct.pack("<I", len(data)) + data
        result = subprocess.run([program, str(piece)], input=records, capture_output=True, timeout=120 * host.SLOW)
        assert result.returncode == 0, result.stderr.decode()
        said = [[] for _ in connections]
        for line in result.stdout.splitlines():
            exchange = json.loads(line)
            for name in ("method", "target", "body"):
                exchange[name] = bytes.fromhex(exchange[name])
            said[exchange["connection"]].append(exchange)
        return said

    return read


def converse(path, stream):
    """Send it all, say that it is all, and return what comes back until the server closes."""
    answered = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30 * host.SLOW)
        client.connect(path)
        try:
            for piece in stream.pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, OSError):
            pass  # it was refused, and closed
        while True:
            try:
                data = client.recv(65536)
            except ConnectionResetError:
                break
            if not data:
                break
            answered += data
    return answered


def statuses(answered):
    """Of the final answers, by a reader that knows of no requests."""
    found, at = [], 0
    while at < len(answered):
        end = answered.index(b"\r\n\r\n", at) + 4
        head = answered[at:end].decode("latin-1").lower()
        status = int(head[9:12])
        at = end
        if status < 200:
            continue
        found.append(status)
        length = re.search(r"\r\ncontent-length: *(\d+)", head)
        if "\r\ntransfer-encoding: chunked" in head:
            while True:
                line = answered.index(b"\r\n", at)
                size = int(answered[at:line], 16)
                at = line + 2 + size + 2
                if size == 0:
                    break
        elif length:
            at += int(length[1])
        elif status not in (204, 304):
            break
    return found


def same_for_all_cuts(reader, connections):
    said = reader(connections, 1 << 30)
    for piece in (1, 7, 4096):
        assert reader(connections, piece) == said, f"in pieces of {piece}"
    return said


@pytest.fixture(scope="module")
def talkative(engine):
    """The daemon, saying in its log what it executes."""
    engine.stop()
    engine.start("--debug")
    yield engine
    engine.stop()
    engine.start()


CALLING = re.compile(r'msg="Calling (\S+) (.*)"$')
FORM = re.compile(r'msg="form data: (.*)"$')
ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)")


def unquoted(text):
    """Go's %q undone, into the bytes that it was made from."""
    def plain(match):
        kind = match[1][:1]
        if kind == b"x":
            return bytes([int(match[1][1:], 16)])
        if kind in b"uU":
            return chr(int(match[1][1:], 16)).encode()
        return {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(kind, kind)
    return ESCAPE.sub(plain, text.encode("utf-8", "surrogateescape"))


class Log:
    """What dockerd says since the last time that it was asked."""

    def __init__(self, path):
        self._path = pathlib.Path(path)
        self._at = self._path.stat().st_size

    def executed(self):
        """[method, target, the JSON object that came with it]"""
        with self._path.open("rb") as log:
            log.seek(self._at)
            text = log.read()
        self._at += len(text)
        called = []
        for line in text.decode("utf-8", "surrogateescape").splitlines():
            if match := CALLING.search(line):
                called.append([match[1].encode(), unquoted(match[2]), None])
            elif match := FORM.search(line):
                called[-1][2] = json.loads(unquoted(match[1]))
        return called


def was_executed(exchange):
    return exchange["trouble"] not in ("malformed", "too-big")


def is_routed(exchange):
    """Dockerd's log has what its routes match; others it answers so."""
    return exchange["status"] not in (301, 404, 405)


def differences(exchanges, called, answered):
    problems = []
    got = [x for x in exchanges if was_executed(x)]
    left = list(got)
    for method, target, _ in called:
        while left and [left[0]["method"], left[0]["target"]] != [method, target]:
            if is_routed(left.pop(0)):
                problems.append("said, and not executed")
        if not left:
            problems.append(f"executed, and not said: {method} {target}")
            break
        left.pop(0)
    problems += ["said, and not executed" for x in left if is_routed(x)]
    codes = [x["status"] for x in exchanges]
    if codes != statuses(answered):
        problems.append(f"answers {statuses(answered)}, said {codes}")
    bodies = {x["target"]: x["body"] for x in got}
    for _, target, form in called:
        if form is not None and target in bodies and first_json(bodies[target]) != form:
            problems.append(f"body {form}, said {bodies[target]}")
    return problems


def first_json(body):
    try:
        return json.JSONDecoder().raw_decode(body.decode("utf-8", "replace").lstrip())[0]
    except ValueError:
        return None


def test_it_says_what_dockerd_executed(talkative, reader):
    log = Log(talkative.daemon_log)
    streams, connections, called = list(nasty.streams(SEED, STREAMS)), [], []
    for stream in streams:
        connections.append((stream.data, converse(talkative.socket, stream)))
        called.append(log.executed())
    wrong = []
    for stream, (_, answered), want, exchanges in zip(streams, connections, called, same_for_all_cuts(reader, connections)):
        if problems := differences(exchanges, want, answered):
            wrong.append(f"{sorted(stream.tricks)}: {problems}\n{stream.data[:1500]}\n{want}\n{exchanges}")
    assert not wrong, f"{len(wrong)} of {len(streams)}:\n" + "\n".join(wrong[:10])
    # It was worth the while.
    assert sum(map(len, called)) > STREAMS
    assert sum(form is not None for entries in called for _, _, form in entries) > STREAMS / 4


# One connection after the other; all of one is told at its end.
NODE = r"""
const http = require("http");
const server = http.createServer((request, response) => {
  const said = {method: request.method, target: Buffer.from(request.url, "latin1").toString("hex")};
  const body = [];
  request.socket.said.push(said);
  request.on("data", (data) => body.push(data));
  request.on("error", () => {});
  request.on("end", () => { said.body = Buffer.concat(body).toString("hex"); response.end(); });
});
server.on("connection", (socket) => {
  socket.said = [];
  socket.on("close", () => setImmediate(() => console.log(JSON.stringify(socket.said))));
});
server.on("clientError", (error, socket) => socket.destroy());
server.listen(process.argv[1], () => console.log("[]"));
"""


@pytest.fixture
def node(scratch):
    """Node's server: its socket, and what it says of the last connection."""
    path = f"{scratch}/node.sock"
    command = ["node", "--max-http-header-size=1052672", "-e", NODE, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "[]\n"
            yield path, lambda: json.loads(process.stdout.readline())
        finally:
            process.kill()


# Tricks of lib/nasty.py after which one of the two goes on, and the other has refused; measured
# with Node 18 and 20.
GO_GOES_ON = {
    "attach": "after a request with Upgrade Node reads no other",
    "chunk-empty": "no digits are 0 to Go before 1.22",
    "chunked-blank": "blanks behind a chunk's size",
    "chunked-extension": "blanks behind a chunk's extension",
    "chunked-length": "Content-Length and chunks",
    "chunked-lf": "LF alone behind a chunk's size",
    "chunked-lf-trailer": "LF alone after the last chunk",
    "chunked-trailer": "Go does not look at the names in a trailer",
    "connect": "CONNECT is Node's last request",
    "fold": "folded headers",
    "fold-blank": "folded headers",
    "fold-length": "folded headers",
    "http1.7": "Node knows 1.0 and 1.1",
    "length-empty": "a Content-Length of nothing is none to Go before 1.21",
    "length-twice": "two that are the same",
    "lf": "lines that end in LF alone",
    "nameless": "a header without a name",
    "odd-method": "Node knows a list of methods",
    "preface": "Go's handlers are given what a preface of HTTP/2 looks like",
    "too-large": "Go's limit is some bytes further on",
    "upgrade": "after a request with Upgrade Node reads no other",
}
NODE_GOES_ON = {
    "blanks": "several between the words of a request line",
    "chunk-line": "Go's buffer is an end for a chunk's line",
    "chunk-size": "any number of zeros, not 16 digits",
    "chunked-http10": "Go knows no chunks in HTTP/1.0, and reads requests where they are",
    "close": "'foo close' is one word to Node",
    "coding-unknown": "Node reads to the end of the connection",
    "expectation": "Node answers 417 and goes on",
    "first-folded": "a first header that continues nothing, before Node 20",
    "host-odd": "Node does not look into Host",
    "host-twice": "nor at how many there are",
    "hostless": "Node answers 400 and goes on",
    "length-huge": "64 bits, not 63",
    "name-odd": "a CR before a name, before Node 20",
    "newlines-after": "any number of them, not four",
    "newlines-before": "also before the first request",
    "space-colon": "before Node 20",
    "target-odd": "Node does not look into targets",
    "trailer-bad": "Node does not look into Trailer",
    "version-odd": "Node knows HTTP/2.0 and 0.9",
}


def test_it_reads_as_node_does_where_both_accept(node, reader):
    path, last = node
    streams, served = list(nasty.streams(SEED, STREAMS)), []
    for stream in streams:
        converse(path, stream)
        served.append([(x["method"].encode(), bytes.fromhex(x["target"]), x.get("body")) for x in last()])
    wrong, same = [], 0
    for stream, theirs, exchanges in zip(streams, served, same_for_all_cuts(reader, [(s.data, b"") for s in streams])):
        ours = [(x["method"], x["target"], x["body"].hex() if x["whole"] else None) for x in exchanges if was_executed(x)]
        # The same requests with the same bodies, as far as both got.
        for their, our in zip(theirs, ours):
            bodies = {their[2], our[2]} - {None}
            if their[:2] == our[:2] and len(bodies) < 2:
                same += 1
            elif not (b" HTTP/1.0" in stream.data and b"Transfer-Encoding" in stream.data):
                wrong.append(f"{sorted(stream.tricks)}: Node {their}, said {our}\n{stream.data[:1500]}")
            else:
                break
        known = {-1: GO_GOES_ON, 0: stream.tricks, 1: NODE_GOES_ON}[(len(theirs) > len(ours)) - (len(theirs) < len(ours))]
        # Which byte a trick's own is, edits leave open.
        if len(theirs) != len(ours) and "edited" not in stream.tricks and not stream.tricks & set(known):
            wrong.append(f"{sorted(stream.tricks)}: Node {theirs}, said {ours}\n{stream.data[:1500]}")
    assert not wrong, f"{len(wrong)} of {len(streams)}:\n" + "\n".join(wrong[:10])
    assert same > STREAMS / 2
