# SPDX-License-Identifier: Apache-2.0
"""No way round: however a container's process gets to the socket, it is seen and rightly blamed.

Two containers serve all routes, because starting one takes its time: routes.c runs in them
and starts a process for each route, which stays until it was looked at.
"""

import contextlib
import copy
import json
import os
import platform
import re
import socket
import time

import pytest
from lib import engine as engines
from lib import expect, host, routes
from lib.place import Place, build_routes
from lib.watch import Watch, get

pytestmark = pytest.mark.once

SOCKET = "/hostrun/docker.sock"
LONGEST = 108  # sun_path of sockaddr_un, unix(7)


@pytest.fixture(scope="module")
def program(engine):
    return build_routes(engine)


@pytest.fixture(scope="module")
def place(engine, program):
    """The socket is there by its directory alone."""
    with contextlib.closing(Place(engine, program, "-v", f"{engine.run_dir}:/hostrun")) as ours:
        yield ours


# What docker takes as a target and what is told by it must be the same.
TARGETS = {
    "plain": "/run/docker.sock",
    "second": "/tmp/second.sock",
    "spaces": "/odd/a name with  spaces ",
    "quotes": "/odd/\"quoted\" it's `here`$(x)",
    "unicode": "/odd/gefäß-鯨.sock",
    "backslash": "/odd/back\\slash\\040",
    "newline": "/odd/new\nline",
    "escape": "/odd/\x1b[31mred\x07",
    "below-tmpfs": "/tmpfs/deep/x.sock",
}


@pytest.fixture(scope="module")
def crowded_place(engine, program):
    """The same socket under many names: the client's spelling tells which it used."""
    options = [option for target in TARGETS.values() for option in ("-v", f"{engine.socket}:{target}")]
    with contextlib.closing(Place(engine, program, "--tmpfs", "/tmpfs", *options)) as ours:
        yield ours


@pytest.fixture(scope="module")
def stage(engine, program):
    """For decoys, and to be renamed."""
    options = ["-v", f"{program}:/usr/bin/dockerd:ro", "--tmpfs", "/var/run", "-v", f"{engine.run_dir}:/hostrun"]
    with contextlib.closing(Place(engine, program, *options)) as ours:
        yield ours


@pytest.fixture(scope="module")
def loose_place(engine, program):
    """For what changes how its mounts look."""
    options = ["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined", "-v", f"{engine.run_dir}:/hostrun"]
    with contextlib.closing(Place(engine, program, *options)) as ours:
        yield ours


@pytest.fixture(scope="module")
def watches(validator):
    """One for each mode, started when it is first needed: tests are not run mode by mode."""
    started = {}

    def get_one(mode):
        if mode not in started:
            started[mode] = Watch(mode=mode, validator=validator)
            started[mode].wait_for("monitor-started")
        return started[mode]

    with contextlib.ExitStack() as stack:
        yield get_one
        for one in started.values():
            stack.callback(one.close)


@pytest.fixture
def watch(watches, mode):
    return watches(mode)


@pytest.fixture
def seen(watch, marker):
    """Call it for a container's connects since the beginning of the test, all of them."""
    before = get(watch.all_events()[-1], "event.sequence")

    def since(box):
        marker.settle(watch)
        return [e for e in watch.events("socket-connect", box) if get(e, "event.sequence") > before]

    return since


def by_directory(engine):
    return routes.directory(engine.run_dir, "docker.sock")


def by_target(engine, target):
    return routes.Mount([], target, "socket-bind", engine.socket, target)


def check(events, place, actor, mount, mode, name="client", args=None, **fields):
    """Exactly one connect, flagged, and all that it says is so."""
    assert len(events) == 1, events
    event = copy.deepcopy(events[0])
    assert get(event, "process.name") == name
    event["process"]["name"] = "client"  # what expect.flagged() knows
    expect.flagged(
        event, place.engine, place.box, mount, mode, truth=actor.truth, args=args or actor.args, pid=actor.pid,
    )
    expect.fields(event, **fields)


