# SPDX-License-Identifier: Apache-2.0
"""However a container was given the socket, its connect is flagged and the mount named."""

import os

import pytest
from lib import expect, host, routes
from lib.watch import get

pytestmark = pytest.mark.once


@pytest.mark.parametrize("route", routes.KINDS, indirect=True)
def test_connect_is_flagged_and_its_mount_named(route, engine, boxes, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = boxes(*route.options, client=("-g", "-s", route.path))
    assert engine.wait_truth(box)["status"] == 200
    # "ro" does not reach mounts below the one that was asked for: the kernel knows
    route.read_only = host.mount_is_read_only(box.pid, route.path)

    event = watch.wait_for("socket-connect", box)

    expect.flagged(event, engine, box, route, mode, args=["/bin/client", "-g", "-s", route.path], pid=box.pid)
    expect.fields(
        event, docksnoop__socket__client_path=route.path, docksnoop__socket__scope="host",
        docksnoop__socket__listener={"pid": engine.daemon_pid, "name": "dockerd"},
    )
    if route.read_only:
        assert "read-only protects nothing" in event["message"]
    assert len(watch.events("socket-connect", box)) == 1


@pytest.mark.parametrize("route", ["directory"], indirect=True)
@pytest.mark.parametrize("way", ["relative", "descriptor", "thread"])
def test_connect_is_seen_whatever_path_the_client_spells(way, route, engine, boxes, docksnoop, mode):
    options = {
        "relative": ["-c", "/hostrun", "-s", "docker.sock"],
        "descriptor": ["-f", "-s", "/hostrun/docker.sock"],
        "thread": ["-t", "-s", "/hostrun/docker.sock"],
    }[way]
    watch = docksnoop(mode=mode)
    box = boxes(*route.options, client=options)
    truth = engine.wait_truth(box)

    event = watch.wait_for("socket-connect", box)

    expect.flagged(event, engine, box, route, mode, args=["/bin/client", *options], pid=box.pid)
    thread = get(event, "process.thread.id")
    if way == "thread":
        assert truth["tid"] != truth["pid"] and thread not in (None, box.pid)
    else:
        assert thread is None


def test_inode_and_device_are_the_socket_files(route, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = engine.run(*route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.fields(
        event, docksnoop__socket__inode=os.stat(engine.socket).st_ino,
        # the filesystem's, which is not everywhere what stat says
        docksnoop__socket__device=host.mount_of("self", engine.socket)["device"],
    )
