# SPDX-License-Identifier: Apache-2.0
"""More connects than anybody makes, counted by who makes them, and what came of them."""

import collections
import contextlib
import json
import signal
import subprocess

from . import host
from .place import build_program
from .watch import get


class Storm:
    """storm.c: a listener that accepts as fast as it can, and who connects to it."""

    def __init__(self, engine):
        self.program = build_program(engine, "storm")
        self.inside = "/storm/storm"  # where containers have it, with options()
        self._engine = engine

    def options(self):
        return ["-v", f"{self._engine.work_dir}:/storm"]

    @contextlib.contextmanager
    def listener(self, path):
        listener = subprocess.Popen([self.program, "listen", path], stdout=subprocess.PIPE, text=True)
        try:
            assert listener.stdout.readline() == "listening\n"
            yield path
        finally:
            listener.send_signal(signal.SIGKILL)
            listener.wait()
            listener.stdout.close()

    def begin(self, path, seconds, rate=0, threads=2):
        """In the background; made() waits for its end."""
        return subprocess.Popen(
            [self.program, "connect", path, str(threads), str(seconds), str(rate)], stdout=subprocess.PIPE, text=True,
        )


def made(storm):
    """How many connects came about; none may have failed."""
    out, _ = storm.communicate(timeout=120 * host.SLOW)
    counts = json.loads(out)
    assert counts["failed"] == 0
    return counts["made"]


class Ledger:
    """What became of connects, by the events of one run or more."""

    def __init__(self):
        self.told = 0  # connects that events tell of
        self.events = 0  # by which
        self.lost = collections.Counter()  # connects, by place
        self.perhaps = 0  # runs that the kernel left out: at most so many of them were connects

    def add(self, event):
        if get(event, "event.action") == "socket-connect":
            self.told += get(event, "docksnoop.count", 1)
            self.events += 1
        elif get(event, "event.action") == "events-lost":
            lost = get(event, "docksnoop.lost")
            if lost["place"] == "recursion":
                self.perhaps += lost["count"] if lost["kind"] == "connect" else 0
            elif lost["kind"] == "connect":
                self.lost[lost["place"]] += lost["count"]
            elif "accesses" in lost:
                self.lost[lost["place"]] += lost["accesses"]

    @property
    def sum(self):
        return self.told + sum(self.lost.values())

    def balances(self, made):
        return self.sum <= made <= self.sum + self.perhaps

    def __repr__(self):
        perhaps = f", and {self.perhaps} perhaps" if self.perhaps else ""
        return f"{self.told} told by {self.events} events, lost: {dict(self.lost)}{perhaps}"


def ledger(events, chosen=lambda event: True):
    result = Ledger()
    for event in events:
        if get(event, "event.action") == "events-lost" or chosen(event):
            result.add(event)
    return result
