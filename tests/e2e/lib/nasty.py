# SPDX-License-Identifier: Apache-2.0
"""Byte streams of requests, valid ones and others, made from a seed.

Every request has a name of its own in its query (c=...), also those that are only bytes of
another's body, so that a server's log says which were executed. Nothing in them changes a
daemon: what is created names an image that does not exist.
"""

import json
import random
import re
from dataclasses import dataclass, field


@dataclass
class Request:
    name: str
    method: bytes = b"GET"
    path: bytes = b"/version"
    version: bytes = b"HTTP/1.1"
    headers: list = field(default_factory=lambda: [b"Host: docker"])
    body: bytes = b""
    framed: bytes = None  # the body as it is sent, when that is not the body
    eol: bytes = b"\r\n"
    before: bytes = b""
    blank: bytes = b" "
    end: bytes = None

    @property
    def target(self):
        return self.path + (b"&" if b"?" in self.path else b"?") + b"c=" + self.name.encode()

    def bytes(self):
        line = self.method + self.blank + self.target + b" " + self.version
        lines = [line, *self.headers]
        head = self.before + b"".join(part + self.eol for part in lines) + (self.eol if self.end is None else self.end)
        return head + (self.body if self.framed is None else self.framed)

    def header(self, line):
        self.headers.append(line)

    def without(self, name):
        self.headers = [h for h in self.headers if not h.lower().startswith(name)]


def _create(request):
    request.method, request.path = b"POST", b"/containers/create"
    request.body = json.dumps({"Image": "docksnoop-none:1", "Labels": {"c": request.name}}).encode()
    request.header(b"Content-Type: application/json")


def _inner(request):
    """A request that is no request."""
    return b"GET /version?c=inner-" + request.name.encode() + b" HTTP/1.1\r\nHost: docker\r\n\r\n"


def _length(request, value, body=None):
    request.without(b"content-length")
    request.header(b"Content-Length: " + value)
    if body is not None:
        request.framed = body


def _chunks(request, rng, size=b"%x", extension=b"", eol=b"\r\n", last=b"0\r\n", trailer=b"\r\n", end=b"\r\n"):
    request.without(b"content-length")
    request.header(b"Transfer-Encoding: chunked")
    rest, out = request.body or _inner(request), b""
    while rest:
        n = rng.randint(1, len(rest))
        out += size % n + extension + eol + rest[:n] + end
        rest = rest[n:]
    request.framed = out + last + trailer


