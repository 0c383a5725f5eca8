# SPDX-License-Identifier: Apache-2.0
"""What docksnoop is given to tell of, and what it has told."""

import contextlib
import pathlib
import re
import shutil
import time
import types
from dataclasses import dataclass

from lib import host
from lib.crowd import Crowd
from lib.storm import Storm

from bench.lib import tools
from bench.lib.worker import Worker, build


def storm(bench):
    return Storm(types.SimpleNamespace(work_dir=str(bench.scratch)))


@contextlib.contextmanager
def crowd(bench, name, count):
    """So many containers, once they are let come, and their daemon, in a folder of this (short) name."""
    folder = bench.scratch / name
    folder.mkdir()
    try:
        with contextlib.closing(Crowd(folder, count)) as found:
            found.open()
            try:
                yield found
            finally:
                # Its daemon and what holds its containers: they are not asked to end one by one.
                host.kill_all_of(folder)
    finally:
        shutil.rmtree(folder)


class Inside(Worker):
    """ops.c in one of the containers of a crowd, which has been filled; the daemon is at /run/docker.sock there."""

    SOCKET = "/run/docker.sock"

    def __init__(self, crowd, cpu=0):
        run = pathlib.Path(crowd.socket).parent
        build(run, "ops", "-static")  # its root has nothing but /run
        identity = next(iter(crowd.names))
        cgroup = next(pathlib.Path(path) for path in host.cgroups() if path.endswith(identity))
        pid = (cgroup / "cgroup.procs").read_text().split()[0]
        into = f'echo 0 >"{cgroup}/cgroup.procs" && exec "$@"'
        super().__init__(
            run, cpu, ("sh", "-c", into, "sh"), ("nsenter", "-t", pid, "--mount", "--pid", f"{self.SOCKET[:4]}/ops"),
        )


@dataclass
class Told:
    """What came of some stretch of work."""

    events: int
    cpu: float  # seconds of the program, user and system
    seconds: float  # of time

    @property
    def cost(self):
        """Nanoseconds for one event."""
        return self.cpu * 1e9 / self.events


class Recorder:
    """A docksnoop that writes JSON to a file."""

    def __init__(self, program, path):
        self.program = program
        self.path = path
        self.mark()

    @property
    def pid(self):
        return self.program.pid

    def cpu(self):
        return tools.cpu_seconds(self.pid)

    def size(self):
        return self.path.stat().st_size

    def mark(self):
        """Work begins here."""
        self._size = self.size()
        self._cpu = self.cpu()
        self._began = time.monotonic()

    def told(self):
        """Since mark(), once it has come to rest; that is where the next begins."""
        self.rest()
        cpu, seconds = self.cpu() - self._cpu, time.monotonic() - self._began
        events = self.lines(self._size, self.size())
        self.mark()
        return Told(events, cpu, seconds)

    def lines(self, begin, end):
        """How many end between these two places of the file."""
        with open(self.path, "rb") as file:
            file.seek(begin)
            return file.read(end - begin).count(b"\n")

    def rest(self):
        """Wait until it does no more than look around now and then."""
        rest(self.pid)


def rest(pid):
    def still():
        before = tools.cpu_seconds(pid)
        time.sleep(0.1)
        return tools.cpu_seconds(pid) - before < 0.02

    host.wait_until(lambda: still() and still() and still(), 60, "docksnoop has written all")


@contextlib.contextmanager
def recorder(bench, *arguments, mode=None, wrap=()):
    path = bench.scratch / "log"
    path.unlink(missing_ok=True)
    with tools.docksnoop("--no-stdout", "--file", str(path), *arguments, mode=mode, wrap=wrap) as program:
        yield Recorder(program, path)


def lost(program):
    """Of one that has ended, by its own account: accesses and other events that no event tells of."""
    return int(re.search(r"^docksnoop: stopped: \d+ events written, (\d+) lost", program.stderr, re.M).group(1))
