# SPDX-License-Identifier: Apache-2.0
"""Connections from before docksnoop started are told of, once."""

import os

from lib import expect
from lib.watch import get


def holder(engine, boxes, route, *options):
    """A container that has connected, holds on to it, and stays."""
    box = boxes(*route.options, *options, client=("-k", "-s", route.path))
    assert engine.wait_truth(box)["errors"] == [0]
    return box


def test_connection_from_before_is_told_of(route, marker, engine, boxes, docksnoop, mode):
    group = os.stat(engine.socket).st_gid
    box = holder(engine, boxes, route, "--user", f"1000:{group}")
    watch = docksnoop(mode=mode)
    event = watch.wait_for("socket-connect", box)
    assert get(event, "docksnoop.already_open") is True
    expect.container_is(event, engine, box)
    expect.mount_is(event, route)
    expect.fields(
        event, event__kind="alert", docksnoop__verdict="flagged", docksnoop__socket__path=engine.socket,
        process__pid=box.pid, process__user__id="1000", process__group__id=str(group),
        process__args=["/bin/client", "-k", "-s", route.path],
    )
    assert "before docksnoop started" in get(event, "event.reason")
    marker.settle(watch)
    assert len(watch.events("socket-connect", box)) == 1


def test_connection_seen_being_made_is_not_called_old(route, marker, engine, boxes, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = holder(engine, boxes, route)
    event = watch.wait_for("socket-connect", box)
    assert get(event, "docksnoop.already_open") is None
    marker.settle(watch)
    assert len(watch.events("socket-connect", box)) == 1
