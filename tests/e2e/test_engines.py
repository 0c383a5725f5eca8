# SPDX-License-Identifier: Apache-2.0
"""Two daemons side by side: each has containers of its own, which may have the same names."""

import contextlib

import pytest
from lib import engine as engines
from lib import expect, routes

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def other(engine):
    """A second one, with another data root and another containerd."""
    with contextlib.closing(engines.Engine()) as ours:
        yield ours.open()


def test_containers_of_one_name_are_told_apart(engine, other, docksnoop, mode):
    watch = docksnoop(mode=mode)
    name = engines.unique("twin")
    assert engine.image_id != other.image_id
    twins = []
    try:
        for owner in (engine, other):
            route = routes.directory(owner.run_dir, "docker.sock")
            twins.append((owner, route, owner.start_box(*route.options, client=("-s", route.path), name=name)))
            owner.wait_truth(twins[-1][2])
        for owner, route, box in twins:
            event = watch.wait_for("socket-connect", box.id)
            expect.flagged(
                event, owner, box, route, mode, args=["/bin/client", "-s", route.path], pid=box.pid,
                socket=owner.socket,
            )
    finally:
        for owner, _, box in twins:
            owner.remove(box)


def test_container_of_one_daemon_at_the_others_socket(engine, other, docksnoop, mode):
    watch = docksnoop(mode=mode)
    route = routes.directory(engine.run_dir, "docker.sock")
    box = other.run(*route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, other, box, route, mode, socket=engine.socket)
    expect.fields(event, docksnoop__socket__listener={"pid": engine.daemon_pid, "name": "dockerd"})
