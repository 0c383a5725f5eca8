# SPDX-License-Identifier: Apache-2.0
"""What docksnoop itself takes: processor time, memory, and time until it is armed."""

import contextlib
import itertools
import json
import os
import time

from lib import host
from lib.expect import timestamp_ns

from bench.lib import load, tools
from bench.lib.stats import Figure, interleave
from bench.lib.table import Table, between, nanoseconds, number, share, verdict
from bench.lib.worker import Worker

RATE = 2000
ARMED_GOAL_MS = 300
CONTAINERS = 500


def run(bench):
    yield cost(bench)
    yield throughput(bench)
    yield memory(bench)
    yield armed(bench)


def cost(bench):
    """Connects and requests of a process on the host and of one in a container."""
    table = Table(
        f"User space: processor time for an event, at {number(RATE)} a second",
        ["event", "for one", "middle half"],
    )
    count = bench.times(3000, 1000)
    with contextlib.ExitStack() as stack:
        crowd = stack.enter_context(load.crowd(bench, "c", 1))
        crowd.fill(0, 0, 0)
        outside = stack.enter_context(contextlib.closing(Worker(bench.scratch)))
        inside = stack.enter_context(contextlib.closing(load.Inside(crowd)))
        pause = 1_000_000 // RATE
        work = {
            "a connect, by a process of the host": lambda: outside.do("pace", crowd.socket, count, RATE),
            "a connect, by a container's": lambda: inside.do("pace", inside.SOCKET, count, RATE),
            "a request, by a process of the host": lambda: outside.do("ask", crowd.socket, count, pause),
            "a request, by a container's": lambda: inside.do("ask", inside.SOCKET, count, pause),
        }
        with load.recorder(bench, "--all", mode=bench.modes[0]) as record:
            record.told()  # of what was there before

            def measure(what):
                work[what]()
                return record.told()

            found = interleave(list(work), bench.times(5, 1), measure)
    for what, rounds in found.items():
        figure = Figure([told.cost for told in rounds])
        table.add(what, nanoseconds(figure.median), between(figure, nanoseconds))
    table.notes.append(
        "user and system time of the process, with what it does at rest, over the events that it wrote as JSON to a "
        f"file, {number(count)} in each round; no connect is spelled as another, so that none is folded; "
        f"{number(load.lost(record.program))} not told of"
    )
    return table


def throughput(bench):
    """Docksnoop on one processor, all else on the other."""
    table = Table(
        "User space: events a second on one processor",
        ["connects a second", "events a second", "middle half", "of the processor", "not told of"],
    )
    seconds = bench.times(3, 1)
    rates = bench.times((5000, 10000, 15000, 0), (5000, 0))
    with contextlib.ExitStack() as stack:
        stack.enter_context(tools.confined(os.getpid(), 0))
        path = stack.enter_context(load.storm(bench).listener(str(bench.scratch / "s")))
        worker = stack.enter_context(contextlib.closing(Worker(bench.scratch, cpu=0)))
        found = interleave(list(rates), bench.times(3, 1), lambda rate: saturate(bench, worker, path, rate, seconds))
    for rate, rounds in found.items():
        events = Figure([one["events"] for one in rounds])
        made = Figure([one["made"] for one in rounds]).median
        table.add(
            f"{number(made)}{'' if rate else ', as fast as it goes'}", number(events.median), between(events, number),
            share(Figure([one["busy"] for one in rounds]).median),
            share(Figure([one["lost"] for one in rounds]).median),
        )
    table.notes.append(
        "JSON to a file, no connect like another; counted from the second quarter of the time to the end of it. "
        "What is not told of is counted in the file (events-lost)"
    )
    return table


def saturate(bench, worker, path, rate, seconds):
    with load.recorder(bench, "--all", "--socket", path, mode=bench.modes[0], wrap=("taskset", "-c", "1")) as record:
        record.rest()
        began = time.monotonic()
        # More than anybody can make: it is stopped by the time.
        worker.begin("while", path, int(seconds * 1000), rate)
        time.sleep(seconds / 4)
        at, size, cpu = time.monotonic(), record.size(), record.cpu()
        time.sleep(max(0, seconds - (time.monotonic() - began) - 0.05))
        took, end, cpu = time.monotonic() - at, record.size(), record.cpu() - cpu
        made = worker.end()
        events = record.lines(size, end)
    lost = load.lost(record.program)
    return {"made": made / seconds, "events": events / took, "busy": cpu / took, "lost": lost / made}


def memory(bench):
    mode = bench.modes[0]
    table = Table("User space: resident memory", ["when", "resident"])
    marks = bench.times((10_000, 100_000, 1_000_000), (2_000, 20_000))
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(load.storm(bench).listener(str(bench.scratch / "s")))
        worker = stack.enter_context(contextlib.closing(Worker(bench.scratch)))
        with tools.docksnoop("--all", "--socket", path, mode=mode) as program:
            load.rest(program.pid)
            table.add("at rest, armed", mebibytes(host.memory(program.pid)))
            for before, mark in itertools.pairwise((0, *marks)):
                follow(worker, program.pid, path, mark - before)
                table.add(f"at rest, after {number(mark)} events", mebibytes(host.memory(program.pid)))
            table.add("at most", mebibytes(host.memory(program.pid, "VmHWM")))
        lost = load.lost(program)
    table.notes.append(
        f"JSON to /dev/null, no connect like another, {number(FOLLOWED)} of them a second and a rest after each "
        f"{number(CHUNK)}; {number(lost)} not told of"
    )
    return table


FOLLOWED, CHUNK = 16_000, 32_000


def follow(worker, pid, path, count):
    """As many connects, not so fast that any is lost."""
    for done in range(0, count, CHUNK):
        worker.do("pace", path, min(CHUNK, count - done), FOLLOWED)
        load.rest(pid)


def mebibytes(kib):
    return f"{kib / 1024:.1f} MiB"


def started_ns(path):
    """When its programs were at work, which is what this event says."""
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if event["event"]["action"] == "monitor-started":
            return timestamp_ns(event["@timestamp"])
    raise RuntimeError(f"{path}: no monitor-started")


def armed(bench):
    """In the mode that is named, and in the one that is found by trying when none is."""
    table = Table(
        "Time from exec to armed",
        ["containers", "mode", "armed", "middle half", f"goal: {ARMED_GOAL_MS} ms", "all looked at", "middle half"],
    )
    modes = ("auto", bench.modes[0])
    out = bench.scratch / "armed"

    def measure(mode):
        began = time.time_ns()
        with open(out, "wb") as stdout, tools.docksnoop(mode=mode, stdout=stdout):
            said = time.time_ns()
        return started_ns(out) - began, said - began

    def add(count):
        for mode, times in interleave(modes, bench.times(9, 2), measure).items():
            at_work, said = (Figure(list(one)) for one in zip(*times))
            table.add(
                number(count), mode, nanoseconds(at_work.median), between(at_work, nanoseconds),
                verdict(at_work.median < ARMED_GOAL_MS * 1e6), nanoseconds(said.median), between(said, nanoseconds),
            )

    add(0)
    many = bench.times(CONTAINERS, 100)
    with load.crowd(bench, "many", many) as crowd:
        crowd.fill(0, 0, 0)
        add(many)
    table.notes.append(
        "armed: the time of monitor-started, from which on nothing is missed; all looked at: the line on stderr, once the "
        "containers and connections that were there are known. Each container has the daemon's socket mounted, and holds "
        "a connection to it"
    )
    return table
