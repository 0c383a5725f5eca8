# SPDX-License-Identifier: Apache-2.0
"""What everything on the host pays that has nothing to do with a daemon's socket."""

import contextlib
import functools

from bench.lib import tools
from bench.lib.stats import interleave
from bench.lib.table import compared
from bench.lib.worker import Worker

OPERATIONS = {
    "connect": "connect(2) to a Unix socket that is not watched",
    "send": "send(2) of 64 bytes over a Unix socket",
    "tcp": "TCP round trip over loopback",
}
GOAL = 1.02


class Field:
    """Everybody who is compared, and the processes in which it is measured.

    Who is audited is another process: one that is pays for it as long as it runs, with a rule or without.
    """

    def __init__(self, bench, stack):
        self._bench = bench
        self._worker = stack.enter_context(contextlib.closing(Worker(bench.scratch)))
        self._watched = str(bench.scratch / "watched.sock")
        self._other = stack.enter_context(contextlib.closing(Worker(bench.scratch, cpu=1)))
        self._other.do("connect", self._watched, 1)  # it listens there: something to watch
        self.notes = []
        self.variants = {"bare": (tools.bare, self._worker)}
        for mode in bench.modes:
            self.variants[f"empty programs, {mode}"] = (functools.partial(tools.floor, mode), self._worker)
            ours = functools.partial(tools.docksnoop, "--socket", self._watched, mode=mode)
            self.variants[f"docksnoop, {mode}"] = (ours, self._worker)
        self.variants["bpftrace"] = (tools.bpftrace, self._worker)
        self.variants["strace"] = (lambda: tools.strace(self._worker.pid), self._worker)
        audit = tools.Audit(bench.scratch / "audit")
        stack.callback(audit.close)
        with self._missing():
            audit.open()
            audited = stack.enter_context(contextlib.closing(audit.start(lambda: Worker(bench.scratch))))
            self.variants["auditd"] = (audit.rule, audited)
        for name in list(self.variants):
            with self._missing(name):
                with self.variants[name][0]():
                    pass

    @contextlib.contextmanager
    def _missing(self, name=None):
        try:
            yield
        except tools.Missing as reason:
            self.notes.append(f"not measured here: {reason}")
            self.variants.pop(name, None)

    def measure(self, variant):
        beside, worker = self.variants[variant]
        slow = variant == "strace"
        batches = self._bench.times(60 if slow else 1500, 5 if slow else 100)
        path = str(self._bench.scratch / f"unwatched-{worker.pid}.sock")
        with beside():
            return {what: worker.do(what, path, batches) for what in OPERATIONS}


def run(bench):
    with contextlib.ExitStack() as stack:
        field = Field(bench, stack)
        found = interleave(list(field.variants), bench.times(15, 2), field.measure)
    for what, title in OPERATIONS.items():
        values = {variant: [one[what] for one in rounds] for variant, rounds in found.items()}
        table = compared(title, values, GOAL)
        table.notes += field.notes
        yield table
