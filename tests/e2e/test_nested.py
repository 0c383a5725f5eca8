# SPDX-License-Identifier: Apache-2.0
"""Docker in Docker: whose daemon it was, and which of the two containers."""

import contextlib

import pytest
from lib import expect, routes
from lib.nested import SOCKET, Nested
from lib.watch import get

pytestmark = pytest.mark.once

HOST_SOCKET = "/hostrun/docker.sock"


@pytest.fixture(scope="module")
def nested(engine):
    with contextlib.closing(Nested(engine, "-v", f"{engine.run_dir}:/hostrun")) as ours:
        yield ours


def inner_is(event, nested, inner):
    """The innermost acted; the outermost is the one that the host's daemon knows. No name is borrowed."""
    expect.fields(
        event, container__id=inner, container__name=None, container__image=None,
        docksnoop__attribution__by="cgroup", docksnoop__attribution__outer_container_id=nested.box.id,
        docksnoop__attribution__anomaly=None,
    )


def test_inner_container_at_its_own_daemon_is_not_flagged(nested, docksnoop, mode):
    watch = docksnoop(mode=mode)
    inner, truth = nested.run("-v", f"{SOCKET}:/run/docker.sock", client=("/run/docker.sock",))
    assert truth["errors"] == [0]
    event = watch.wait_for("socket-connect", inner)
    inner_is(event, nested, inner)
    expect.fields(
        event, event__kind="event", docksnoop__verdict=None, docksnoop__socket__scope="nested",
        docksnoop__socket__daemon="docker", docksnoop__socket__path=SOCKET,
    )


@pytest.mark.parametrize("order", ["before", "after"])
def test_inner_container_at_the_hosts_daemon_is_flagged(nested, docksnoop, mode, order):
    """By the mount that was made for the outer one; the inner one was there before docksnoop, or not."""
    options = ["-v", "/hostrun:/mnt"]
    if order == "before":
        inner = nested.start(*options)
        watch = docksnoop(mode=mode)
    else:
        watch = docksnoop(mode=mode)
        inner = nested.start(*options)
    truth, args = nested.exec(inner, "/mnt/docker.sock")
    assert truth["errors"] == [0]
    event = watch.wait_for("socket-connect", inner)
    inner_is(event, nested, inner)
    expect.process_is(event, truth, args=args)
    expect.fields(
        event, event__kind="alert", docksnoop__verdict="flagged", docksnoop__socket__scope="host",
        docksnoop__socket__path=nested.engine.socket,
    )
    expect.mount_is(event, routes.directory(nested.engine.run_dir, "docker.sock", "/mnt"))


def test_outer_containers_process_at_the_hosts_daemon_is_flagged(nested, docksnoop, mode):
    watch = docksnoop(mode=mode)
    truth = nested.engine.exec(nested.box, HOST_SOCKET)
    event = watch.wait_for("socket-connect", nested.box, docksnoop__verdict="flagged")
    expect.flagged(
        event, nested.engine, nested.box, routes.directory(nested.engine.run_dir, "docker.sock"), mode, truth=truth,
        args=["/bin/client", HOST_SOCKET],
    )
    expect.fields(event, docksnoop__attribution__outer_container_id=None, docksnoop__socket__scope="host")


def test_outer_containers_process_at_the_nested_daemon_is_not(nested, docksnoop, mode):
    watch = docksnoop(mode=mode)
    nested.engine.exec(nested.box, SOCKET)
    event = watch.wait_for("socket-connect", nested.box, process__name="client")
    expect.container_is(event, nested.engine, nested.box)
    expect.fields(event, docksnoop__verdict=None, docksnoop__socket__scope="nested", docksnoop__socket__path=SOCKET)


def test_two_daemons_of_one_path_are_told_apart_at_the_start(nested, docksnoop, mode):
    """Both listen at a docker.sock when docksnoop comes; which is whose is said."""
    watch = docksnoop(mode=mode)
    sockets = get(watch.wait_for("monitor-started"), "docksnoop.monitor.sockets")
    scopes = {s["path"]: s["scope"] for s in sockets if s["daemon"] == "docker"}
    assert scopes[nested.engine.socket] == "host"
    assert scopes[SOCKET] == "nested"
