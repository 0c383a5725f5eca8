# SPDX-License-Identifier: Apache-2.0
"""What those pay who do talk to a daemon: a connect, and a small request with its answer."""

import contextlib
import functools

from lib.engine import Engine

from bench.lib import tools
from bench.lib.stats import interleave
from bench.lib.table import compared
from bench.lib.worker import Worker

# what, its title, the goal, batches and the pause between them
PACED = 2000
OPERATIONS = {
    "listener": ("connect(2), the listener being in the same process", 1.10, 400),
    "dial": ("connect(2) to dockerd", 1.10, 600),
    "ask": ("GET /_ping and its answer, dockerd", 1.05, 600),
}


class Field:
    def __init__(self, bench, stack):
        self._bench = bench
        self._engine = stack.enter_context(contextlib.closing(Engine()))
        self._engine.open()
        self._worker = stack.enter_context(contextlib.closing(Worker(bench.scratch)))
        self._path = str(bench.scratch / "watched.sock")
        self._worker.do("connect", self._path, 1)
        self.variants = {"bare": tools.bare}
        for mode in bench.modes:
            watch = functools.partial(tools.docksnoop, "--socket", self._path, mode=mode)
            self.variants[f"empty programs, {mode}"] = functools.partial(tools.floor, mode)
            self.variants[f"docksnoop, {mode}"] = watch
            self.variants[f"docksnoop --all, {mode}"] = functools.partial(watch, "--all")

    def measure(self, variant):
        found = {}
        with self.variants[variant]():
            for name, (_, _, batches) in OPERATIONS.items():
                what = "connect" if name == "listener" else name
                path = self._path if name == "listener" else self._engine.socket
                found[name] = self._worker.do(what, path, self._bench.times(batches, 20), PACED)
        return found


def run(bench):
    with contextlib.ExitStack() as stack:
        field = Field(bench, stack)
        found = interleave(list(field.variants), bench.times(11, 2), field.measure)
    for name, (title, goal, _) in OPERATIONS.items():
        values = {variant: [one[name] for one in rounds] for variant, rounds in found.items()}
        table = compared(title, values, goal)
        table.notes.append(
            f"one batch every {PACED / 1000:g} ms: what docksnoop makes of it comes after it, as on a real host"
        )
        yield table
