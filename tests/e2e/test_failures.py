# SPDX-License-Identifier: Apache-2.0
"""Connects that do not succeed.

tracepoint mode sees them begin, by a name like a daemon's, and not end: what it says of them has
low confidence, and an errno only where a look at the path suggests one while the process lives.
"""

import errno
import os
import pathlib
import socket

import pytest
from lib import engine as engines
from lib import expect, routes, skips
from lib.watch import get


def by_name(event, engine, box, mode, path, error=0, pid=None, args=None, **fields):
    """An event of a failed connect of which the name alone is sure."""
    expect.fields(
        event, event__kind="alert", event__severity=73, event__outcome="failure", docksnoop__verdict="flagged",
        docksnoop__mode=mode, docksnoop__confidence="low", docksnoop__connection=None,
        docksnoop__socket__client_path=path, docksnoop__socket__daemon="docker",
        error__code=errno.errorcode[error] if error else None, **fields,
    )
    expect.container_is(event, engine, box)
    expect.process_is(event, box.truth, args=args or [engines.CLIENT, path], pid=pid)
    expect.time_is_within(event, box)


def staying(engine, boxes, *options, client):
    """A container whose client stays after its connect has failed."""
    box = boxes(*options, client=("-s", *client))
    return box, engine.wait_truth(box)["errors"]


