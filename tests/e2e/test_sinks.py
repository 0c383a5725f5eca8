# SPDX-License-Identifier: Apache-2.0
"""Sinks that are slow, stuck, full or away: the others go on, and nothing is lost unsaid."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from lib import host
from lib.syslogd import Syslogd
from lib.watch import check_line, get

pytestmark = pytest.mark.once


def lines(path):
    with open(path, "rb") as file:
        return file.read().splitlines(keepends=True)


def connects(path, box):
    """How many connects of this container the file tells of."""
    events = [json.loads(line) for line in lines(path)]
    return sum(
        get(event, "docksnoop.count", 1) for event in events
        if get(event, "event.action") == "socket-connect" and get(event, "container.id") == box.id
    )


class Unread:
    """docksnoop with a stdout that nobody reads, until it is read."""

    def __init__(self, *arguments, mode):
        self.pin = host.pin_dir()
        self.process = subprocess.Popen(
            [host.PROGRAM, "watch", "--json", "--mode", mode, "--pin", self.pin, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False, start_new_session=True,
        )
        while not self.process.stderr.readline().startswith(b"docksnoop: watching"):
            assert self.process.poll() is None

    def close(self):
        host.stop(self.process, "docksnoop")
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def unread():
    started = []

    def start(*arguments, mode):
        started.append(Unread(*arguments, mode=mode))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_a_stdout_that_nobody_reads_holds_up_nobody(marker, unread, mode, scratch, validator):
    log = str(scratch / "log")
    watch = unread("--file", log, mode=mode)
    # more than a pipe holds
    for _ in range(120):
        marker.connect()
    host.wait_until(lambda: connects(log, marker.box) == 120, 30, "120 connects in the file")
    # read now: everything is there, in whole lines
    watch.process.send_signal(signal.SIGTERM)
    out, err = watch.process.communicate(timeout=30 * host.SLOW)
    assert watch.process.returncode == 0, err
    said = []
    for line in out.splitlines(keepends=True):
        problem, event = check_line(validator, line)
        assert not problem, problem
        said.append(event)
    assert [get(e, "event.sequence") for e in said] == list(range(1, len(said) + 1))
    assert len(said) == len(lines(log))


def test_it_ends_although_nobody_reads(marker, unread, mode):
    watch = unread(mode=mode)
    for _ in range(120):
        marker.connect()
    time.sleep(1)
    began = time.monotonic()
    watch.process.send_signal(signal.SIGTERM)
    assert watch.process.wait(30 * host.SLOW) == 0
    assert time.monotonic() - began < 20 * host.SLOW
    out, err = watch.process.stdout.read(), watch.process.stderr.read().decode()
    assert b"lines could not be written any more" in err.encode(), err
    # and no half line is left in the pipe
    assert out.endswith(b"\n")
    for line in out.splitlines():
        json.loads(line)


@pytest.fixture
def small_disk(scratch):
    """A file system of 256 KiB."""
    path = scratch / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)], check=True)
    return path


def test_a_full_disk_is_waited_for(marker, docksnoop, mode, small_disk):
    log = small_disk / "log"
    watch = docksnoop("--file", str(log), mode=mode)
    watch.expect_trouble("file: No space left on device")
    marker.settle(watch)
    fill = small_disk / "fill"
    with open(fill, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    for _ in range(20):
        marker.settle(watch)  # stdout goes on
    assert connects(log, marker.box) < 21
    host.wait_until(lambda: "No space left" in watch.stderr, 10, "a word of it on stderr")
    for line in lines(log):
        json.loads(line)  # no half lines
    fill.unlink()
    host.wait_until(lambda: connects(log, marker.box) == 21, 15, "all of them")
    host.wait_until(lambda: "file: takes lines again" in watch.stderr, 10, "a word of that, too")
    assert watch.stop() == 0
    assert len(lines(log)) == len(watch.all_events())
    host.run([host.PROGRAM, "verify", str(log)])


def test_a_file_that_is_deleted_is_said(marker, docksnoop, mode, scratch):
    log = scratch / "log"
    watch = docksnoop("--file", str(log), mode=mode, loss_is_fine=True)
    watch.expect_trouble("file was deleted")
    marker.settle(watch)
    host.wait_until(lambda: len(lines(log)) == len(watch.all_events()), 10, "all in the file")
    before = len(lines(log))
    log.unlink()
    lost = watch.wait_for("events-lost")
    assert get(lost, "docksnoop.lost.place") == "sink:file"
    assert get(lost, "docksnoop.lost.count") == before
    assert get(lost, "docksnoop.lost.accesses") >= 1
    marker.settle(watch)
    host.wait_until(lambda: log.exists() and connects(log, marker.box), 10, "a new file")
    assert "the file was deleted, and" in watch.stderr
    assert watch.stop() == 0


def test_a_log_volume_that_is_taken_away(marker, docksnoop, mode, small_disk):
    """umount -l: what is written goes nowhere that anybody sees, until the path is opened anew."""
    log = small_disk / "log"
    watch = docksnoop("--file", str(log), mode=mode)
    marker.settle(watch)
    subprocess.run(["umount", "-l", str(small_disk)], check=True)

    def opened_anew():
        marker.settle(watch)
        time.sleep(0.1)  # the volume is small, and must not be full before that
        return log.exists()

    host.wait_until(opened_anew, 30, "a file where the volume was")
    marker.settle(watch)
    host.wait_until(lambda: connects(log, marker.box), 10, "connects in it")
    assert watch.stop() == 0


def test_rotated_and_nobody_has_told(marker, docksnoop, mode, scratch):
    log = scratch / "log"
    watch = docksnoop("--file", str(log), mode=mode)
    marker.settle(watch)
    os.rename(log, scratch / "log.1")
    host.wait_until(log.exists, 20, "a new file")
    marker.settle(watch)
    assert watch.stop() == 0
    host.run([host.PROGRAM, "verify", str(scratch / "log.1"), str(log)])
    assert len(lines(scratch / "log.1")) + len(lines(log)) == len(watch.all_events())


def test_a_syslog_that_does_not_read_for_a_while(marker, docksnoop, mode, scratch):
    with contextlib.closing(Syslogd(scratch)) as first:
        watch = docksnoop("--syslog", mode=mode, wrap=first.wrap())
        watch.expect_trouble("syslog: ")
        marker.settle(watch)
        host.wait_until(lambda: len(first.messages()) == len(watch.all_events()), 15, "all of it")
        os.kill(first.pid, signal.SIGSTOP)
        for _ in range(10 + int(pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").read_text())):
            marker.settle(watch)
        host.wait_until(lambda: "syslog: " in watch.stderr, 10, "a word of it on stderr")
        os.kill(first.pid, signal.SIGCONT)
        host.wait_until(lambda: len(first.messages()) == len(watch.all_events()), 15, "what it missed")
        assert watch.stop() == 0
        host.wait_until(lambda: len(first.messages()) == len(watch.all_events()), 15, "the end")
        assert [m.event for m in first.messages()] == watch.all_events()


def test_two_do_not_write_one_file(marker, docksnoop, mode, scratch):
    log = str(scratch / "log")
    watch = docksnoop("--file", log, mode=mode)
    result = subprocess.run(
        [host.PROGRAM, "watch", "--pin", "none", "--file", log, "--duration", "1"], capture_output=True, text=True, timeout=60,
    )
    assert result.returncode == 2
    assert f"{log}: another docksnoop writes to it" in result.stderr
    assert watch.stop() == 0


def test_nobody_reads_stdout_any_more(marker, unread, mode):
    """With no other place to write to that is the end."""
    watch = unread(mode=mode)
    watch.process.stdout.close()
    marker.connect()
    assert watch.process.wait(20 * host.SLOW) == 4
    assert b"stdout was closed, and there is no other place to write to" in watch.process.stderr.read()
