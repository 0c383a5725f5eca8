# SPDX-License-Identifier: Apache-2.0
"""What a daemon was asked: each request once, graded, with its answer, whoever sends it how."""

import contextlib
import json
import pathlib
import random
import re
import socket
import uuid

import pytest
from lib import engine as engines
from lib import expect, host
from lib.asker import SOCKET, Asker, build_asks, request
from lib.watch import get

SEED = 4


@pytest.fixture(scope="module")
def program(engine):
    return build_asks(engine)


@pytest.fixture(scope="module")
def asker(engine, program):
    with contextlib.closing(Asker(engine, program)) as ours:
        yield ours


@pytest.fixture
def watch(docksnoop, mode):
    return docksnoop(mode=mode)


def seen(watch, box, count):
    """That many requests of a container, in the order in which they were asked."""
    events = watch.wait_for("api-request", box, count=count, timeout=40)
    return sorted([events] if count == 1 else events, key=lambda event: event["@timestamp"])


def brief(event):
    return (
        get(event, "http.request.method"), get(event, "docksnoop.request.endpoint"),
        get(event, "http.response.status_code"), get(event, "docksnoop.request.grade"),
    )


def alone(watch, asker, marker, *wanted):
    """Its requests are these, each once and no others; they are what is returned."""
    events = seen(watch, asker.box, len(wanted))
    marker.settle(watch)
    assert len(watch.events("api-request", asker.box)) == len(wanted), watch.report()
    assert [brief(event) for event in events] == list(wanted)
    return events


PING = ("GET", "/_ping", 200, "probe")


def test_request_is_told_with_all_that_is_known(engine, asker, watch, mode):
    body = json.dumps({"Image": engines.IMAGE, "Cmd": ["/bin/true"], "HostConfig": {"Privileged": True, "Binds": ["/:/h"]}})
    name = engines.unique("made")
    asker.ask([request("POST", f"/v1.41/containers/create?name={name}", body.encode(), close=True)])
    event = seen(watch, asker.box, 1)[0]
    made = engine.docker("inspect", "-f", "{{.Id}}", name)
    engine.docker("rm", name)
    expect.container_is(event, engine, asker.box)
    expect.fields(
        event, event__kind="alert", event__severity=99, event__outcome="success", docksnoop__verdict="flagged",
        docksnoop__mode=mode, url={"path": "/v1.41/containers/create", "query": f"name={name}"}, process__name="asks",
        http={"request": {"method": "POST"}, "response": {"status_code": 201}},
        docksnoop__socket__path=engine.socket, docksnoop__mount__via="directory-bind",
        docksnoop__request={
            "grade": "takeover", "reasons": ["privileged", "binds /, which holds the socket"],
            "endpoint": "/containers/create", "object": name, "api_version": "1.41", "created_container_id": made,
            "complete": True,
        },
    )
    connect = watch.events("socket-connect", asker.box)[-1]
    assert get(event, "docksnoop.connection") == get(connect, "docksnoop.connection")
    assert get(event, "process.pid") == get(connect, "process.pid")


CHUNKED = (
    b"POST /containers/nobody/stop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"22\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\n\r\n"
)
SPELLINGS = {
    "in one write": ([request("GET", "/_ping")], [PING]),
    "byte by byte": ([bytes([b]) for b in request("GET", "/_ping")], [PING]),
    "each byte read": ([x for b in request("GET", "/_ping") for x in (bytes([b]), ",")], [PING]),
    "many at once": ([request("GET", "/_ping") * 20], [PING] * 20),
    "header, then body": (
        [request("POST", "/containers/nobody/exec", b'{"Cmd":["x"]}')[:-13], ",", b'{"Cmd":["x"]}'],
        [("POST", "/containers/{}/exec", 404, "exec")],
    ),
    "a request within a chunk": ([CHUNKED], [("POST", "/containers/{}/stop", 404, "write")]),
    "lines that end in LF": ([b"GET /_ping HTTP/1.1\nHost: x\n\n"], [PING]),
    "an absolute target": ([request("GET", "ftp://y/_ping")], [PING]),
    "a target in percents": ([request("GET", "/%5fp%69ng")], [PING]),
    "HTTP/1.0": ([b"GET /_ping HTTP/1.0\r\n\r\n"], [PING]),
    "a large body": (
        [request("POST", "/containers/create", json.dumps({"Image": "none:1", "Cmd": ["x" * 200_000]}).encode())],
        [("POST", "/containers/create", 404, "write")],
    ),
    "a body that is too large": (
        [request("POST", "/containers/create", json.dumps({"Image": "none:1", "Cmd": ["x" * 400_000]}).encode())],
        [("POST", "/containers/create", 404, "takeover")],
    ),
    "HTTP/2": ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)], [(None, None, None, "opaque")]),
    "no HTTP": ([b"\x00\x01\x02hello\r\n\r\n"], [(None, None, 400, "unknown")]),
}


