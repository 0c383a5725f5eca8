# SPDX-License-Identifier: Apache-2.0
"""How long after a connect its line can be read, when little happens and when a great deal does."""

import contextlib
import subprocess

from bench.lib import load, tools
from bench.lib.stats import Figure, interleave, percentile
from bench.lib.table import Table, nanoseconds, number, verdict
from bench.lib.worker import Worker, build

RATE = 200
REST, STORM = "at rest", "in a storm"
GOALS_MS = {REST: 20, STORM: 200}
HOST, CONTAINER = "on the host", "in a container"


class Field:
    def __init__(self, bench, stack):
        self._bench = bench
        self._storm = load.storm(bench)
        self._reader = build(bench.scratch, "reader")
        self._count = bench.times(1000, 200)
        crowd = stack.enter_context(load.crowd(bench, "c", 1))
        crowd.fill(0, 0, 0)
        path = stack.enter_context(self._storm.listener(str(bench.scratch / "s")))
        self._stormed = stack.enter_context(self._storm.listener(str(bench.scratch / "stormed")))
        # who connects, by which name, and by which one the socket is bound
        self._clients = {
            HOST: (stack.enter_context(contextlib.closing(Worker(bench.scratch))), path, path),
            CONTAINER: (
                stack.enter_context(contextlib.closing(load.Inside(crowd, cpu=1))), load.Inside.SOCKET, crowd.socket,
            ),
        }

    def measure(self, situation):
        """Of each client the nanoseconds of all whose line was read."""
        needles = [f'"path":"{bound}"' for _, _, bound in self._clients.values()]
        reader = subprocess.Popen(
            [self._reader, '"name":"ops"', *needles], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        try:
            self._watched(situation, reader.stdin)
            out, _ = reader.communicate(timeout=60)
        finally:
            reader.kill()
            reader.wait()
        found = {client: [] for client in self._clients}
        for line in out.splitlines():
            needle, ns = line.split()
            found[list(found)[int(needle)]].append(int(ns))
        return found

    def _watched(self, situation, stdout):
        sockets = ("--socket", self._clients[HOST][1], "--socket", self._stormed)
        with contextlib.ExitStack() as stack:
            program = stack.enter_context(tools.docksnoop("--all", *sockets, mode=self._bench.modes[0], stdout=stdout))
            load.rest(program.pid)
            if situation == STORM:
                stack.enter_context(self._raging())
            for worker, path, _ in self._clients.values():
                worker.begin("pace", path, self._count, RATE)
            for worker, _, _ in self._clients.values():
                worker.end()

    @contextlib.contextmanager
    def _raging(self):
        process = self._storm.begin(self._stormed, 3600)
        try:
            yield
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def made(self, rounds):
        return self._count * rounds


def run(bench):
    rounds = bench.times(5, 1)
    with contextlib.ExitStack() as stack:
        field = Field(bench, stack)
        found = interleave([REST, STORM], rounds, field.measure)
    table = Table(
        "Latency: from a connect to its line on stdout",
        ["when", "who connects", "connects", "not told of", "p50", "p99", "max", "goal for p99", ""],
    )
    for situation, client in ((s, c) for s in (REST, STORM) for c in (HOST, CONTAINER)):
        one = [each[client] for each in found[situation]]
        p99 = Figure([percentile(values, 0.99) for values in one]).median
        table.add(
            situation, client, number(field.made(rounds)), number(field.made(rounds) - sum(map(len, one))),
            nanoseconds(Figure([percentile(values, 0.5) for values in one]).median), nanoseconds(p99),
            nanoseconds(max(map(max, one))), f"{GOALS_MS[situation]} ms", verdict(p99 < GOALS_MS[situation] * 1e6),
        )
    table.notes += [
        "from the event's time, which the kernel side took (exact to 0.1 ms), to when the reader of a pipe had the "
        "line: the reader's waking is in it",
        f"p50 and p99 are medians of {rounds} rounds, max is of all; what is not told of is in none of them",
        f"each client connects {RATE} times a second, none like another; the storm: two threads that connect to "
        "another watched socket as fast as it goes",
    ]
    yield table