def test_permission_denied(route, engine, boxes, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box, errors = staying(engine, boxes, *route.options, "--user", "1000:1000", client=(route.path,))
    assert errors == [errno.EACCES]
    event = watch.wait_for("socket-connect", box)
    args = [engines.CLIENT, "-s", route.path]
    expect.mount_is(event, route)
    if skips.resolving([mode]):
        expect.flagged(event, engine, box, route, mode, args=args, pid=box.pid, error=errno.EACCES)
    else:
        by_name(event, engine, box, mode, route.path, errno.EACCES, box.pid, args)


def test_client_that_is_gone_at_once(route, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = engine.run(*route.options, "--user", "1000:1000", client=(route.path,))
    assert box.truth["errors"] == [errno.EACCES]
    event = watch.wait_for("socket-connect", box)
    if skips.resolving([mode]):
        expect.flagged(event, engine, box, route, mode, error=errno.EACCES)
    else:
        by_name(event, engine, box, mode, route.path)
        assert "why is not known" in get(event, "event.reason")


def test_stale_bind_after_a_daemon_restart(route, engine, boxes, docksnoop, mode):
    name = engines.unique("stale")
    command = ["-s", "-w", f"/told/{name}.go", "-o", f"/told/{name}.said", route.path]
    watch = docksnoop(mode=mode)
    box = boxes(*route.options, "-v", f"{engine.work_dir}:/told", client=command, name=name)
    args = [engines.CLIENT, *command]
    with engine.stopped():
        engine.start()
        pathlib.Path(f"{engine.work_dir}/{name}.go").touch()
        truth = engine.wait_truth(box, f"{engine.work_dir}/{name}.said")
        assert truth["errors"] == [errno.ECONNREFUSED]
        event = watch.wait_for("socket-connect", box)
        if skips.resolving([mode]):
            expect.flagged(
                event, engine, box, route, mode, args=args, pid=box.pid, error=errno.ECONNREFUSED,
            )
        else:
            by_name(event, engine, box, mode, route.path, errno.ECONNREFUSED, box.pid, args)
            expect.mount_is(event, route)


def test_full_backlog(engine, marker, docksnoop, mode, scratch):
    path = f"{scratch}/full.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        watch = docksnoop("--socket", path, mode=mode)
        route = routes.directory(str(scratch), "full.sock")
        command = ["-N", "-k", "-n", "6", route.path]
        box = engine.run(*route.options, client=command)
        errors = box.truth["errors"]
        assert 0 in errors and errno.EAGAIN in errors and set(errors) == {0, errno.EAGAIN}
        events = watch.wait_for("socket-connect", box, count=len(errors))
        marker.settle(watch)

    assert len(watch.events("socket-connect", box)) == len(errors), watch.report()
    args = [engines.CLIENT, *command]
    # tracepoint mode knows of the last failure only when a while has passed
    for event in events:
        failed = get(event, "event.outcome") == "failure"
        if failed and not skips.resolving([mode]):
            assert get(event, "docksnoop.confidence") == "low" and get(event, "error.code") is None
            expect.container_is(event, engine, box)
            continue
        error = errno.EAGAIN if failed else 0
        expect.flagged(event, engine, box, route, mode, args=args, error=error, socket=path, daemon="other")
    through = [get(event, "docksnoop.connection") for event in events if get(event, "event.outcome") == "success"]
    assert len(set(through)) == len(through) == errors.count(0)


@pytest.mark.parametrize("path", ["/var/run/docker.sock", "/nowhere/at/all/docker.sock"])
def test_no_such_file(engine, boxes, docksnoop, mode, path):
    watch = docksnoop(mode=mode)
    box, errors = staying(engine, boxes, client=(path,))
    assert errors == [errno.ENOENT]
    event = watch.wait_for("socket-connect", box)
    by_name(event, engine, box, mode, path, errno.ENOENT, box.pid, [engines.CLIENT, "-s", path],
            docksnoop__mount=None, docksnoop__socket__path=None)
    assert "ENOENT" in get(event, "event.reason") and "by the name alone" in get(event, "event.reason")


def test_something_else_of_that_name(engine, boxes, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box, errors = staying(engine, boxes, "-v", f"{engine.daemon_log}:/run/docker.sock", client=("/run/docker.sock",))
    assert errors == [errno.ECONNREFUSED]
    event = watch.wait_for("socket-connect", box)
    by_name(event, engine, box, mode, "/run/docker.sock", errno.ECONNREFUSED, box.pid,
            [engines.CLIENT, "-s", "/run/docker.sock"])


def test_each_attempt_is_told(engine, boxes, marker, docksnoop, mode):
    """One thread, one after the other: the next shows that the one before has failed."""
    watch = docksnoop(mode=mode)
    box, errors = staying(engine, boxes, client=("-n", "5", "/run/docker.sock"))
    assert errors == [errno.ENOENT] * 5
    watch.wait_for("socket-connect", box, count=5)
    marker.settle(watch)
    assert len(watch.events("socket-connect", box)) == 5


def test_name_that_is_no_daemons_says_nothing(engine, boxes, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box, errors = staying(engine, boxes, client=("/run/other.sock",))
    told, _ = staying(engine, boxes, client=("/run/docker.sock",))
    assert errors == [errno.ENOENT]
    watch.wait_for("socket-connect", told)  # what came before it is out by then
    marker.settle(watch)
    assert not watch.events("socket-connect", box)


def test_host_process_is_the_hosts(engine, boxes, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    with socket.socket(socket.AF_UNIX) as client:
        assert client.connect_ex(f"{engine.work_dir}/none/docker.sock") == errno.ENOENT
    path = f"{engine.work_dir}/none/docker.sock"
    event = watch.wait_for("socket-connect", docksnoop__socket__client_path=path)
    expect.fields(event, event__kind="event", event__outcome="failure", docksnoop__verdict="host", error__code="ENOENT")


def test_connect_elsewhere_does_not_hide_the_failed_one(engine, docksnoop, mode, scratch):
    """The same thread, right after it, with success: to what nobody watches, and to the daemon by another name."""
    watch = docksnoop("--all", mode=mode)
    renamed = f"{scratch}/renamed"
    os.symlink(engine.socket, renamed)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{scratch}/plain.sock")
        listener.listen()
        for there in (f"{scratch}/plain.sock", renamed):
            path = f"{there}.d/docker.sock"
            with socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as other:
                error = client.connect_ex(path)
                other.connect(there)
            assert error == errno.ENOENT
            event = watch.wait_for("socket-connect", docksnoop__socket__client_path=path)
            expect.fields(event, event__outcome="failure", docksnoop__verdict="host", process__pid=os.getpid())
    through = watch.wait_for("socket-connect", docksnoop__socket__client_path=renamed)
    expect.fields(through, event__outcome="success", docksnoop__socket__path=engine.socket, process__pid=os.getpid())
