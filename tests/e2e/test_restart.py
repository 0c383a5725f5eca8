# SPDX-License-Identifier: Apache-2.0
"""docksnoop is killed, and started again: what happened meanwhile waits, and what is gone is said."""

import contextlib
import os
import pathlib
import signal
import struct
import subprocess
import time

import pytest
from lib import host
from lib.asker import Asker, build_asks, request
from lib.ring import Ring
from lib.storm import Storm, ledger, made
from lib.watch import check_line, get

def kill(watch):
    """As a crash, or the kernel that is out of memory, ends it."""
    time.sleep(0.5)  # of a line that is in the pipe just now nobody could say whether it got out
    watch.send(signal.SIGKILL)
    assert watch.wait_exit() == -signal.SIGKILL
    watch.check()


def test_what_happens_while_it_is_away_is_told(engine, marker, boxes, route, docksnoop, mode):
    first = docksnoop(mode=mode)
    marker.settle(first)
    last = get(first.all_events()[-1], "event.sequence")
    kill(first)
    assert os.path.exists(first.pin)

    box = boxes(*route.options, client=("-g", "-s", route.path))
    engine.wait_truth(box)
    for _ in range(5):
        marker.connect()

    second = docksnoop(mode=mode, pin=first.pin)
    found = second.wait_for("socket-connect", box)
    assert get(found, "container.name") == box.name
    assert get(found, "docksnoop.verdict") == "flagged"
    assert get(found, "process.pid") == box.pid
    second.wait_for("socket-connect", marker.box, count=5)
    started = second.wait_for("monitor-started")
    assert get(started, "docksnoop.monitor.resumed") is True
    # the numbers go on: nothing is between the last one and the first
    assert get(second.all_events()[0], "event.sequence") == last + 1
    assert not second.events("events-lost")
    asked = second.wait_for("api-request", box)
    assert get(asked, "url.path") == "/_ping"
    assert second.stop() == 0
    assert len(second.events("socket-connect", box)) == 1


def test_a_connection_from_before_keeps_who_opened_it(engine, docksnoop, mode):
    """Opened, and asked over, before the crash; asked over once more after it."""
    ping = request("GET", "/_ping").hex()
    with contextlib.closing(Asker(engine, build_asks(engine))) as asker, contextlib.ExitStack() as stack:
        process = stack.enter_context(asker.start())
        stack.callback(process.kill)
        first = docksnoop(mode=mode)
        process.stdin.write(f"{ping}\n")
        process.stdin.flush()
        before = first.wait_for("api-request", asker.box)
        kill(first)
        second = docksnoop(mode=mode, pin=first.pin)
        process.stdin.write(f"{ping}\n.\n")
        process.stdin.flush()
        after = second.wait_for("api-request", asker.box)
        assert second.stop() == 0
        assert not second.events("socket-connect", asker.box)
    for field in ("docksnoop.connection", "process.pid", "process.executable", "container.name", "docksnoop.mount"):
        assert get(after, field) == get(before, field) is not None


RING_BYTES = 1 << 20  # bpf/maps.bpf.h
DS_RECORD_CONNECT = 1  # bpf/event.h


def test_killed_between_the_record_and_the_ring(marker, docksnoop, mode):
    """It has told of a connect, and did not come to tell the ring that it has taken the record."""
    first = docksnoop(mode=mode)
    marker.settle(first)
    kill(first)
    (path,) = pathlib.Path(first.pin).glob("v*/records")
    with contextlib.closing(Ring(path, RING_BYTES)) as ring:
        record = ring.step_back()
    assert struct.unpack_from("=H", record) == (DS_RECORD_CONNECT,)
    second = docksnoop(mode=mode, pin=first.pin)
    marker.settle(second)
    assert second.stop() == 0
    assert len(second.events("socket-connect", marker.box)) == 1
    assert not second.events("events-lost")


@pytest.mark.once
def test_kills_in_a_storm_leave_the_ledger_balanced(engine, docksnoop, mode, scratch, validator):
    storm = Storm(engine)
    log = scratch / "log"
    pin = host.pin_dir()
    arguments = ("--all", "--no-stdout", "--file", str(log), "--socket", str(scratch / "s.sock"))
    with storm.listener(str(scratch / "s.sock")) as path:
        watch = docksnoop(*arguments, mode=mode, pin=pin)
        process = storm.begin(path, 14, rate=3000)
        for _ in range(3):
            time.sleep(2)
            kill(watch)
            watch = docksnoop(*arguments, mode=mode, pin=pin)
        total = made(process)
    assert watch.stop() == 0
    events = []
    for line in log.read_bytes().splitlines(keepends=True):
        problem, event = check_line(validator, line)
        assert not problem, problem
        events.append(event)
    found = ledger(events, lambda e: get(e, "process.pid") == process.pid)
    print(found)
    assert found.balances(total)
    assert found.told > total / 4
    numbers = [get(e, "event.sequence") for e in events]
    assert len(numbers) == len(set(numbers))
    assert host.run([host.PROGRAM, "verify", str(log)])


def test_a_second_one_is_told_of_the_first(marker, docksnoop, mode):
    first = docksnoop(mode=mode)
    second = docksnoop(mode=mode, pin=first.pin)
    assert f"process {first.pid} holds {first.pin}" in second.stderr
    marker.settle(second)
    marker.settle(first)
    # it cannot take away what is another's
    result = subprocess.run(
        [host.PROGRAM, "watch", "--unpin", "--pin", first.pin], capture_output=True, text=True, timeout=60,
    )
    assert result.returncode == 4
    assert f"process {first.pid} holds" in result.stderr
    second.pin = host.pin_dir()  # so it has left nothing in one of its own
    assert second.stop() == 0
    marker.settle(first)
    assert first.stop() == 0


def test_unpin_removes_what_a_killed_one_left(docksnoop, mode):
    watch = docksnoop(mode=mode)
    kill(watch)
    kept = {p.name for p in pathlib.Path(watch.pin).glob("links-1/*")}
    assert kept
    host.run([host.PROGRAM, "watch", "--unpin", "--pin", watch.pin])
    assert not os.path.exists(watch.pin)
    # twice is no mistake
    assert host.run([host.PROGRAM, "watch", "--unpin", "--pin", watch.pin]) == ""


def test_what_another_layout_kept_is_counted(marker, docksnoop, mode):
    first = docksnoop("--no-requests", mode=mode)
    kill(first)
    for _ in range(3):
        marker.connect()
    second = docksnoop(mode=mode, pin=first.pin, loss_is_fine=True)
    lost = second.wait_for("events-lost")
    assert get(lost, "docksnoop.lost.place") == "restart"
    assert get(lost, "docksnoop.lost.kind") == "record"
    assert get(lost, "docksnoop.lost.count") >= 3
    marker.settle(second)
    assert second.stop() == 0


@pytest.mark.once
def test_where_nothing_can_be_kept_it_says_so(marker, docksnoop, mode, scratch):
    watch = docksnoop(mode=mode, pin=str(scratch / "nobpf"))
    assert "does not lie in a bpf file system" in watch.stderr
    marker.settle(watch)
    assert watch.stop() == 0


@pytest.mark.once
def test_a_clean_end_leaves_nothing(marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    marker.settle(watch)
    assert os.listdir(watch.pin)
    assert watch.stop() == 0
    assert not os.path.exists(watch.pin)
