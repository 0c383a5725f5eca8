# SPDX-License-Identifier: Apache-2.0
"""Daemons that were there before, come later, come again, or are named by hand."""

import contextlib
import os
import pathlib
import socket
import subprocess

import pytest
from lib import engine as engines
from lib import expect, host, routes
from lib.watch import get

pytestmark = pytest.mark.once


@pytest.fixture
def waiting_box(engine, boxes):
    """Start a container whose client waits for go(), and then tries until it gets through."""

    def start(*options, path):
        name = engines.unique("waiting")
        command = ["-r", "-s", "-w", f"/told/{name}.go", "-o", f"/told/{name}.said", path]
        box = boxes("-v", f"{engine.work_dir}:/told", *options, client=command, name=name)
        box.args = ["/bin/client", *command]
        box.go = pathlib.Path(f"{engine.work_dir}/{name}.go").touch
        box.said = f"{engine.work_dir}/{name}.said"
        return box

    return start


def test_socket_is_found_without_being_named(engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    assert engine.socket in watch.armed
    assert mode in watch.armed
    started = watch.wait_for("monitor-started")
    sockets = get(started, "docksnoop.monitor.sockets")
    ours = [s for s in sockets if s["path"] == engine.socket]
    assert [s["daemon"] for s in ours] == ["docker"], sockets
    assert ours[0]["listener"] == {"pid": engine.daemon_pid, "name": "dockerd"}


def test_daemon_restart_opens_no_gap(engine, waiting_box, docksnoop, mode):
    route = routes.directory(engine.run_dir, "docker.sock")
    watch = docksnoop(mode=mode)
    box = waiting_box(*route.options, path=route.path)
    with engine.stopped():
        box.go()  # from now on it tries each millisecond
        engine.start()
        engine.wait_truth(box, box.said)
        event = watch.wait_for("socket-connect", box, event__outcome="success")
        expect.flagged(event, engine, box, route, mode, args=box.args, pid=box.pid)
        assert len(watch.events("socket-connect", box, event__outcome="success")) == 1


def test_after_a_restart_a_new_container_is_exposed_and_seen(engine, docksnoop, mode, route):
    watch = docksnoop(mode=mode)
    with engine.stopped():
        engine.start()
        box = engine.run(*route.options, client=(route.path,))
        event = watch.wait_for("socket-connect", box)
        expect.flagged(event, engine, box, route, mode)
        expect.fields(event, docksnoop__socket__listener={"pid": engine.daemon_pid, "name": "dockerd"})


def test_daemon_that_starts_later_is_seen_from_its_first_connect(engine, waiting_box, docksnoop, mode):
    with contextlib.closing(engines.Engine()) as later:
        route = routes.directory(later.run_dir, "docker.sock")
        box = waiting_box(*route.options, path=route.path)
        watch = docksnoop(mode=mode)
        assert later.socket not in watch.armed
        box.go()
        later.open()
        engine.wait_truth(box, box.said)
        # after each of its thousands of attempts, each told
        event = watch.wait_for("socket-connect", box, event__outcome="success", timeout=60)
        expect.flagged(event, engine, box, route, mode, args=box.args, pid=box.pid, socket=later.socket)
        # it was running when its daemon came
        exposed = watch.wait_for("socket-exposed", box, socket=later.socket)
        expect.mount_is(exposed, route)


@pytest.fixture
def listener(scratch):
    """A daemon that docksnoop cannot know: this very process."""
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(f"{scratch}/custom.sock")
        ours.listen(64)
        yield f"{scratch}/custom.sock"


def test_socket_option_names_a_custom_daemon(engine, scratch, listener, docksnoop, mode):
    watch = docksnoop("--socket", listener, mode=mode)
    assert listener in watch.armed and engine.socket in watch.armed
    route = routes.directory(str(scratch), "custom.sock")
    box = engine.run(*route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode, socket=listener, daemon="other")
    expect.fields(event, docksnoop__socket__listener={"pid": os.getpid(), "name": host.comm(os.getpid())})


def test_socket_option_names_a_socket_that_comes_later(engine, scratch, docksnoop, mode):
    path = f"{scratch}/later.sock"
    watch = docksnoop("--socket", path, mode=mode)
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(path)
        ours.listen(64)
        route = routes.directory(str(scratch), "later.sock")
        box = engine.run(*route.options, client=(route.path,))
        event = watch.wait_for("socket-connect", box)
        expect.flagged(event, engine, box, route, mode, socket=path, daemon="other")


def test_docksnoops_own_connects_never_appear(engine, marker, listener, docksnoop, mode):
    watch = docksnoop("--all", "--socket", listener, mode=mode)
    marker.settle(watch)
    with engine.stopped():
        engine.start()
        marker.settle(watch)
    assert not watch.events(process__pid=watch.pid)
    assert not watch.events(process__name="docksnoop")


@pytest.mark.once
def test_data_root_on_a_disk_that_hangs(engine, boxes, docksnoop, mode, scratch):
    """No connect waits for it, and names are back when it is."""
    directory = routes.directory(engine.run_dir, "docker.sock")
    library = str(scratch / "slow.so")
    source = pathlib.Path(__file__).with_name("slow.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, str(source)], check=True)
    hangs = scratch / "hangs"
    watch = docksnoop(
        mode=mode, loss_is_fine=True,
        wrap=["env", f"LD_PRELOAD={library}", f"SLOW_SWITCH={hangs}", f"SLOW_PART={engine.dir}/data/containers"],
    )
    hangs.touch()
    made = []
    for _ in range(4):
        box = boxes(*directory.options, client=("-s", directory.path))
        event = watch.wait_for("socket-connect", box, timeout=10)
        assert get(event, "container.id") == box.id
        assert get(event, "docksnoop.verdict") == "flagged"
        made.append(event)
    assert [get(e, "container.name") for e in made] == [None] * 4
    lost = watch.wait_for("events-lost")
    assert (get(lost, "docksnoop.lost.kind"), get(lost, "docksnoop.lost.place")) == ("name", "slow-disk")
    hangs.unlink()
    box = boxes(*directory.options, client=("-s", directory.path))
    event = watch.wait_for("socket-connect", box)
    assert get(event, "container.name") == box.name
    assert watch.stop() == 0
