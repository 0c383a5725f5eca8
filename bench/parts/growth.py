# SPDX-License-Identifier: Apache-2.0
"""Whether what an event costs depends on how much there is on the host."""

import contextlib
import time

from lib import host

from bench.lib import load, tools
from bench.lib.stats import Figure, interleave, ratios
from bench.lib.table import Table, between, nanoseconds, number, percent, share, verdict
from bench.lib.worker import Worker

CONTAINERS = (10, 100, 1000, 5000)
COMING = 50
SOCKETS = (1, 8, 64)
RATE = 2000
# It looks around every two seconds, and what it has to look at has been said by what came before.
LOOK_S = 2.2
PACED = 2000  # µs between two batches of connects, so that docksnoop follows
# "flat": no more than what two rounds with the same may lie apart
FLAT = 1.2


def run(bench):
    yield from containers(bench)
    yield sockets(bench)
    yield from kernel(bench)


def flat_table(title, what, found, sizes):
    """found: {size: [nanoseconds of each round]}"""
    table = Table(title, [what, "for one", "middle half", "against the fewest", f"goal: at most {FLAT:g} times"])
    for size in sizes:
        figure, ratio = Figure(found[size]), ratios(found, size, sizes[0]).median
        first = size == sizes[0]
        table.add(
            number(size), nanoseconds(figure.median), between(figure, nanoseconds), "" if first else f"{ratio:.2f}",
            "" if first else verdict(ratio <= FLAT),
        )
    return table


# --- containers ------------------------------------------------------------------------------

EVENTS = {
    "host": "a connect of a process on the host",
    "container": "a connect of a container's process",
    "coming": "a container that comes, connects and asks",
}


def containers(bench):
    sizes = bench.times(CONTAINERS, (10, 200))
    worker = Worker(bench.scratch)
    with contextlib.closing(worker):
        found = interleave(list(sizes), bench.times(3, 1), lambda size: with_containers(bench, worker, size))
    for key, title in EVENTS.items():
        values = {size: [one[key] for one in rounds] for size, rounds in found.items()}
        table = flat_table(f"Growth: processor time for {title}", "containers", values, sizes)
        lost = sum(one["lost"] for rounds in found.values() for one in rounds)
        table.notes.append(
            "user and system time of docksnoop --all, which writes JSON to a file, but for what it takes at rest; "
            f"{number(lost)} not told of"
        )
        if key == "coming":
            table.notes.append(
                f"{COMING} come at once, on top of those that are there; what is looked at for all at once is in it"
            )
        yield table
    table = Table("Growth: what is there at rest", ["containers", "processor", "resident", "from exec to armed"])
    for size, rounds in found.items():
        middle = {key: Figure([one[key] for one in rounds]).median for key in ("idle", "resident", "armed")}
        table.add(
            number(size), share(middle["idle"]), f"{middle['resident'] / 1024:.1f} MiB", nanoseconds(middle["armed"]),
        )
    table.notes.append(
        "each of the containers has the daemon's socket mounted, and holds a connection to it; --all, JSON to a file"
    )
    yield table


def with_containers(bench, worker, size):
    found = {}
    count = bench.times(3000, 1000)
    look = bench.times(LOOK_S, 0.3)
    with contextlib.ExitStack() as stack:
        crowd = stack.enter_context(load.crowd(bench, "c", size))
        crowd.fill(0, 0, 0)
        inside = stack.enter_context(contextlib.closing(load.Inside(crowd)))
        # Its daemon is there already: what a daemon's start costs is not to be in it.
        coming = stack.enter_context(load.crowd(bench, "more", COMING))
        clients = {"host": (worker, crowd.socket), "container": (inside, inside.SOCKET)}
        began = time.monotonic()
        with load.recorder(bench, "--all", mode=bench.modes[0]) as record:
            found["armed"] = (time.monotonic() - began) * 1e9
            for client, path in clients.values():
                client.do("pace", path, 100, RATE)
            time.sleep(look)
            record.told()
            found["resident"] = host.memory(record.pid)
            found["idle"] = idle(record, bench.times(4, 1))
            for key, (client, path) in clients.items():
                record.mark()
                client.do("pace", path, count, RATE)
                found[key] = one_of(count, record.told(), found["idle"])
            record.mark()
            coming.fill(0, 0, 0)
            time.sleep(look)
            found["coming"] = one_of(COMING, record.told(), found["idle"])
        found["lost"] = load.lost(record.program)
    return found


def one_of(count, told, idle_share):
    return (told.cpu - idle_share * told.seconds) * 1e9 / count


def idle(record, seconds):
    began, cpu = time.monotonic(), record.cpu()
    time.sleep(seconds)
    return (record.cpu() - cpu) / (time.monotonic() - began)


# --- watched sockets -------------------------------------------------------------------------


@contextlib.contextmanager
def many_sockets(bench):
    """One process that accepts at all of them: the paths."""
    base = str(bench.scratch / "w")
    with contextlib.closing(Worker(bench.scratch, cpu=1)) as server:
        server.do("listen", base, SOCKETS[-1])
        yield [f"{base}.{i}" for i in range(SOCKETS[-1])]


def options(paths):
    return [word for path in paths for word in ("--socket", path)]


def sockets(bench):
    count = bench.times(4096, 1024)

    def measure(size):
        """The connects go to all of them, in turns."""
        with load.recorder(bench, "--all", *options(paths[:size]), mode=bench.modes[0]) as record:
            record.told()
            for path in paths[:size]:
                worker.do("pace", path, count // size, RATE)
            cost = record.told().cost
        return cost, load.lost(record.program)

    with many_sockets(bench) as paths, contextlib.closing(Worker(bench.scratch)) as worker:
        found = interleave(list(SOCKETS), bench.times(5, 1), measure)
    costs = {size: [cost for cost, _ in rounds] for size, rounds in found.items()}
    table = flat_table("Growth: processor time for a connect, user space", "watched sockets", costs, SOCKETS)
    lost = sum(lost for rounds in found.values() for _, lost in rounds)
    table.notes.append(f"by a process of the host, with --all and JSON to a file; {number(lost)} not told of")
    return table


def kernel(bench):
    """What a connect(2) takes for the one who calls it."""
    with many_sockets(bench) as paths, contextlib.closing(Worker(bench.scratch)) as worker:
        own = str(bench.scratch / "own")
        worker.do("connect", own, 1)  # it listens there from now on

        def measure(variant):
            size, mode = variant
            watched = options([own, *paths[: size - 1]])
            with tools.docksnoop(*watched, mode=mode) if size else tools.bare():
                return worker.do("connect", own, bench.times(400, 40), PACED)

        variants = [(0, None)] + [(size, mode) for mode in bench.modes for size in SOCKETS]
        found = interleave(variants, bench.times(7, 1), measure)
    for mode in bench.modes:
        values = {size: found[size, mode] for size in SOCKETS}
        table = flat_table(f"Growth: connect(2) to a watched socket, {mode}", "watched sockets", values, SOCKETS)
        bare = Figure(found[0, None]).median
        against = ", ".join(f"{size}: {percent(ratios(found, (size, mode), (0, None)).median)}" for size in SOCKETS)
        table.notes.append(f"with nothing beside it {nanoseconds(bare)}; against that {against}")
        yield table
