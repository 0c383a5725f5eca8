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
    "near": ("GET /_ping and its answer, dockerd on the same processor", 1.05, 600),
    "plain": ("the same to a server of a few lines of C on the same processor", 1.05, 600),
}
TOLD = "told, no more"
WHO = "told, and as much read"
NOTES = {
    "near": "what it takes to wake another processor, which is most of the table above and changes from second to "
            "second, is not in it",
}


class Field:
    def __init__(self, bench, stack):
        self._bench = bench
        self._engine = stack.enter_context(contextlib.closing(Engine()))
        self._engine.open()
        self._worker = stack.enter_context(contextlib.closing(Worker(bench.scratch)))
        own, plain = str(bench.scratch / "watched.sock"), str(bench.scratch / "plain.sock")
        self._worker.do("connect", own, 1)
        self._worker.do("serve", plain)
        self._what = {
            "listener": ("connect", own), "dial": ("dial", self._engine.socket), "ask": ("ask", self._engine.socket),
            "near": ("ask", self._engine.socket), "plain": ("ask", plain),
        }
        self.variants = {"bare": tools.bare}
        for mode in bench.modes:
            watch = functools.partial(tools.docksnoop, "--socket", own, "--socket", plain, mode=mode)
            self.variants[f"empty programs, {mode}"] = functools.partial(tools.floor, mode)
            if mode == "tracepoint":
                self.variants[TOLD] = functools.partial(tools.floor, "tell")
                self.variants[WHO] = functools.partial(tools.floor, "who")
            self.variants[f"docksnoop, {mode}"] = watch
            self.variants[f"docksnoop --all, {mode}"] = functools.partial(watch, "--all")

    def measure(self, variant):
        found = {}
        with self.variants[variant]():
            for name, (_, _, batches) in OPERATIONS.items():
                near = tools.confined(self._engine.daemon_pid, 0) if name == "near" else contextlib.nullcontext()
                with near:
                    found[name] = self._worker.do(*self._what[name], self._bench.times(batches, 20), PACED)
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
        if TOLD in values:
            table.notes.append(
                f"{TOLD}: programs at the same hooks that hand over as many bytes, without a look at whose they are, to "
                "a process that throws them away"
            )
            table.notes.append(
                f"{WHO}: for a connect the same with 130 reads of the kernel's memory, by types and helpers as docksnoop's "
                "are, and an entry in two tables, which is what it takes to say who it was, where it came from, and to follow the connection"
            )
        if name in NOTES:
            table.notes.append(NOTES[name])
        yield table
