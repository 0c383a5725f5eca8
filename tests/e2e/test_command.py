# SPDX-License-Identifier: Apache-2.0
"""The commands themselves: options, exit codes, what they say on stderr, what they leave behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from lib import host, skips
from lib.watch import get

pytestmark = pytest.mark.once

MODES = ["trampoline", "kprobe", "tracepoint"]  # strongest first

def run(*arguments, wrap=(), program=None):
    return subprocess.run(
        [*wrap, program or host.PROGRAM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=60 * host.SLOW,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_a_summary(number, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    marker.settle(watch)
    assert watch.stop(number) == 0
    after = watch.stderr.partition(watch.armed)[2]
    assert re.search(r"^docksnoop: .*\b\d+ events?\b", after, re.M), watch.stderr


def test_what_happened_before_the_signal_is_drained(engine, marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    watch.send(signal.SIGSTOP)
    try:
        engine.exec(marker.box, "-n", "20", "/hostrun/docker.sock")
        watch.send(signal.SIGTERM)
    finally:
        watch.send(signal.SIGCONT)
    assert watch.wait_exit() == 0
    watch.check()
    assert len(watch.events("socket-connect", marker.box)) == 20


def test_duration_ends_it(docksnoop, mode):
    began = time.monotonic()
    watch = docksnoop("--duration", "1", mode=mode)
    assert watch.wait_exit() == 0
    assert time.monotonic() - began >= 1
    assert re.search(r"\b\d+ events?\b", watch.stderr.partition(watch.armed)[2]), watch.stderr


def test_count_ends_it(marker, docksnoop, mode):
    watch = docksnoop("--count", "3", mode=mode)
    for _ in range(5):
        marker.connect()
    assert watch.wait_exit() == 0
    said = [e for e in watch.all_events() if not get(e, "event.action").startswith("monitor-")]
    assert len(said) == 3, watch.report()


def test_watch_is_the_default_command():
    result = run("--duration", "1", "--json")
    assert result.returncode == 0, result.stderr
    assert "docksnoop: watching" in result.stderr


@pytest.mark.parametrize("number", ["--help", "--version"])
def test_help_and_version_go_to_stdout(number):
    result = run(number)
    assert result.returncode == 0 and "docksnoop" in result.stdout and not result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "--bogus"], ["watch", "--mode", "magic"], ["watch", "--mode"], ["watch", "--count", "x"],
        ["watch", "--count", "0"], ["watch", "--count", "-1"], ["watch", "--duration", "1s"],
        ["watch", "--duration", "99999999999999999999"], ["watch", "--syslog=nowhere"], ["watch", "--socket", ""],
        ["watch", "surplus"], ["frobnicate"], ["--bogus"], ["probe", "--bogus"], ["selftest", "surplus"],
        ["watch", "--no-stdout"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_told(arguments):
    result = run(*arguments)
    assert result.returncode == 2, result.stderr
    assert result.stderr and not result.stdout


def test_file_that_cannot_be_written_is_told():
    result = run("watch", "--file", "/proc/nowhere/log")
    assert result.returncode == 2 and "/proc/nowhere/log" in result.stderr, result


@pytest.mark.parametrize("command", ["watch", "selftest"])
def test_without_privileges_it_says_what_is_missing(command, scratch):
    # a copy, because the sources may lie where nobody else can look
    program = shutil.copy(host.PROGRAM, scratch)
    wrap = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    result = run(command, wrap=wrap, program=program)
    assert result.returncode == 3, result
    assert re.search(r"root|CAP_|privilege|permitted", result.stderr), result.stderr
    assert not result.stdout or command == "selftest"


def test_probe_names_every_feature_and_mode():
    json_output = run("probe", "--json")
    assert json_output.returncode == 0, json_output.stderr
    text = run("probe")
    assert text.returncode == 0
    report = json.loads(json_output.stdout)
    assert [entry["name"] for entry in report["modes"]] == MODES
    assert report["features"]
    for entry in [*report["features"], *report["modes"]]:
        assert entry["name"] in text.stdout
        assert isinstance(entry["available"], bool)
        assert entry["available"] or entry["why"], entry
    strongest = next(entry["name"] for entry in report["modes"] if entry["available"])
    assert report["mode"] == strongest
    assert text.stdout.endswith(f"mode: {strongest}\n")


def test_mode_that_the_kernel_refuses_is_told():
    for mode in MODES:
        if mode not in skips.kernel_modes():
            result = run("watch", "--mode", mode)
            assert result.returncode == 3 and mode in result.stderr, result


def surroundings():
    """What a selftest could forget to remove."""
    files = set()
    for directory in ("/tmp", "/run", "/var/tmp", "/dev/shm"):
        for path, directories, names in os.walk(directory):
            directories[:] = [d for d in directories if not d.startswith(("dse.", "dst."))]
            files.update(os.path.join(path, name) for name in [*directories, *names])
    return files | host.cgroups() | {f"mount {m['target']}" for m in host.mounts("self")}


def test_selftest_sees_an_access_and_leaves_nothing_behind(mode):
    # Others may make things meanwhile: theirs go away in time, or are not there each time.
    for _ in range(3):
        before = surroundings()
        result = run("selftest", "--mode", mode)
        left = surroundings() - before
        assert result.returncode == 0, result.stdout + result.stderr
        assert mode in result.stdout
        if not left or settles(lambda left=left: not left & surroundings()):
            return
    raise AssertionError(f"left behind: {left}")


def settles(condition):
    try:
        return host.wait_until(condition, 5, "")
    except AssertionError:
        return False


def test_selftest_without_options_succeeds():
    result = run("selftest")
    assert result.returncode == 0, result.stdout + result.stderr
