# SPDX-License-Identifier: Apache-2.0
"""A connection that another has opened: its first use by somebody else is told, with both sides."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess

import pytest
from lib import engine as engines
from lib import expect, host
from lib.place import Place, build_program, host_pid
from lib.watch import get

SOCKET = "/hostrun/docker.sock"
PROGRAM = "/bin/handoff"


@pytest.fixture(scope="module")
def program(engine):
    return build_program(engine, "handoff")


@pytest.fixture(scope="module")
def places(engine, program):
    """One that has the socket, and one that has not."""
    options = ("-v", f"{program}:{PROGRAM}:ro", "-v", f"{engine.work_dir}:/told")
    routes = build_program(engine, "routes")
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(contextlib.closing(Place(engine, routes, *options, *more)))
            for more in (("-v", f"{engine.run_dir}:/hostrun"), ())
        ]


@pytest.fixture
def giver(engine, places):
    return places[0]


@pytest.fixture
def taker(engine, places):
    return places[1]


def connect(engine):
    client = socket.socket(socket.AF_UNIX)
    client.connect(engine.socket)
    return client


@contextlib.contextmanager
def offered(engine, client):
    """Hand the connection to the first who asks; gives the path to ask at."""
    name = engines.unique("offer")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{engine.work_dir}/{name}")
        server.listen(1)
        pid = os.fork()
        if not pid:
            socket.send_fds(server.accept()[0], [b"x"], [client.fileno()])
            os._exit(0)
        try:
            yield f"/told/{name}"
        finally:
            os.waitpid(pid, 0)


def handoff_is(event, engine, box, actor, mode):
    """All that is said of who uses it."""
    expect.fields(
        event, event__kind="alert", event__severity=73, event__outcome="success", docksnoop__verdict="flagged",
        docksnoop__mode=mode, docksnoop__mount__via="handoff", docksnoop__socket__path=engine.socket,
        docksnoop__socket__daemon="docker", docksnoop__socket__scope="host",
        docksnoop__socket__inode=os.stat(engine.socket).st_ino, docksnoop__attribution__by="cgroup",
    )
    expect.container_is(event, engine, box)
    expect.process_is(event, actor.truth, args=actor.args, pid=actor.pid, executable=PROGRAM)


def asked(watch, box, actor, handoff):
    """What it then asked is its own doing, and not that of who opened the connection."""
    event = watch.wait_for("api-request", box, docksnoop__request__endpoint="/_ping")
    expect.fields(
        event, http__request__method="GET", process__pid=actor.pid, docksnoop__mount__via="handoff",
        docksnoop__connection=get(handoff, "docksnoop.connection"), docksnoop__verdict="flagged",
    )


def opened_by_us(event, **more):
    expect.fields(
        event, docksnoop__opener__host=True, docksnoop__opener__process__pid=os.getpid(),
        docksnoop__opener__process__name=host.comm(os.getpid()), docksnoop__opener__container=None,
        docksnoop__opener__mnt=os.stat("/proc/self/ns/mnt").st_ino, **more,
    )
    assert f"host process {host.comm(os.getpid())}[{os.getpid()}]" in get(event, "event.reason")


@pytest.mark.parametrize("how", ["write", "splice", "uring"])
def test_connection_of_the_hosts_is_handed_to_a_container(engine, taker, marker, docksnoop, mode, how):
    watch = docksnoop("--all", mode=mode)
    with connect(engine) as client, offered(engine, client) as at, taker.take("take", at, how, program=PROGRAM) as actor:
        marker.settle(watch)
        (event,) = watch.events("socket-handoff", taker.box)
        asked(watch, taker.box, actor, event)
    handoff_is(event, engine, taker.box, actor, mode)
    opened_by_us(event, docksnoop__opener__already_open=None)
    opened = [e for e in watch.events("socket-connect") if get(e, "process.pid") == os.getpid()]
    assert get(event, "docksnoop.connection") in [get(e, "docksnoop.connection") for e in opened]


def test_connection_from_before_is_followed(engine, taker, marker, docksnoop, mode):
    with connect(engine) as client:
        watch = docksnoop(mode=mode)
        with offered(engine, client) as at, taker.take("take", at, "write", program=PROGRAM) as actor:
            marker.settle(watch)
            (event,) = watch.events("socket-handoff", taker.box)
            asked(watch, taker.box, actor, event)
    handoff_is(event, engine, taker.box, actor, mode)
    opened_by_us(event, docksnoop__opener__already_open=True)


def test_one_container_hands_it_to_another(engine, giver, taker, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    name = engines.unique("gift")
    with giver.take("give", SOCKET, f"/told/{name}", program=PROGRAM) as first:
        with taker.take("take", f"/told/{name}", "write", program=PROGRAM) as second:
            marker.settle(watch)
            (event,) = watch.events("socket-handoff", taker.box)
            (connected,) = watch.events("socket-connect", giver.box)
            asked(watch, taker.box, second, event)
    handoff_is(event, engine, taker.box, second, mode)
    expect.fields(
        event, docksnoop__opener__host=False, docksnoop__opener__container__id=giver.box.id,
        docksnoop__opener__container__name=giver.box.name, docksnoop__opener__process__pid=first.pid,
        docksnoop__connection=get(connected, "docksnoop.connection"),
    )
    assert f"opened by container {giver.box.name}" in get(event, "event.reason")


def test_process_that_takes_it_along_into_a_container(engine, taker, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    procs = [pathlib.Path(root) for root in host.cgroup_roots()]
    memberships = dict(
        line.split(":", 2)[1:] for line in pathlib.Path(f"/proc/{taker.box.pid}/cgroup").read_text().splitlines()
    )

    def move():
        for hierarchy in procs:
            names = "" if hierarchy.name in ("unified", "cgroup") else hierarchy.name
            path = memberships.get(names) or memberships.get(f"name={names}")
            if path and os.path.exists(f"{hierarchy}{path}/cgroup.procs"):
                pathlib.Path(f"{hierarchy}{path}/cgroup.procs").write_text(str(os.getpid()))

    with connect(engine) as client:
        command = ["nsenter", "-t", str(taker.box.pid), "-m", "-p", "--", PROGRAM, "use", str(client.fileno()), "write"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, pass_fds=[client.fileno()], preexec_fn=move,
        ) as process:
            truth = json.loads(process.stdout.readline())
            marker.settle(watch)
            (event,) = watch.events("socket-handoff", taker.box)
            os.kill(host_pid(truth), 9)
    expect.container_is(event, engine, taker.box)
    expect.fields(event, docksnoop__verdict="flagged", docksnoop__mount__via="handoff")
    opened_by_us(event)


def test_within_one_container_nothing_is_handed_over(engine, giver, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    with giver.take("share", SOCKET, "write", program=PROGRAM):
        marker.settle(watch)
    assert len(watch.events("socket-connect", giver.box)) == 1
    assert not watch.events("socket-handoff")


def test_handoff_in_words(engine, taker, docksnoop, mode):
    watch = docksnoop(json=False, mode=mode)
    with connect(engine) as client, offered(engine, client) as at:
        with taker.take("take", at, "write", program=PROGRAM) as actor:
            def lines():
                return [line for line in watch.text().decode().splitlines() if "connection of host" in line]

            (line,) = host.wait_until(lines, 10, "the handoff")
    assert line.split()[1] == "FLAGGED"
    for part in (taker.box.name, f"handoff[{actor.pid}]", f"[{os.getpid()}] -> docker {engine.socket}  handoff"):
        assert part in line
