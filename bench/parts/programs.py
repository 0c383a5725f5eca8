# SPDX-License-Identifier: Apache-2.0
"""What each program of docksnoop's takes for a run, by the kernel's own clock."""

import contextlib
import time

from bench.lib import tools
from bench.lib.stats import Figure
from bench.lib.table import Table, nanoseconds, verdict
from bench.lib.worker import Worker

GOALS = {"not matched": 60, "matched": 4000}
# What is a matched connect's, by mode: the other programs have no goal for what they match.
CONNECT = {
    "tracepoint": ("tracepoint_data_ready",),
    "trampoline": ("trampoline_security", "trampoline_kern_path"),
    "kprobe": ("kretprobe_security", "kretprobe_kern_path"),
}


# What else starts on the host meanwhile is no part of this.
SELDOM = ("common_exec", "common_cgroup_mkdir")


def of_runs(before, after):
    """{program: (runs, ns a run)} of what ran in between."""
    found = {}
    for name, then in before.items():
        runs = after[name]["runs"] - then["runs"]
        if runs:
            found[name] = (runs, (after[name]["ns"] - then["ns"]) / runs)
    return found


class Field:
    def __init__(self, bench, stack):
        self._batches = bench.times(400, 20)
        self.rounds = bench.times(7, 1)
        self._worker = stack.enter_context(contextlib.closing(Worker(bench.scratch)))
        self._server = stack.enter_context(contextlib.closing(Worker(bench.scratch, cpu=1)))
        self.watched = str(bench.scratch / "watched.sock")
        self._unwatched = str(bench.scratch / "somebody-else")
        self._worker.do("connect", self.watched, 1)
        self._counter = stack.enter_context(contextlib.closing(tools.Counter()))

    def settle(self):
        """A connect to what has begun to listen on TCP less than 5 seconds ago is looked at, whosever it is."""
        self._worker.do("tcp", "-", 1)
        time.sleep(6)

    def _count(self, *what):
        before = self._counter.read()
        for one in what:
            self._worker.do(*one)
        return of_runs(before, self._counter.read())

    def unmatched(self):
        batches = self._batches
        tcp = [("tcp", "-", 1)] * batches  # a connection each
        return self._count(("connect", self._unwatched, batches), ("send", "-", batches), *tcp)

    def matched(self):
        """At a rate at which nothing is lost: a record that finds no room is cheaper."""
        return self._count(("connect", self.watched, self._batches, 2000))


def rounds_of(field, measure):
    """{program: (runs, Figure)}"""
    found = {}
    for _ in range(field.rounds):
        for name, (runs, ns) in measure().items():
            found.setdefault(name, []).append((runs, ns))
    return {name: (sum(r for r, _ in all_), Figure([ns for _, ns in all_])) for name, all_ in found.items()}


def run(bench):
    for mode in bench.modes:
        table = Table(
            f"Kernel time of a run, {mode} mode",
            ["program", "what ran", "runs", "median", "middle half", "empty program", "goal", ""],
        )
        with contextlib.ExitStack() as stack:
            field = Field(bench, stack)
            field.settle()
            with tools.floor(mode):
                floor = rounds_of(field, field.unmatched)
            with tools.docksnoop("--socket", field.watched, mode=mode):
                kinds = {"not matched": rounds_of(field, field.unmatched), "matched": rounds_of(field, field.matched)}
        for kind, programs in kinds.items():
            for name, (runs, figure) in sorted(programs.items()):
                if (kind == "matched" and name not in CONNECT[mode]) or name in SELDOM:
                    continue
                goal = GOALS[kind]
                empty = nanoseconds(floor[name][1].median) if name in floor else ""
                table.add(
                    name, kind, runs, nanoseconds(figure.median), f"{figure.low:.0f} … {figure.high:.0f}", empty,
                    f"{goal} ns", verdict(figure.median < goal),
                )
        table.notes.append(
            "by kernel.bpf_stats_enabled, whose two readings of the clock are part of each figure: see the empty program's"
        )
        yield table