# The route's arguments, and the path that the kernel was given.
SPELLINGS = {
    "plain": (("connect", SOCKET), SOCKET),
    "relative": (("connect", "docker.sock", "/hostrun"), "docker.sock"),
    "dots": (("connect", "/tmp/..//hostrun/./../hostrun/docker.sock"), "/tmp/..//hostrun/./../hostrun/docker.sock"),
    "longest": (("connect", SOCKET.rjust(LONGEST, "/")), SOCKET.rjust(LONGEST, "/")),
    "longest-relative": (("connect", ("./" * 60 + "docker.sock")[-LONGEST + 1:], "/hostrun"),
                         ("./" * 60 + "docker.sock")[-LONGEST + 1:]),
    "symlink": (("symlink", SOCKET, "/tmp/link"), "/tmp/link"),
    "hard-link": (("hardlink", SOCKET, "/hostrun/hard"), "/hostrun/hard"),
    "root-of-self": (("connect", f"/proc/self/root{SOCKET}"), f"/proc/self/root{SOCKET}"),
    "root-of-first": (("connect", f"/proc/1/root{SOCKET}"), f"/proc/1/root{SOCKET}"),
    "length-ends-it": (("exact", SOCKET, "XXXX"), SOCKET),
    "length-ends-it-at-edge": (("edge", SOCKET), SOCKET),
    "nonblocking": (("nonblock", SOCKET), SOCKET),
    "vfork": (("vfork", SOCKET), SOCKET),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_whatever_path_is_spelled(spelling, place, seen, mode):
    arguments, path = SPELLINGS[spelling]
    with place.take(*arguments) as actor:
        assert actor.truth["error"] == 0
        check(
            seen(place.box), place, actor, by_directory(place.engine), mode,
            docksnoop__socket__client_path=path, process__thread=None,
        )


def test_path_of_a_descriptor(place, seen, mode):
    with place.take("descriptor", SOCKET) as actor:
        events = seen(place.box)
        check(events, place, actor, by_directory(place.engine), mode)
        assert re.fullmatch(r"/proc/self/fd/\d+", get(events[0], "docksnoop.socket.client_path"))


@pytest.mark.parametrize("route", ["thread", "leaderless"])
def test_thread_that_is_not_the_first(route, place, seen, mode):
    with place.take(route, SOCKET) as actor:
        assert actor.truth["tid"] != actor.truth["pid"]
        events = seen(place.box)
        check(
            events, place, actor, by_directory(place.engine), mode, docksnoop__socket__client_path=SOCKET,
        )
        assert get(events[0], "process.thread.id") in [int(tid) for tid in os.listdir(f"/proc/{actor.pid}/task")]
        assert get(events[0], "process.thread.id") != actor.pid


@pytest.fixture
def hard_link():
    """Make one of the socket in the directory that a place has for itself."""
    with contextlib.ExitStack() as cleanup:

        def link(place):
            path = place.dir / "hard.sock"
            os.link(place.engine.socket, path)
            cleanup.callback(path.unlink)
            return routes.directory(str(place.dir), path.name, "/place")

        yield link


def test_hard_link_in_another_mount(place, hard_link, seen, mode):
    mount = hard_link(place)
    with place.take("connect", mount.path) as actor:
        assert actor.truth["error"] == 0
        check(seen(place.box), place, actor, mount, mode, docksnoop__socket__client_path=mount.path)


def test_hard_link_alone(engine, program, hard_link, seen, mode):
    with contextlib.closing(Place(engine, program)) as place:
        mount = hard_link(place)
        with place.take("connect", mount.path) as actor:
            assert actor.truth["error"] == 0
            check(seen(place.box), place, actor, mount, mode, docksnoop__socket__client_path=mount.path)


def forget_mounts():
    """Wait until a mount table that docksnoop remembers is too old to be used (user/exposure/reach.c)."""
    time.sleep(1.1)


def test_own_root_directory(loose_place, seen, mode):
    forget_mounts()
    with loose_place.take("chroot", "/docker.sock", "/hostrun") as actor:
        assert actor.truth["error"] == 0
        check(
            seen(loose_place.box), loose_place, actor, by_directory(loose_place.engine), mode,
            docksnoop__socket__client_path="/docker.sock",
        )


def test_root_directory_of_another_process(loose_place, seen, mode):
    forget_mounts()
    with loose_place.take("chroot", "/docker.sock", "/hostrun"), loose_place.take("connect", SOCKET) as actor:
        check(
            seen(loose_place.box)[1:], loose_place, actor, by_directory(loose_place.engine), mode,
            docksnoop__socket__client_path=SOCKET,
        )


def test_own_namespaces(place, seen, mode):
    with place.take("unshare", SOCKET) as actor:
        assert actor.truth["error"] == 0
        actor.truth.update(uid=0, gid=0)  # as the host counts
        check(
            seen(place.box), place, actor, by_directory(place.engine), mode, docksnoop__socket__client_path=SOCKET,
        )


def test_own_mount_in_own_namespaces(place, seen, mode):
    with place.take("unshare-bind", SOCKET, "/tmp/own.sock") as actor:
        assert actor.truth["error"] == 0
        actor.truth.update(uid=0, gid=0)
        check(
            seen(place.box), place, actor, by_target(place.engine, "/tmp/own.sock"), mode,
            docksnoop__socket__client_path="/tmp/own.sock",
        )


def test_own_mount_of_a_moment_ago(loose_place, seen, mode):
    mount = by_target(loose_place.engine, f"/tmp/{mode}.sock")
    with loose_place.take("connect", SOCKET), loose_place.take("bind", SOCKET, mount.path) as actor:
        assert actor.truth["error"] == 0
        check(
            seen(loose_place.box)[1:], loose_place, actor, mount, mode, docksnoop__socket__client_path=mount.path,
        )


def test_mount_namespace_of_a_thread(loose_place, seen, mode):
    mount = by_target(loose_place.engine, f"/tmp/{mode}-thread.sock")
    with loose_place.take("thread-bind", SOCKET, mount.path) as actor:
        assert actor.truth["error"] == 0
        assert actor.truth["ns"]["mnt"] != os.stat(f"/proc/{actor.pid}/ns/mnt").st_ino
        check(
            seen(loose_place.box), loose_place, actor, mount, mode, docksnoop__socket__client_path=mount.path,
        )


@pytest.mark.parametrize("target", TARGETS)
def test_clients_spelling_tells_one_mount_of_many(target, crowded_place, seen, mode):
    path = TARGETS[target]
    with crowded_place.take("connect", path) as actor:
        assert actor.truth["error"] == 0
        check(
            seen(crowded_place.box), crowded_place, actor, by_target(crowded_place.engine, path), mode,
            docksnoop__socket__client_path=path,
        )


I386 = ["int80", "socketcall"] if platform.machine() == "x86_64" else []


@pytest.mark.parametrize("route", I386)
def test_32_bit_system_call(route, place, seen, mode):
    with place.take(route, SOCKET) as actor:
        assert actor.truth["error"] == 0
        check(
            seen(place.box), place, actor, by_directory(place.engine), mode, docksnoop__socket__client_path=SOCKET,
        )


@pytest.mark.parametrize("route", ["uring", "uring-async", "uring-sqpoll"])
def test_io_uring(route, place, seen, mode):
    with place.take(route, SOCKET) as actor:
        assert actor.truth["error"] == 0
        events = seen(place.box)
        worker = route != "uring"
        check(
            events, place, actor, by_directory(place.engine), mode,
            docksnoop__socket__client_path=SOCKET,
            docksnoop__io_uring=True if worker else None,
        )
        assert (get(events[0], "process.thread.id") is not None) == worker


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[2J\x1b[31mred", "dockerd", "docksnoop", "kworker/0:1", "  "])
def test_process_that_calls_itself_something_else(name, place, seen, mode):
    with place.take("rename", SOCKET, name) as actor:
        check(seen(place.box), place, actor, by_directory(place.engine), mode, name=name)


def test_arguments_of_64_kilobytes(place, seen, mode):
    with place.take("connect", SOCKET, "/", "x" * 65536) as actor:
        events = seen(place.box)
        kept = get(events[0], "process.args") if events else []
        assert kept[:4] == actor.args[:4] and set(kept[4]) == {"x"} and 900 < len(kept[4]) < 65536
        check(events, place, actor, by_directory(place.engine), mode, args=kept)
        assert "process.args" in get(events[0], "docksnoop.truncated")


def test_address_that_another_thread_changes(place, seen, mode):
    with place.take("racing", SOCKET, "20") as actor:
        events = seen(place.box)
        assert len(events) == 20
        for event in events:
            check([event], place, actor, by_directory(place.engine), mode)
            path = get(event, "docksnoop.socket.client_path")
            assert path == SOCKET or mode == "tracepoint" and path == f"{SOCKET[:-1]}X"


def test_seqpacket_to_a_stream_socket_is_a_failed_connect(place, seen, mode):
    with place.take("seqpacket", SOCKET) as actor:
        events = seen(place.box)
        if mode == "tracepoint":
            assert not events
        else:
            assert len(events) == 1
            expect.flagged(
                events[0], place.engine, place.box, by_directory(place.engine), mode, truth=actor.truth,
                args=actor.args, pid=actor.pid, error=actor.truth["error"],
            )


def test_seqpacket_socket_with_a_daemons_name(place, seen, mode):
    path = f"{place.dir}/docker.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as ours, contextlib.ExitStack() as cleanup:
        ours.bind(path)
        cleanup.callback(os.unlink, path)
        ours.listen()
        actor = cleanup.enter_context(place.take("seqpacket", "/place/docker.sock"))
        assert actor.truth["error"] == 0
        events = seen(place.box)
        assert len(events) == 1
        mount = routes.directory(str(place.dir), "docker.sock", "/place")
        expect.flagged(
            events[0], place.engine, place.box, mount, mode, truth=actor.truth, args=actor.args, pid=actor.pid,
            socket=path,
        )


@pytest.mark.parametrize("listener", [engines.CLIENT, "/usr/bin/dockerd"])
@pytest.mark.parametrize("route", ["decoy", "left-decoy"])
def test_decoy_in_a_container_is_not_the_hosts(route, listener, stage, seen, mode):
    engine, box = stage.engine, stage.box
    with stage.take(route, "/var/run/docker.sock", program=listener) as actor:
        assert actor.truth["error"] == 0
        event, = seen(box)
        expect.container_is(event, engine, box)
        expect.fields(
            event, process__pid=actor.pid, docksnoop__verdict=None, event__kind="event", event__severity=21,
            docksnoop__socket__scope="nested", docksnoop__socket__path="/var/run/docker.sock",
        )
        # and the host's own, from there, is the host's still
        with stage.take("connect", SOCKET) as other:
            check(seen(box)[1:], stage, other, by_directory(engine), mode, docksnoop__socket__scope="host")


def test_volumes_from(engine, place, boxes, seen, mode):
    box = boxes("--volumes-from", place.box.id, client=("connect", SOCKET))
    box.truth = json.loads(host.wait_until(lambda: engine.docker("logs", box.id), 10, "the client's answer"))
    events = seen(box)
    assert len(events) == 1
    expect.flagged(
        events[0], engine, box, by_directory(engine), mode, args=["/bin/client", "connect", SOCKET], pid=box.pid,
    )
    expect.fields(events[0], docksnoop__socket__client_path=SOCKET)


def test_restarted_container_and_one_that_took_its_name(engine, program, seen, mode):
    options = ["-v", f"{engine.run_dir}:/hostrun"]
    name = engines.unique("phoenix")
    first = Place(engine, program, *options, name=name)
    with contextlib.closing(first):
        with first.take("connect", SOCKET) as actor:
            check(seen(first.box), first, actor, by_directory(engine), mode)
        engine.docker("restart", "-t", "0", first.box.id)
        with first.take("connect", SOCKET) as actor:
            check(seen(first.box)[1:], first, actor, by_directory(engine), mode)
    second = Place(engine, program, *options, name=name)
    assert second.box.id != first.box.id
    with contextlib.closing(second), second.take("connect", SOCKET) as actor:
        check(seen(second.box), second, actor, by_directory(engine), mode)
        assert len(seen(first.box)) == 2


def test_renamed_container_has_its_new_name_soon(engine, stage, seen, mode):
    with stage.take("connect", SOCKET) as actor:
        check(seen(stage.box), stage, actor, by_directory(engine), mode)
    stage.box.name = engines.unique("renamed")
    engine.docker("rename", stage.box.id, stage.box.name)
    time.sleep(2)
    with stage.take("connect", SOCKET) as actor:
        check(seen(stage.box)[1:], stage, actor, by_directory(engine), mode)