@pytest.mark.once
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_does_not_matter(spelling, asker, marker, watch):
    pieces, wanted = SPELLINGS[spelling]
    asker.ask([*pieces, ";"])
    events = seen(watch, asker.box, len(wanted))
    marker.settle(watch)
    assert len(watch.events("api-request", asker.box)) == len(wanted), watch.report()
    for event, want in zip(events, wanted):
        assert brief(event)[3] == want[3], watch.report()
        assert want[0] is None or brief(event) == want, watch.report()


def test_answer_that_the_client_does_not_read(engine, asker, watch):
    name = engines.unique("made")
    body = json.dumps({"Image": engines.IMAGE, "Cmd": ["/bin/true"]}).encode()
    with asker.start() as process:
        process.stdin.write(request("POST", f"/containers/create?name={name}", body).hex() + "\n")
        process.stdin.flush()
        event = seen(watch, asker.box, 1)[0]
        process.stdin.write("!\n")
        process.communicate(timeout=20 * host.SLOW)
    made = engine.docker("inspect", "-f", "{{.Id}}", name)
    engine.docker("rm", name)
    expect.fields(event, http__response__status_code=201, docksnoop__request__created_container_id=made)


def test_client_that_is_gone_at_once(asker, watch):
    asker.ask([request("GET", "/version"), ",", "!"])
    event = seen(watch, asker.box, 1)[0]
    assert brief(event)[:2] == ("GET", "/version")


def test_hijacked_stream_is_no_request(engine, asker, marker, watch):
    """What is typed into a container's program may look like one."""
    box = engine.start_box(client=("-s", "/nowhere"))
    exec_body = json.dumps({"AttachStdin": True, "AttachStdout": True, "Cmd": ["/bin/cat"]}).encode()
    with socket.socket(socket.AF_UNIX) as client:  # the exec is made by the host: only its stream is the container's
        client.connect(engine.socket)
        client.sendall(request("POST", f"/containers/{box.id}/exec", exec_body, close=True))
        answer = b""
        while part := client.recv(65536):
            answer += part
    number = json.loads(answer[answer.index(b"{"):answer.rindex(b"}") + 1])["Id"]
    start = request("POST", f"/exec/{number}/start", b'{"Detach":false,"Tty":false}', ["Upgrade: tcp", "Connection: Upgrade"])
    asker.ask([start, "?", request("POST", "/containers/create", b"{}") * 3, "?", ";"])
    engine.remove(box)
    alone(watch, asker, marker, ("POST", "/exec/{}/start", 101, "exec"))


def test_who_made_whom(engine, program, asker, boxes, watch):
    """A makes B through the socket, B makes C: what C does tells of both."""

    def make(by, name):
        body = json.dumps({
            "Image": engines.IMAGE, "Cmd": ["/bin/sleep", "3600"], "NetworkDisabled": True,
            "HostConfig": {"Binds": [f"{engine.run_dir}:/hostrun", f"{program}:/bin/asks:ro"], "NetworkMode": "none"},
        }).encode()
        create = request("POST", f"/containers/create?name={name}", body)
        by.ask([create, "?", request("POST", f"/containers/{name}/start", close=True)])
        made = Asker.__new__(Asker)
        made.engine, made.box = engine, engines.Box(engine.docker("inspect", "-f", "{{.Id}}", name), name, 0)
        return made

    second = make(asker, engines.unique("second"))
    third = make(second, engines.unique("third"))
    try:
        third.ask([request("GET", "/_ping", close=True)])
        event = seen(watch, third.box, 1)[0]
        connect = watch.events("socket-connect", third.box)[0]
    finally:
        engine.remove(second.box, third.box)
    wanted = {"id": second.box.id, "name": second.box.name, "created_by": {"id": asker.box.id, "name": asker.box.name}}
    assert get(event, "docksnoop.created_by") == get(connect, "docksnoop.created_by") == wanted
    made = [e for e in watch.events("api-request", second.box) if get(e, "docksnoop.request.created_container_id")]
    assert [get(e, "docksnoop.request.created_container_id") for e in made] == [third.box.id]


