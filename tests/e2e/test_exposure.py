# SPDX-License-Identifier: Apache-2.0
"""A container that could connect is named before it does."""

import concurrent.futures

import pytest
from lib import expect, host, routes
from lib.watch import get

pytestmark = pytest.mark.once


def expose_once(watch, marker, engine, box, route):
    event = watch.wait_for("socket-exposed", box, socket=engine.socket)
    route.read_only = host.mount_is_read_only(box.pid, route.path)
    expect.exposed(event, engine, box, route)
    marker.settle(watch)
    assert len(watch.events("socket-exposed", box, socket=engine.socket)) == 1
    assert not watch.events("socket-connect", box)


@pytest.mark.parametrize("route", routes.KINDS, indirect=True)
def test_container_that_starts_is_exposed_though_it_never_connects(route, marker, engine, boxes, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = boxes(*route.options, sleeper=True)
    expose_once(watch, marker, engine, box, route)


@pytest.mark.parametrize("route", routes.KINDS, indirect=True)
def test_container_that_runs_already_is_exposed(route, marker, engine, boxes, docksnoop, mode):
    box = boxes(*route.options, sleeper=True)
    watch = docksnoop(mode=mode)
    expose_once(watch, marker, engine, box, route)


def test_exec_into_a_container_does_not_expose_it_again(route, marker, engine, boxes, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = boxes(*route.options, sleeper=True)
    watch.wait_for("socket-exposed", box, socket=engine.socket)
    engine.docker("exec", box.id, "/bin/true")
    marker.settle(watch)
    assert len(watch.events("socket-exposed", box, socket=engine.socket)) == 1


def test_container_without_the_socket_is_not_exposed(marker, engine, boxes, docksnoop, mode, scratch):
    before = boxes("-v", f"{scratch}:/tmp/s", sleeper=True)
    watch = docksnoop(mode=mode)
    after = boxes("-v", f"{scratch}:/tmp/s", sleeper=True)
    marker.settle(watch)
    assert not watch.events(container=before)
    assert not watch.events(container=after)


def test_container_half_set_up_is_not_taken_for_one_with_the_hosts_root(engine, docksnoop, mode):
    # Before its runtime has changed its root, a container's first process still sees the host's
    # files: no look at what is there already may fall for that.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(engine.run, client=("/nowhere",)) for _ in range(24)]
        watches = []
        while not all(job.done() for job in jobs):
            watch = docksnoop(mode=mode)
            watches.append(watch)
            watch.stop()
    ids = {job.result().id for job in jobs}
    exposed = [event for watch in watches for event in watch.events() if get(event, "container.id") in ids]
    assert not exposed, f"{len(exposed)} of {len(ids)} containers: {exposed[0]}"
