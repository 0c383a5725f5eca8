# SPDX-License-Identifier: Apache-2.0
"""Connects that do not succeed; tracepoint mode cannot tell what they were meant for."""

import errno
import pathlib
import socket

from lib import engine as engines
from lib import expect, routes, skips
from lib.watch import get


def test_permission_denied(route, engine, docksnoop, resolving_mode):
    watch = docksnoop(mode=resolving_mode)
    box = engine.run(*route.options, "--user", "1000:1000", client=(route.path,))
    assert box.truth["errors"] == [errno.EACCES]
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, resolving_mode, error=errno.EACCES)


def test_stale_bind_after_a_daemon_restart(route, engine, boxes, docksnoop, resolving_mode):
    name = engines.unique("stale")
    command = ["-s", "-w", f"/told/{name}.go", "-o", f"/told/{name}.said", route.path]
    watch = docksnoop(mode=resolving_mode)
    box = boxes(*route.options, "-v", f"{engine.work_dir}:/told", client=command, name=name)
    with engine.stopped():
        engine.start()
        pathlib.Path(f"{engine.work_dir}/{name}.go").touch()
        truth = engine.wait_truth(box, f"{engine.work_dir}/{name}.said")
        assert truth["errors"] == [errno.ECONNREFUSED]
        event = watch.wait_for("socket-connect", box)
        expect.flagged(
            event, engine, box, route, resolving_mode, args=["/bin/client", *command], pid=box.pid,
            error=errno.ECONNREFUSED,
        )


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
        marker.settle(watch)

    events = watch.events("socket-connect", box)
    # tracepoint mode sees only those that got through
    seen = errors if skips.resolving([mode]) else [0] * errors.count(0)
    assert len(events) == len(seen), watch.report()
    for event, error in zip(events, seen):
        expect.flagged(
            event, engine, box, route, mode, args=["/bin/client", *command], error=error, socket=path, daemon="other",
        )
    assert len({get(event, "docksnoop.connection") for event in events[: errors.count(0)]}) == errors.count(0)