# What is done to a request; the name is what a difference is explained by.
TRICKS = {
    # valid for Go
    "lf": lambda r, g: setattr(r, "eol", b"\n"),
    "absolute": lambda r, g: setattr(r, "path", g.choice([b"http://x", b"ftp://y", b"HTTP://u@z:1"]) + r.path),
    "escaped": lambda r, g: setattr(r, "path", r.path.replace(b"e", b"%65").replace(b"n", b"%6E")),
    "versioned": lambda r, g: setattr(r, "path", b"/v1.40" + r.path),
    "http10": lambda r, g: setattr(r, "version", b"HTTP/1.0"),
    "http10-keep": lambda r, g: (setattr(r, "version", b"HTTP/1.0"), r.header(b"Connection: Keep-Alive")),
    "http10-hostless": lambda r, g: (setattr(r, "version", b"HTTP/1.0"), r.without(b"host"), r.header(b"Connection: keep-alive")),
    "http1.7": lambda r, g: setattr(r, "version", b"HTTP/1.7"),
    "close": lambda r, g: r.header(g.choice([b"Connection: close", b"connection: x, CLOSE", b"Connection: foo close"])),
    "close-second": lambda r, g: r.headers.extend([b"Connection: x", g.choice([b"Connection: a,close", b"Connection: a close"])]),
    "fold": lambda r, g: r.header(b"X: a\r\n b\r\n\tc"),
    "fold-blank": lambda r, g: r.header(b"X: a\r\n \r\n\t"),
    "fold-length": lambda r, g: _length(r, b"\r\n %d" % len(r.body)),
    "nameless": lambda r, g: r.header(b": x"),
    "high-bytes": lambda r, g: r.header(b"X: \xff\x80"),
    "large": lambda r, g: r.header(b"X: " + b"y" * g.choice([4000, 4096, 9000, 70000])),
    "many": lambda r, g: r.headers.extend([b"X-%d: y" % i for i in range(120)]),
    "no-blank": lambda r, g: r.headers.extend([b"X:y", b"Y:\t z \t"]),
    "length-twice": lambda r, g: r.headers.extend([b"content-length: %d" % len(r.body)] * 2) if not r.body else r.header(b"content-length:%d" % len(r.body)),
    "length-zeros": lambda r, g: _length(r, b"000%d" % len(r.body)),
    "length-empty": lambda r, g: r.header(b"Content-Length:") if not r.body else None,
    "body-in-get": lambda r, g: _length(r, b"%d" % len(_inner(r)), _inner(r)) if not r.body else None,
    "inner": lambda r, g: _length(r, b"%d" % len(r.body + _inner(r)), r.body + _inner(r)),
    "chunked": lambda r, g: _chunks(r, g),
    "chunked-case": lambda r, g: _chunks(r, g, size=b"0%X"),
    "chunked-extension": lambda r, g: _chunks(r, g, extension=g.choice([b";a", b";a=\"b\" ", b";" + b"x" * 3000])),
    "chunked-blank": lambda r, g: _chunks(r, g, extension=b" \t"),
    "chunked-lf": lambda r, g: _chunks(r, g, eol=b"\n"),
    "chunked-trailer": lambda r, g: _chunks(r, g, trailer=b"A: b\r\n c\r\nGET /version?c=no HTTP/1.1: x\r\n\r\n"),
    "chunked-lf-trailer": lambda r, g: _chunks(r, g, trailer=b"\n"),
    "chunked-length": lambda r, g: (_chunks(r, g), r.header(b"Content-Length: 3")),
    "chunked-http10": lambda r, g: (_chunks(r, g), setattr(r, "version", b"HTTP/1.0"), r.header(b"Connection: keep-alive")),
    "chunk-empty": lambda r, g: _chunks(r, g, last=b"\r\n"),
    "continue": lambda r, g: r.header(b"Expect: 100-Continue"),
    "upgrade": lambda r, g: r.headers.extend([b"Connection: Upgrade", b"Upgrade: tcp"]),
    "options": lambda r, g: (setattr(r, "method", b"OPTIONS")),
    "head": lambda r, g: (setattr(r, "method", b"HEAD"), setattr(r, "path", b"/_ping")) if not r.body else None,
    "odd-method": lambda r, g: setattr(r, "method", g.choice([b"get", b"X-Y", b"M!#$"])),
    "attach": lambda r, g: (setattr(r, "path", b"/containers/docksnoop-none/attach"), setattr(r, "method", b"POST"), r.headers.extend([b"Connection: Upgrade", b"Upgrade: tcp"])),
    "newlines-after": lambda r, g: (r.body or _create(r), setattr(r, "framed", r.body + g.choice([b"\r\n", b"\n\n", b"\r\n\r\n"]))),
    # refused
    "newlines-before": lambda r, g: setattr(r, "before", g.choice([b"\r\n", b"\n", b" "])),
    "host-twice": lambda r, g: r.header(b"Host: docker"),
    "hostless": lambda r, g: r.without(b"host"),
    "host-odd": lambda r, g: (r.without(b"host"), r.header(g.choice([b"Host: a b", b"Host: a/b", b"Host: a\r\n b"]))),
    "host-empty": lambda r, g: (r.without(b"host"), r.header(b"Host:")),
    "space-colon": lambda r, g: r.header(b"X : y"),
    "colonless": lambda r, g: r.header(b"colonless"),
    "first-folded": lambda r, g: r.headers.insert(0, b" X: y"),
    "nul": lambda r, g: r.header(b"X: a\0b"),
    "control": lambda r, g: r.header(g.choice([b"X: a\x01", b"X: a\x7f", b"X: a\rb", b"X: a\r"])),
    "name-odd": lambda r, g: r.header(g.choice([b"X(: y", b"X\xff: y", b"\rX: y"])),
    "length-plus": lambda r, g: _length(r, b"+%d" % len(r.body)),
    "length-minus": lambda r, g: _length(r, b"-1"),
    "length-list": lambda r, g: _length(r, b"%d, %d" % (len(r.body), len(r.body))),
    "length-differs": lambda r, g: r.headers.extend([b"Content-Length: %d" % len(r.body), b"Content-Length: 0%d" % len(r.body)]),
    "length-huge": lambda r, g: _length(r, b"9223372036854775808"),
    "coding-unknown": lambda r, g: r.header(b"Transfer-Encoding: " + g.choice([b"gzip", b"identity", b"chunked, chunked", b"xchunked"])),
    "coding-twice": lambda r, g: (_chunks(r, g), r.header(b"Transfer-Encoding: chunked")),
    "coding-folded": lambda r, g: r.header(b"Transfer-Encoding: chunked\r\n "),
    "trailer-bad": lambda r, g: (_chunks(r, g), r.header(b"Trailer: x, Content-Length")),
    "chunk-size": lambda r, g: _chunks(r, g, size=g.choice([b"0x%x", b"+%x", b" %x", b"%xg", b"00000000000000000%x"])),
    "chunk-end": lambda r, g: _chunks(r, g, end=g.choice([b"\n", b"", b"x\r\n"])),
    "chunk-blank": lambda r, g: _chunks(r, g, extension=b" ;x"),
    "chunk-line": lambda r, g: _chunks(r, g, extension=b";" + b"x" * 5000),
    "expectation": lambda r, g: r.header(b"Expect: more"),
    "version-odd": lambda r, g: setattr(r, "version", g.choice([b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 ", b"HTTP/1,1"])),
    "blanks": lambda r, g: setattr(r, "blank", g.choice([b"  ", b"\t", b" \t"])),
    "method-odd": lambda r, g: setattr(r, "method", g.choice([b"GE(T", b"", b"G\0T", b"G\xc3T"])),
    "target-odd": lambda r, g: setattr(r, "path", g.choice([b"version", b"/version%zz", b"/ver\x01sion", b"http://a:b/version", b"http://a^/version", b":/version", b"/version%2"])),
    "cr-line": lambda r, g: setattr(r, "version", r.version + b"\r"),
    "preface": lambda r, g: setattr(r, "before", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "connect": lambda r, g: (setattr(r, "before", b"CONNECT x:1 HTTP/1.1\r\n\r\n")),
    "too-large": lambda r, g: r.header(b"X: " + b"y" * g.choice([1 << 20, (1 << 20) + 5000])),
    "cut": lambda r, g: setattr(r, "end", b""),
}


@dataclass
class Stream:
    data: bytes
    tricks: set
    pieces: list  # how it is sent


def _request(name, rng, tricks):
    request = Request(name)
    if rng.random() < 0.4:
        _create(request)
    else:
        request.path = rng.choice([b"/version", b"/containers/json", b"/containers/json?all=1"])
    done = []
    for trick in rng.sample(sorted(TRICKS), rng.choice([0, 1, 1, 1, 2])) if tricks is None else tricks:
        TRICKS[trick](request, rng)
        done.append(trick)
    framed = any(h.lower().startswith((b"content-length", b"transfer-encoding")) for h in request.headers)
    if request.body and not framed:
        request.header(b"Content-Length: %d" % len(request.body))
    return request, done


EDITS = [bytes([c]) for c in b"\r\n\t\0\x7f\xff :;,/%0159aAGP+-."] + [b"\r\n", b"\r\n\r\n", b"\n\n", b" HTTP/1.1\r\n"]


def _edit(data, rng):
    """A few bytes put in, taken out or replaced, mostly where they matter."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        near = [m.start() for m in re.finditer(rb"[\r\n :]", data)]
        if rng.random() < 0.7:
            at = min(len(data), max(0, rng.choice(near) + rng.randint(-1, 1)))
        gone = rng.choice([0, 0, 1, 1, 2])
        data = data[:at] + (rng.choice(EDITS) if rng.random() < 0.8 else b"") + data[at + gone:]
    return data


def streams(seed, count):
    """Each trick alone between two plain requests, then what chance makes, a part of it edited."""
    rng = random.Random(seed)
    alone = sorted(TRICKS)
    for number in range(count):
        requests, tricks = [], set()
        for k in range(3 if number < len(alone) else rng.randint(1, 4)):
            wanted = None
            if number < len(alone):
                wanted = [alone[number]] if k == 1 else []
            request, done = _request(f"{seed}-{number}.{k}", rng, wanted)
            requests.append(request)
            tricks.update(done)
        data = b"".join(request.bytes() for request in requests)
        if number >= len(alone) and rng.random() < 0.5:
            data = _edit(data, rng)
            tricks.add("edited")
        cuts = sorted(rng.randrange(len(data)) for _ in range(rng.choice([0, 0, 1, 3])))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)]) if a < b]
        yield Stream(data, tricks, pieces)
