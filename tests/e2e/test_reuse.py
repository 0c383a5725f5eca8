# SPDX-License-Identifier: Apache-2.0
"""A process number that is another's by the time docksnoop looks: what it reads is nobody's then."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from lib import expect, host, routes
from lib.watch import get

pytestmark = pytest.mark.once

NEXT_PID = pathlib.Path("/proc/sys/kernel/ns_last_pid")


@contextlib.contextmanager
def held_up(watch):
    """docksnoop sees nothing of what happens inside, until its end."""
    watch.send(signal.SIGSTOP)
    try:
        yield
    finally:
        watch.send(signal.SIGCONT)


@contextlib.contextmanager
def taking(pid, command):
    """A process that runs command and has this number, which must be free."""
    for _ in range(200):  # others start processes as well
        NEXT_PID.write_text(str(pid - 1))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        if process.pid == pid:
            break
        process.kill()
        process.wait()
    else:
        raise AssertionError(f"no process could be given the number {pid}")
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def sleep(scratch):
    """A program that exists for this test alone."""
    return shutil.copy(shutil.which("sleep"), scratch / "somebody-else")


def test_parents_number_given_to_another_process(engine, sleep, docksnoop, mode, scratch):
    watch = docksnoop("--all", mode=mode)
    with held_up(watch):
        # The client goes on alone. No session of the shell's own: its number would stay taken for that.
        shell = subprocess.Popen(
            ["sh", "-c", '"$0" -s -o "$1" "$2" & while [ ! -s "$1" ]; do :; done', engine.client, f"{scratch}/said",
             engine.socket],
        )
        shell.wait()
        truth = json.loads((scratch / "said").read_text())
        with taking(shell.pid, [sleep, "3600"]):
            watch.send(signal.SIGCONT)
            event = watch.wait_for("socket-connect", process__pid=truth["pid"])
    os.kill(truth["pid"], signal.SIGKILL)
    assert get(event, "process.parent.pid") == shell.pid
    assert get(event, "process.parent.name") == "sh"
    # its program can only be read from /proc, where another one has its number
    assert get(event, "process.parent.executable") is None


def test_number_of_a_container_given_to_a_process_of_the_host(engine, sleep, docksnoop, mode):
    """Neither its mount table nor its family is asked: the container is told by what the kernel saw."""
    watch = docksnoop(mode=mode)
    route = routes.directory(engine.run_dir, "docker.sock")
    with held_up(watch):
        box = engine.start_box(*route.options, client=("-s", route.path))
        engine.wait_truth(box)
        pid = box.pid
        engine.docker("kill", box.id)
        host.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10, "the container's end")
        with taking(pid, [sleep, "3600"]):
            watch.send(signal.SIGCONT)
            event = watch.wait_for("socket-connect", box.id, process__pid=pid)
    engine.remove(box)
    expect.container_is(event, engine, box)
    expect.fields(event, docksnoop__verdict="flagged", docksnoop__attribution__by="cgroup")
    expect.mount_is(event, route)  # by the container's configuration
