# SPDX-License-Identifier: Apache-2.0
"""How large the programs are as the kernel has them, and what has changed.

bench/instructions keeps what was measured last: DOCKSNOOP_BENCH_KEEP=1 writes it anew.
"""

import contextlib
import os
import pathlib
import platform
import re
import subprocess

from bench.lib import tools
from bench.lib.table import Table
from bench.lib.worker import Worker

KEPT = pathlib.Path(__file__).resolve().parents[1] / "instructions"


def place():
    """Both have their part in it; of another kernel or compiler nothing can be said."""
    clang = subprocess.run(["clang", "--version"], capture_output=True, text=True).stdout
    release = ".".join(platform.release().split(".")[:2])
    version = re.search(r"version (\d+)", clang).group(1)
    return f"{release}/clang-{version}"


def kept():
    """{(place, program): [instructions, verified]}"""
    found = {}
    for line in KEPT.read_text().splitlines() if KEPT.exists() else []:
        if not line.startswith("#"):
            where, name, *numbers = line.split()
            found[where, name] = [int(n) for n in numbers]
    return found


def keep(found):
    lines = [f"{where} {name} {' '.join(map(str, numbers))}" for (where, name), numbers in sorted(found.items())]
    KEPT.write_text(
        "# kernel/compiler, program, instructions, instructions that the verifier has walked through\n" + "\n".join(lines) + "\n"
    )


def changed(now, then):
    return "" if now == then else f"{now - then:+d}"


def run(bench):
    here = place()
    before = kept()
    found = dict(before)
    table = Table(
        f"Instructions, {here}", ["program", "instructions", "since kept", "verified", "since kept", "bytes compiled"],
    )
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(contextlib.closing(Worker(bench.scratch)))
        path = str(bench.scratch / "s.sock")
        worker.do("connect", path, 1)
        counter = stack.enter_context(contextlib.closing(tools.Counter()))
        programs = {}
        for mode in bench.modes:
            with tools.docksnoop("--socket", path, mode=mode):
                programs.update(counter.read())
    for name, program in sorted(programs.items()):
        now = [program["instructions"], program["verified"]]
        then = before.get((here, name), now)
        found[here, name] = now
        table.add(name, now[0], changed(now[0], then[0]), now[1], changed(now[1], then[1]), program["bytes"])
    for where, name in before:
        if where == here and name not in programs:
            table.notes.append(f"{name} is kept, and was not loaded")
    if not any(where == here for where, _ in before):
        table.notes.append("nothing is kept of this kernel and compiler")
    if os.environ.get("DOCKSNOOP_BENCH_KEEP"):
        keep(found)
    yield table
