# SPDX-License-Identifier: Apache-2.0
"""Everything at once: storms, sinks that fail, daemons and docksnoop itself killed, containers that come and go.

At the end the ledger balances: connects made = connects told of + connects counted as lost.
DOCKSNOOP_CHAOS_SECONDS says for how long.
"""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time

import pytest
from lib import host
from lib.storm import Storm, ledger, made
from lib.watch import check_line, get

pytestmark = pytest.mark.once

SECONDS = int(os.environ["DOCKSNOOP_CHAOS_SECONDS"])


class Victim:
    """docksnoop as a service keeps it: started again when it is killed."""

    def __init__(self, mode, socket, log):
        self.pin = host.pin_dir()
        self.kills = 0
        self.errors = []
        self._command = [
            host.PROGRAM, "watch", "--all", "--json", "--mode", mode, "--pin", self.pin, "--socket", socket, "--file", log,
        ]
        self.process = None
        self._reader = None
        self.read = threading.Event()  # cleared: nobody reads stdout
        self.read.set()
        self.start()

    def _drain(self, stream):
        while True:
            self.read.wait()
            if not stream.read1(65536):
                return

    def _watch_stderr(self, stream, armed):
        for line in stream:
            self.errors.append(line.decode().rstrip())
            if line.startswith(b"docksnoop: watching"):
                armed.set()

    def start(self):
        armed = threading.Event()
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )
        for target, *arguments in ((self._drain, self.process.stdout), (self._watch_stderr, self.process.stderr, armed)):
            threading.Thread(target=target, args=arguments, daemon=True).start()
        assert armed.wait(60 * host.SLOW), self.errors

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait(20) == -signal.SIGKILL
        self.kills += 1
        self.start()

    def stop(self):
        self.read.set()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60 * host.SLOW)


def disk_full(log):
    """The log's file system has no room for some time."""
    fill = f"{os.path.dirname(log)}/fill"
    with open(fill, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    time.sleep(2)
    os.unlink(fill)


def test_the_ledger_balances_in_the_end(engine, mode, scratch, validator):
    dice = random.Random(SECONDS)
    storm = Storm(engine)
    disk = scratch / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
    log = str(disk / "log")
    logs = []
    total = 0
    of_containers = {}
    pids = set()
    storms = []

    def rotate():
        # as logrotate does it: renamed, told, and moved to where there is room
        rotated = str(scratch / f"log.{len(logs)}")
        inode = os.stat(log).st_ino
        os.rename(log, f"{log}.old")
        victim.process.send_signal(signal.SIGHUP)
        host.wait_until(lambda: os.path.exists(log) and os.stat(log).st_ino != inode, 20, "a new log")
        subprocess.run(["mv", f"{log}.old", rotated], check=True)
        logs.append(rotated)

    def container():
        box = engine.run("-v", f"{engine.run_dir}:/hostrun", client=("-n", "7", "/hostrun/docker.sock"))
        of_containers[box.id] = 7

    def restart_daemon():
        os.kill(engine.daemon_pid, signal.SIGKILL)
        engine.stop()
        engine.start()

    def nobody_reads():
        victim.read.clear()
        time.sleep(3)
        victim.read.set()

    def storm_on():
        storms.append(storm.begin(path, dice.choice((2, 5)), rate=dice.choice((0, 0, 20000, 3000))))

    deeds = [storm_on, storm_on, lambda: victim.kill(), restart_daemon, container, container, rotate, nobody_reads,
             lambda: disk_full(log)]
    with storm.listener(str(scratch / "s.sock")) as path:
        victim = Victim(mode, path, log)
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                # each of them, in another order each time
                for deed in dice.sample(deeds, len(deeds)):
                    deed()
                    if time.monotonic() >= end:
                        break
            for one in storms:
                pids.add(one.pid)
                total += made(one)
            time.sleep(1)
        finally:
            status = victim.stop()
    assert status == 0, victim.errors[-20:]
    assert not os.path.exists(victim.pin)

    logs.append(log)
    events = []
    for name in logs:
        with open(name, "rb") as lines:
            for line in lines:
                assert line.endswith(b"\n"), f"half a line: {line!r}"
                problem, event = check_line(validator, line)
                assert not problem, problem
                events.append(event)
    found = ledger(events, lambda e: get(e, "process.pid") in pids)
    for place in ("restart:stdout", "sink:stdout"):  # the file has those
        found.lost.pop(place, None)
    by_box = {
        box: sum(get(e, "docksnoop.count", 1) for e in events
                 if get(e, "event.action") == "socket-connect" and get(e, "container.id") == box)
        for box in of_containers
    }
    print(f"{total} made in {len(storms)} storms, {victim.kills} kills, {len(of_containers)} containers: {found}")
    numbers = [get(e, "event.sequence") for e in events]
    assert numbers == sorted(set(numbers))
    # Some of the lost ones were others', of which the clients and containerd make a few.
    assert total - found.perhaps <= found.sum <= total + 100
    expected = sum(of_containers.values())
    told = sum(by_box.values())
    assert told <= expected <= told + sum(found.lost.values()) + found.perhaps
    host.run([host.PROGRAM, "verify", *logs])
