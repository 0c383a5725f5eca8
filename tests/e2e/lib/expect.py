# SPDX-License-Identifier: Apache-2.0
"""What an event must say, field by field, checked against what is true."""

import calendar
import errno
import os
import re
import time

from . import engine as engines
from . import host
from .watch import get

# Between CLOCK_REALTIME at two moments, and as derived from CLOCK_BOOTTIME.
CLOCK_SLACK_NS = 50_000_000


def timestamp_ns(text):
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", text)
    assert match, f"not UTC with nanoseconds: {text}"
    return calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S")) * 1_000_000_000 + int(match[2])


def fields(event, **wanted):
    """Each field as wanted: docksnoop__mount__via="volume"; None: absent."""
    wrong = {}
    for key, value in wanted.items():
        path = key.replace("__", ".")
        if get(event, path) != value:
            wrong[path] = f"{get(event, path)!r}, not {value!r}"
    assert not wrong, f"{wrong} in {event}"


def time_is_within(event, box):
    at = timestamp_ns(event["@timestamp"])
    end = box.ended or time.time_ns()
    assert box.began - CLOCK_SLACK_NS <= at <= end + CLOCK_SLACK_NS, f"{at} not in [{box.began}, {end}]"


def process_is(event, truth, *, args, pid=None, executable=engines.CLIENT):
    fields(
        event, process__name=os.path.basename(executable)[:15], process__args=args,
        process__user__id=str(truth["uid"]), process__group__id=str(truth["gid"]),
    )
    assert get(event, "process.executable").endswith(executable), event
    if pid is not None:
        fields(event, process__pid=pid)
    start = timestamp_ns(get(event, "process.start"))
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert abs(start - host.boot_ns(truth["start"])) <= tick + CLOCK_SLACK_NS, event


def container_is(event, engine, box):
    fields(
        event, container__id=box.id, container__name=box.name, container__image__name=engine.image_name,
        container__image__hash__all=engine.image_id and [engine.image_id], container__runtime=engine.runtime,
    )


def mount_is(event, mount):
    fields(
        event, docksnoop__mount__via=mount.via, docksnoop__mount__source=mount.source,
        docksnoop__mount__target=mount.target, docksnoop__mount__read_only=mount.read_only,
    )


def flagged(event, engine, box, mount, mode, truth=None, args=None, pid=None, error=0, socket=None, daemon="docker"):
    """A container's connect, normally to the engine's socket: all that an event of one has to say."""
    truth = truth or box.truth
    code = errno.errorcode[error] if error else None
    fields(
        event, event__action="socket-connect", event__kind="alert", event__severity=73, error__code=code,
        event__outcome="failure" if error else "success",
        docksnoop__verdict="flagged", docksnoop__mode=mode,
        docksnoop__socket__daemon=daemon, docksnoop__socket__path=socket or engine.socket,
        docksnoop__attribution__by=engine.by,
    )
    assert get(event, "event.reason") and get(event, "message"), event
    container_is(event, engine, box)
    process_is(event, truth, args=args or [engines.CLIENT, mount.path], pid=pid)
    mount_is(event, mount)
    cgroup = get(event, "docksnoop.attribution.cgroup")
    assert cgroup == box.cgroup if box.cgroup else cgroup.endswith(engine.cgroup_end(box)), event
    namespaces = get(event, "docksnoop.attribution.namespaces")
    assert namespaces == {name: truth["ns"][name] for name in ("mnt", "pid", "user")}, event
    if not error:
        assert get(event, "docksnoop.connection"), event
    time_is_within(event, box)


def exposed(event, engine, box, mount, socket=None, daemon="docker"):
    """A container whose mounts lead to a socket, normally the engine's."""
    fields(
        event, event__action="socket-exposed", event__kind="state", docksnoop__verdict="flagged",
        docksnoop__socket__daemon=daemon, docksnoop__socket__path=socket or engine.socket,
    )
    container_is(event, engine, box)
    mount_is(event, mount)


def host_process(event, engine, pid, truth, args, executable):
    fields(
        event, event__action="socket-connect", event__kind="event", event__outcome="success", event__severity=21,
        docksnoop__verdict="host", docksnoop__socket__path=engine.socket, container=None, process__pid=pid,
    )
    process_is(event, truth, args=args, executable=executable)
