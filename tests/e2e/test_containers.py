# SPDX-License-Identifier: Apache-2.0
"""Whose connect it was: every kind of process in a container, and none that is in none."""

import concurrent.futures
import json
import pathlib
import socket
import subprocess

import pytest
from lib import engine as engines
from lib import expect, host, routes
from lib.watch import get

pytestmark = pytest.mark.once


def test_short_lived_container_has_its_name(route, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = engine.run(*route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode)


def test_forty_short_lived_containers_eight_at_a_time(route, engine, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(engine.run, *route.options, client=(route.path,)) for _ in range(40)]
        boxes = [job.result() for job in jobs]
    marker.settle(watch)
    for box in boxes:
        events = watch.events("socket-connect", box)
        assert len(events) == 1, f"{box.name} {box.id}: {events}\n{watch.report()}"
        expect.flagged(events[0], engine, box, route, mode)


def test_docker_exec(route, engine, boxes, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = boxes(*route.options, "-v", f"{engine.work_dir}:/told", sleeper=True)
    said = engines.unique("said")
    command = ["/bin/client", "-s", "-o", f"/told/{said}", route.path]
    engine.docker("exec", "-d", box.id, *command)
    truth = engine.wait_truth(box, f"{engine.work_dir}/{said}")
    assert truth["pid"] != 1

    event = watch.wait_for("socket-connect", box)

    expect.flagged(event, engine, box, route, mode, args=command, pid=engine.host_pid(box, truth["pid"]))


def test_docker_exec_into_a_container_that_ran_before(route, engine, boxes, docksnoop, mode):
    box = boxes(*route.options, sleeper=True)
    watch = docksnoop(mode=mode)
    truth = engine.exec(box, route.path)
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode, truth=truth)


def test_cgroup_parent(route, engine, boxes, docksnoop, mode):
    parent = engine.cgroup_parent()
    watch = docksnoop(mode=mode)
    box = boxes(*route.options, "--cgroup-parent", parent, client=("-s", route.path))
    engine.wait_truth(box)
    assert box.cgroup == f"{parent}/{box.id}"
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode, args=["/bin/client", "-s", route.path], pid=box.pid)


def test_user_of_the_process(route, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    gid = pathlib.Path(engine.socket).stat().st_gid
    box = engine.run(*route.options, "--user", f"1000:{gid or 0}", client=(route.path,))
    assert box.truth["uid"] == 1000
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode)


def test_labels_and_compose_names(route, engine, docksnoop, mode):
    labels = {"com.docker.compose.project": "edge", "com.docker.compose.service": "proxy", "team": "platform"}
    options = [argument for item in labels.items() for argument in ("--label", "=".join(item))]
    watch = docksnoop(mode=mode)
    box = engine.run(*route.options, *options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode)
    expect.fields(event, container__labels=labels)


def test_many_connects_of_one_container_are_all_there(route, engine, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = engine.run(*route.options, client=("-n", "50", route.path))
    assert box.truth["errors"] == [0] * 50
    marker.settle(watch)
    events = watch.events("socket-connect", box)
    assert sum(get(event, "docksnoop.count", 1) for event in events) == 50


def test_container_with_no_mount_reaches_nothing(engine, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = engine.run(client=("/run/docker.sock",))
    assert box.truth["errors"] == [2]
    event = watch.wait_for("socket-connect", box)
    expect.fields(event, event__outcome="failure", docksnoop__confidence="low", docksnoop__mount=None)
    marker.settle(watch)
    assert watch.events(container=box) == [event]


@pytest.fixture
def listener(scratch):
    """Listen in scratch, as a program that is no daemon: this very process."""
    with socket.socket(socket.AF_UNIX) as ours:

        def listen(name):
            ours.bind(f"{scratch}/{name}")
            ours.listen()

        yield listen


def test_connect_to_a_socket_that_is_no_daemons_flags_nothing(engine, marker, docksnoop, mode, scratch, listener):
    watch = docksnoop(mode=mode)
    listener("plain.sock")
    box = engine.run("-v", f"{scratch}:/hostrun", client=("/hostrun/plain.sock",))
    assert box.truth["errors"] == [0]
    marker.settle(watch)
    assert not watch.events(container=box)


def test_socket_with_a_daemons_name_is_watched_whoever_holds_it(engine, docksnoop, mode, scratch, listener):
    watch = docksnoop(mode=mode)
    listener("docker.sock")  # as systemd does for a daemon that it starts on demand
    route = routes.directory(str(scratch), "docker.sock")
    box = engine.run(*route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode, socket=f"{scratch}/docker.sock")


def run_on_host(engine, *arguments):
    """The client as a process of the host; its pid and what it said."""
    process = subprocess.Popen([engine.client, *arguments], stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate(timeout=30 * host.SLOW)
    return process.pid, json.loads(output)


def test_host_process_is_not_shown_by_default(engine, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    pid, truth = run_on_host(engine, engine.socket)
    assert truth["errors"] == [0]
    marker.settle(watch)
    assert not watch.events(process__pid=pid)
    assert not watch.events("socket-connect", docksnoop__verdict="host")


def test_host_process_is_shown_with_all(engine, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    pid, truth = run_on_host(engine, engine.socket)
    event = watch.wait_for("socket-connect", process__pid=pid)
    expect.host_process(event, engine, pid, truth, [engine.client, engine.socket], engine.client)


def test_container_is_flagged_with_all_too(route, engine, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    box = engine.run(*route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode)