def test_connection_from_before(asker, docksnoop, mode):
    """Its requests from the next one on."""
    first = docksnoop(mode=mode)
    with asker.start() as process:
        process.stdin.write(request("GET", "/_ping").hex() + "\n?\n")
        process.stdin.flush()
        seen(first, asker.box, 1)
        watch = docksnoop(mode=mode)
        process.stdin.write(request("GET", "/version").hex() + "\n?\n" + request("GET", "/info").hex() + "\n.\n")
        process.stdin.close()
        watch.wait_for("api-request", asker.box, docksnoop__request__endpoint="/info")
        process.kill()
    known = [e for e in watch.events("api-request", asker.box) if get(e, "docksnoop.request.endpoint")]
    assert [brief(e) for e in known] == [("GET", "/version", 200, "probe"), ("GET", "/info", 200, "probe")]
    assert get(known[0], "docksnoop.connection") == get(watch.events("socket-connect", asker.box)[0], "docksnoop.connection")


@pytest.mark.once
def test_without_requests(asker, marker, docksnoop, mode):
    watch = docksnoop("--no-requests", mode=mode)
    asker.ask([request("GET", "/_ping", close=True)])
    watch.wait_for("socket-connect", asker.box)
    marker.settle(watch)
    assert not watch.events("api-request")


@pytest.mark.once
def test_secrets_are_nowhere(asker, docksnoop, mode, scratch):
    """Each is another one, so that one that got out can be told."""
    secrets = []

    def secret():
        secrets.append(uuid.uuid4().hex)
        return secrets[-1]

    def asks():
        body = json.dumps({
            "Image": "none:1", "Env": [f"PASSWORD={secret()}"], "Labels": {"x": secret()}, "eNv": [secret()],
            "HostConfig": {"Privileged": True},
        }).encode()
        headers = [f"{name}: {secret()}" for name in ("X-Registry-Auth", "X-Registry-Config", "Authorization", "x-REGISTRY-auth")]
        arguments = '{"TOKEN":"%s"}' % secret()
        return [
            request("POST", "/containers/create", body, headers),
            request("POST", "/containers/create", f'{{"Env":["A={secret()}"'.encode()),
            request("POST", f"/images/create?fromSrc=https://user:{secret()}@localhost:1/x", headers=headers),
            request("POST", f"/build?remote=https%3A%2F%2Fuser%3A{secret()}%40localhost%3A1&buildargs={arguments}", headers=headers),
            request("POST", "/auth", json.dumps({"username": "u", "password": secret()}).encode()),
            request("GET", "/_ping", headers=[f"Authorization: Basic {secret()}\r\n {secret()}"], close=True),
        ]

    path = scratch / "events"
    watches = [docksnoop("--file", str(path), mode=mode), docksnoop(mode=mode, json=False)]
    asker.ask(*[[one, ";"] for one in asks()])
    seen(watches[0], asker.box, 6)
    watches[1].wait_text(b"/_ping")
    for watch in watches:
        watch.stop()
    said = path.read_text() + "".join(w.text().decode() + w.stderr for w in watches)
    assert "/containers/create" in said and len(secrets) == len(set(secrets)) == 14
    assert [one for one in secrets if one in said] == []


# A thousand


