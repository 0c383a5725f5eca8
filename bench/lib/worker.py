# SPDX-License-Identifier: Apache-2.0
"""ops.c: a process that does what is to be measured."""

import pathlib
import subprocess

SOURCES = pathlib.Path(__file__).resolve().parents[1]


def build(scratch, name, *flags):
    """name.c of this folder, as a program in the scratch folder; built once."""
    program = pathlib.Path(scratch, name)
    if not program.exists():
        subprocess.run(
            ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", str(program), str(SOURCES / f"{name}.c"), *flags],
            check=True,
        )
    return str(program)


class Worker:
    """Pinned to one processor, so that where it runs is no part of what is measured.

    command: how ops is called where it is not to be called by its path in the scratch folder.
    """

    def __init__(self, scratch, cpu=0, wrap=(), command=None):
        self.process = subprocess.Popen(
            [*wrap, "taskset", "-c", str(cpu), *(command or [build(scratch, "ops")])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    @property
    def pid(self):
        return self.process.pid

    def do(self, what, path="-", count=1000, pause=0):
        """What it says: nanoseconds for one, or how many."""
        self.begin(what, path, count, pause)
        return self.end()

    def begin(self, what, path="-", count=1000, pause=0):
        self.process.stdin.write(f"{what} {path} {count} {pause}\n")
        self.process.stdin.flush()

    def end(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"ops ended ({self.process.wait()})")
        return float(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
