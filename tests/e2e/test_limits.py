# SPDX-License-Identifier: Apache-2.0
"""More than anybody has: what is kept of it is bounded, and what is not kept is said."""

import collections
import contextlib
import json
import pathlib
import re
import signal
import subprocess
import time
import types

import pytest
from lib import host
from lib.crowd import Crowd
from lib.storm import Storm, ledger, made
from lib.watch import check_line, get

pytestmark = pytest.mark.once

CONTAINERS = 5000
CROWDED, FORKS = 40, 250  # so many of them have so many processes more, which all connect
CONNECTIONS = 100_000
FLOOD = CONNECTIONS - CONTAINERS - CROWDED * FORKS  # by one process
RESIDENT_MAX = 32 << 10  # kB, of all that is kept
BEHIND_MAX = 24 << 10  # and of what waits while it is behind: docs/detection.md, Limits


def occupied(pid, field):
    """Memory of a process in kB, but for the second time that the kernel counts a ring's pages: they are mapped twice (libbpf)."""
    rings = re.findall(r"anon_inode:bpf-map\n(?:.*\n)*?Rss: +(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps").read_text())
    return host.memory(pid, field) - sum(map(int, rings)) // 2


class Log:
    """A --file of so many events that Watch would take too long for them."""

    def __init__(self, path, validator):
        self._validator = validator
        self._file = open(path, "rb")
        self.events = []

    def read(self):
        """What has come since; each 50th is held against the schema."""
        for line in iter(self._file.readline, b""):
            assert line.endswith(b"\n"), line
            if len(self.events) % 50 == 0:
                problem, event = check_line(self._validator, line)
                assert not problem, problem
            else:
                event = json.loads(line)
            self.events.append(event)
        return self.events

    def close(self):
        self._file.close()


def told_of(log_path, validator, chosen):
    with contextlib.closing(Log(log_path, validator)) as log:
        return [e for e in log.read() if chosen(e) or get(e, "event.action") == "events-lost"]


def test_five_thousand_containers_and_a_hundred_thousand_connections(scratch, docksnoop, validator, mode):
    log_path = scratch / "log"
    with contextlib.closing(Crowd(scratch, CONTAINERS)) as crowd:
        crowd.open()
        watch = docksnoop("--no-stdout", "--file", str(log_path), mode=mode, json=False, loss_is_fine=True)
        at_rest = occupied(watch.pid, "VmRSS")
        made = crowd.fill(CROWDED, FORKS, FLOOD)
        size = -1
        while size < log_path.stat().st_size:  # it writes out what waits
            size = log_path.stat().st_size
            time.sleep(3)
        kept, peak = occupied(watch.pid, "VmRSS"), occupied(watch.pid, "VmHWM")
        watch.send(signal.SIGTERM)
        assert watch.wait_exit() == 0
        watch.check()
    assert made == {
        "containers": CONTAINERS, "connections": CONNECTIONS, "requests": CONTAINERS + CROWDED * FORKS, "failed": 0,
    }
    print(f"resident: {at_rest} kB at rest, {kept} kB with all of it, {peak} kB at most")
    assert kept < RESIDENT_MAX
    assert peak < RESIDENT_MAX + BEHIND_MAX
    events = told_of(log_path, validator, lambda e: get(e, "container.id") in crowd.names)
    found = ledger(events)
    print(found)
    # A machine that is too slow for all of it says what it has lost.
    assert found.balances(CONNECTIONS)
    assert found.told > CONNECTIONS / 2
    told = [e for e in events if get(e, "event.action") != "events-lost"]
    assert all(get(e, "container.name") == crowd.names[get(e, "container.id")] for e in told)
    if len(told) == len(events):
        assert {get(e, "container.name") for e in told} == set(crowd.names.values())
        actions = collections.Counter(get(e, "event.action") for e in told)
        assert actions["api-request"] == made["requests"]
        assert actions["socket-exposed"] == CONTAINERS


MILLION = 1_000_000


@pytest.fixture
def sanitized(monkeypatch):
    """The same program with address and undefined-behaviour sanitizers, which look for leaks at its end."""
    program = host.ROOT / "build/asan/docksnoop"
    # SANITIZE is the Makefile's own: "make check" builds with the same, into the same folder.
    rule = "asan:\n\t@$(MAKE) --no-print-directory BUILD=build/asan CFLAGS='$(SANITIZE)' build/asan/docksnoop\n"
    subprocess.run(
        ["make", "-j2", "-f", "Makefile", "-f", "/dev/stdin", "asan"], input=rule, text=True, cwd=host.ROOT, check=True,
        stdout=subprocess.DEVNULL,
    )
    monkeypatch.setattr(host, "PROGRAM", str(program))
    # What was freed is kept for a while, to be recognised; that must not look like growth.
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=1:quarantine_size_mb=4:malloc_context_size=5")


def test_a_million_accesses_leave_nothing_behind(scratch, sanitized, docksnoop, validator, mode):
    """Folded ones, and some twenty thousand events that are written, half of them requests."""
    storm = Storm(types.SimpleNamespace(work_dir=str(scratch)))
    log_path = scratch / "log"
    resident = []
    made_by_storm = 0
    with contextlib.closing(Crowd(scratch, CROWDED)) as crowd, storm.listener(str(scratch / "s.sock")) as path:
        crowd.open()
        watch = docksnoop(
            "--all", "--no-stdout", "--file", str(log_path), "--socket", path, mode=mode, json=False,
            loss_is_fine=True,  # this is about leaks, and the sanitizers are slow
        )
        counts = crowd.fill(CROWDED, FORKS, 0)
        # One after the other: under the sanitizers it would lose, and say so.
        written = 2 * counts["requests"]
        host.wait_until(lambda: log_path.read_bytes().count(b"\n") > written, 60, "what the crowd did")
        while made_by_storm + counts["connections"] < MILLION:
            made_by_storm += made(storm.begin(path, 2, rate=50000))
            resident.append(host.memory(watch.pid, "VmRSS"))
        watch.send(signal.SIGTERM)
        assert watch.wait_exit(60) == 0, watch.stderr
        watch.check()
    print(f"{made_by_storm} by storms, resident: {resident} kB")
    events = told_of(log_path, validator, lambda e: get(e, "container.id") in crowd.names or get(e, "process.name") == "storm")
    found = ledger(events)
    assert found.balances(made_by_storm + counts["connections"])
    assert found.told > MILLION / 2
    # each is its container's: who opened a connection was not pushed out before it was asked over
    assert sum(get(e, "event.action") == "api-request" for e in events) == counts["requests"]
    assert len(events) >= 20_000
    assert min(resident[-3:]) - resident[max(1, len(resident) // 10)] < 8 << 10