def mixed(dice, numbers):
    """A request, what it must come out as: method, endpoint, grade."""
    name = f"nobody{next(numbers)}"
    create = {"Image": "none:1", "Cmd": ["x"]}
    binds = {"HostConfig": {"Binds": ["/etc:/x"]}}
    return dice.choice([
        lambda: (request("GET", f"/_ping?{name}"), "GET", "/_ping", "probe"),
        lambda: (request("HEAD", f"/v1.41/_ping?{name}"), "HEAD", "/_ping", "probe"),
        lambda: (request("GET", f"/v1.41/containers/{name}/json"), "GET", "/containers/{}/json", "sensitive-read"),
        lambda: (request("GET", f"/containers/{name}/logs?stdout=1"), "GET", "/containers/{}/logs", "sensitive-read"),
        lambda: (request("GET", f"/v1.40/images/a/b/{name}/json"), "GET", "/images/{}/json", "read"),
        lambda: (request("GET", f"/networks/{name}"), "GET", "/networks/{}", "read"),
        lambda: (request("POST", f"/containers/{name}/start"), "POST", "/containers/{}/start", "write"),
        lambda: (request("DELETE", f"/v1.41/containers/{name}?force=1"), "DELETE", "/containers/{}", "write"),
        lambda: (request("POST", f"/containers/{name}/exec", b'{"Cmd":["sh"]}'), "POST", "/containers/{}/exec", "exec"),
        lambda: (request("POST", f"/containers/{name}/exec", b'{"privileged":true}'), "POST", "/containers/{}/exec", "takeover"),
        lambda: (request("POST", f"/containers/create?name={name}", json.dumps(create).encode()), "POST", "/containers/create", "write"),
        lambda: (request("POST", f"/v1.41/containers/create?name={name}", json.dumps(create | binds).encode()),
                 "POST", "/containers/create", "takeover"),
        lambda: (request("PUT", f"/containers/{name}/archive?path=/", b"x" * dice.randint(1, 20_000)),
                 "PUT", "/containers/{}/archive", "write"),
    ])()


def pieces(dice, data):
    """The bytes of a connection, sent in one of the ways there are."""
    kind = dice.random()
    if kind < 0.4:
        return [data]
    if kind < 0.5 and len(data) < 3000:
        return [bytes([b]) for b in data]
    cuts = sorted(dice.randrange(1, len(data)) for _ in range(dice.randint(1, 5)))
    out = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)]) if a < b]
    return [x for piece in out for x in (piece, ",")] if kind < 0.7 else out


def test_a_thousand_requests_of_four_containers(engine, program, docksnoop, mode):
    """Each once, in order for each connection, as the daemon's own log has them."""
    total = 1000 if host.SLOW == 1 else 200
    dice = random.Random(SEED)
    numbers = iter(range(10_000_000))
    watch = docksnoop(mode=mode)
    log = pathlib.Path(engine.daemon_log)
    before = log.stat().st_size
    with contextlib.ExitStack() as stack:
        askers = [stack.enter_context(contextlib.closing(Asker(engine, program))) for _ in range(4)]
        wanted = {asker.box.id: [] for asker in askers}
        running = []
        for asker in askers:
            lines = []
            while sum(map(len, wanted[asker.box.id])) < total // 4:
                left = total // 4 - sum(map(len, wanted[asker.box.id]))
                asked = [mixed(dice, numbers) for _ in range(min(left, dice.randint(1, 12)))]
                wanted[asker.box.id].append([(method, endpoint, grade) for _, method, endpoint, grade in asked])
                data = b"".join(bytes_ for bytes_, *_ in asked)
                lines += [p.hex() if isinstance(p, bytes) else p for p in pieces(dice, data)] + [";", "."]
            process = stack.enter_context(asker.start())
            process.stdin.write("".join(f"{line}\n" for line in lines))
            process.stdin.close()
            process.stdin = None
            running.append(process)
        for process in running:
            _, errors = process.communicate(timeout=120 * host.SLOW)
            assert process.returncode == 0, errors
        for box, connections in wanted.items():
            watch.wait_for("api-request", box, count=sum(map(len, connections)), timeout=60)
    watch.stop()
    for box, connections in wanted.items():
        opened = [get(e, "docksnoop.connection") for e in watch.events("socket-connect", box)]
        assert len(opened) == len(set(opened)) == len(connections)
        events = watch.events("api-request", box)
        for connection, asked in zip(opened, connections):
            told = [e for e in events if get(e, "docksnoop.connection") == connection]
            assert [(brief(e)[0], brief(e)[1], brief(e)[3]) for e in told] == asked
            assert all(get(e, "docksnoop.request.complete") for e in told)
            assert all(get(e, "http.response.status_code") for e in told)
        assert len(events) == sum(map(len, connections))
    calls = re.findall(r'msg="Calling (\w+) ([^"]*nobody\d+[^"]*)"', log.read_bytes()[before:].decode(errors="replace"))
    told = [
        (get(e, "http.request.method"), get(e, "url.path") + ("?" + get(e, "url.query") if get(e, "url.query") else ""))
        for box in wanted for e in watch.events("api-request", box)
    ]
    assert sorted(told) == sorted(calls) and len(calls) == total
