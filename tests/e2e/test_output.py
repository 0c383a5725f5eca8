# SPDX-License-Identifier: Apache-2.0
"""Where events go, and that nothing in them can harm who reads them."""

import json
import os
import pathlib
import re
import signal
import subprocess
import unicodedata

import pytest
from lib import expect, host
from lib.eventlog import EventLog
from lib.watch import brief, get

pytestmark = pytest.mark.once

HOSTILE = "first\nsecond\r\x1b[31mred\x1b[0m\x07\x9b2J\u202egnp \\ \"quoted\" é"


# Text

def assert_harmless(text):
    lines = text.decode("utf-8")  # strict
    odd = {c for c in lines if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in "\u202e\u2066")}
    assert not odd, f"{odd} in {lines!r}"


def test_text_says_who_and_how(engine, docksnoop, mode, boxes):
    watch = docksnoop(mode=mode, json=False)
    box = boxes("-v", f"{engine.run_dir}:/hostrun:ro", client=("-s", "/hostrun/docker.sock"))
    line = watch.wait_text(b"FLAGGED", box.name.encode()).decode()
    for word in (
        "docksnoop-test:1", f"client[{box.pid}]", "/hostrun/docker.sock", "directory-bind", engine.run_dir, "docker",
        ":ro",
    ):
        assert word in line, line
    assert re.match(r"\d\d:\d\d:\d\d", line), line
    assert_harmless(watch.text())


def test_text_is_one_harmless_line_whatever_a_container_says(route, engine, docksnoop, mode):
    watch = docksnoop(mode=mode, json=False)
    box = engine.run(*route.options, "--label", f"evil={HOSTILE}", client=(route.path, HOSTILE))
    watch.wait_text(b"FLAGGED", box.name.encode())
    watch.stop()
    assert_harmless(watch.text())
    assert len([x for x in watch.text().decode().split("\n") if "FLAGGED" in x and box.name in x]) == 1


def test_text_of_a_hostile_process_name(engine, docksnoop, mode, scratch):
    evil = scratch / "a\n\x1b[31mb"
    os.link(engine.client, evil)
    watch = docksnoop("--all", mode=mode, json=False)
    with subprocess.Popen([evil, engine.socket], stdout=subprocess.DEVNULL) as process:
        process.wait()
    watch.wait_text(f"[{process.pid}]".encode())
    assert_harmless(watch.text())


# A label that would be the next line of the log, about another container, were it printed as it came.
FORGED_LINE = "x\n12:00:00.000 FLAGGED someone-else (nginx:1) client[1] docker /run/docker.sock\u202e\u2066"


def test_labels_of_a_megabyte_and_one_that_would_be_a_line(route, engine, docksnoop, mode, scratch):
    (scratch / "labels").write_text("".join(f"big{i}={'y' * 10_000}\n" for i in range(100)))
    watch, lines = docksnoop(mode=mode), docksnoop(mode=mode, json=False)
    options = ["--label", f"com.docker.compose.project={FORGED_LINE}", "--label-file", str(scratch / "labels")]
    box = engine.run(*route.options, *options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode)
    assert event["container"]["labels"]["com.docker.compose.project"] == FORGED_LINE
    assert len(json.dumps(event)) < 64 * 1024
    assert "container.labels" in get(event, "docksnoop.truncated")
    lines.wait_text(b"FLAGGED", box.name.encode())
    lines.stop()
    assert_harmless(lines.text())
    assert not any(re.match(rb"[0-9:.]+ FLAGGED someone-else", line) for line in lines.text().split(b"\n"))


# JSON

def test_json_keeps_what_a_container_says(route, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = engine.run(*route.options, "--label", f"evil={HOSTILE}", client=(route.path, HOSTILE))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode, args=["/bin/client", route.path, HOSTILE])
    expect.fields(event, container__labels={"evil": HOSTILE})


def test_json_of_bytes_that_are_no_text(engine, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    with subprocess.Popen([engine.client, engine.socket, b"a\xff\xfeb\xc3"], stdout=subprocess.DEVNULL) as process:
        process.wait()
    event = watch.wait_for("socket-connect", process__pid=process.pid)
    assert get(event, "process.args") == [engine.client, engine.socket, "a\ufffd\ufffdb\ufffd"]


def test_first_and_last_events_are_the_monitors(marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    marker.settle(watch)
    assert watch.stop() == 0
    events = watch.all_events()
    assert get(events[0], "event.action") == "monitor-started", brief(events[0])
    assert get(events[-1], "event.action") == "monitor-stopped", brief(events[-1])
    assert all(get(event, "docksnoop.mode") == mode for event in events)
    assert get(events[-1], "docksnoop.monitor.emitted") == len(events) - 1
    assert get(events[-1], "docksnoop.monitor.lost") == 0
    boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert get(events[0], "docksnoop.monitor.boot_id") == boot_id
    programs = get(events[0], "docksnoop.monitor.programs")
    assert {name.split("_")[0] for name in programs} <= {"common", "kprobe", "kretprobe", "trampoline", "tracepoint"}
    assert len(programs) >= 5
    assert "0" * 16 not in programs.values()
    assert get(events[0], "docksnoop.monitor.resumed") is None


# Files

def test_file_gets_what_stdout_gets(marker, docksnoop, validator, mode, scratch):
    log = EventLog(scratch / "log", validator)
    watch = docksnoop("--file", log.path, mode=mode)
    marker.settle(watch)
    assert watch.stop() == 0
    assert log.events() == watch.all_events()
    assert os.stat(log.path).st_mode & 0o777 == 0o600


def test_file_is_appended_to(marker, docksnoop, validator, mode, scratch):
    log = EventLog(scratch / "log", validator)
    both = []
    for _ in range(2):
        watch = docksnoop("--file", log.path, mode=mode)
        marker.settle(watch)
        watch.stop()
        both += watch.all_events()
    assert log.events() == both


def test_file_is_rotated_on_sighup(marker, docksnoop, validator, mode, scratch):
    log = EventLog(scratch / "log", validator)
    old = EventLog(scratch / "log.1", validator)
    watch = docksnoop("--file", log.path, mode=mode)
    marker.settle(watch)
    os.rename(log.path, old.path)
    marker.settle(watch)  # between the two: still to the old one
    watch.send(signal.SIGHUP)
    host.wait_until(lambda: os.path.exists(log.path), 10, "the new file")
    marker.settle(watch)
    watch.stop()
    assert len(old.connects(marker.box)) == 2
    assert len(log.connects(marker.box)) == 1
    assert old.events() + log.events() == watch.all_events()


def test_no_stdout_writes_to_the_file_only(marker, docksnoop, validator, mode, scratch):
    log = EventLog(scratch / "log", validator)
    watch = docksnoop("--no-stdout", "--file", log.path, mode=mode)
    marker.connect()
    host.wait_until(lambda: log.connects(marker.box), 15, "the marker's connect in the file")
    assert watch.stop() == 0
    assert watch.text() == b""
    numbers = [get(event, "event.sequence") for event in log.events()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
