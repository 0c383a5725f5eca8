# SPDX-License-Identifier: Apache-2.0
"""Containers in which routes.c does what it is told to."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
from dataclasses import dataclass

from . import engine as engines
from . import host

_serial = itertools.count(1)


@dataclass
class Actor:
    """A process that took a route and stays."""

    pid: int  # as the host counts
    truth: dict
    args: list


def host_pid(truth):
    """The host's number of the process that told this of itself."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = pathlib.Path(f"/proc/{entry}/status").read_text()
            if (
                re.search(rf"^NSpid:.*\t{truth['pid']}$", status, re.M)
                and os.stat(f"/proc/{entry}/ns/pid").st_ino == truth["ns"]["pid"]
            ):
                return int(entry)
        except OSError:
            continue
    raise AssertionError(f"no such process: {truth}")


class Place:
    """A container in which routes.c does what it is told to."""

    def __init__(self, engine, program, *options, name=None):
        self.engine = engine
        self.dir = pathlib.Path(engine.work_dir, engines.unique("place"))
        self.dir.mkdir()
        os.mkfifo(self.dir / "fifo")
        self.box = engine.start_box(
            "-v", f"{self.dir}:/place", "-v", f"{program}:{engines.CLIENT}:ro",
            "--security-opt", "seccomp=unconfined",  # newer profiles forbid io_uring
            *options, client=("serve", "/place/fifo", "/place"), name=name,
        )

    @contextlib.contextmanager
    def take(self, *arguments, program=engines.CLIENT):
        """Let a process take a route; it is there until the end of the block."""
        number = next(_serial)
        answer = self.dir / f"{number}.answer"
        args = [program, *arguments]
        (self.dir / f"{number}.request").write_bytes(b"".join(os.fsencode(a) + b"\0" for a in args))
        with open(self.dir / "fifo", "w", encoding="ascii") as fifo:
            fifo.write(f"{number}\n")

        def said():
            text = answer.read_text() if answer.exists() else ""
            return text.endswith("\n") and text

        text = host.wait_until(said, 10, f"answer to {arguments}")
        assert text.startswith("{"), text
        truth = json.loads(text)
        actor = Actor(host_pid(truth), truth, args)
        try:
            yield actor
        finally:
            os.kill(actor.pid, signal.SIGKILL)

    def close(self):
        self.engine.remove(self.box)


def build_program(engine, name):
    """name.c as a program that every container can run."""
    path = f"{engine.work_dir}/{name}"
    source = pathlib.Path(__file__).resolve().parents[1] / f"{name}.c"
    subprocess.run(["gcc", "-std=gnu11", "-static", "-O2", "-o", path, str(source), "-pthread"], check=True)
    return path


def build_routes(engine):
    return build_program(engine, "routes")
