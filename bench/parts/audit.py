# SPDX-License-Identifier: Apache-2.0
"""The audit of a tree of Compose files, beside grep -r, which reads the same files and understands none."""

import re
import subprocess
import time

from lib import host

from bench.lib.stats import Figure, interleave, ratios
from bench.lib.table import Table

# One in ten has the socket: a third of these by its name, a third by a variable's default, a third by /run.
EXPOSED = {
    0: "/var/run/docker.sock:/var/run/docker.sock:ro", 10: "${SOCKET:-/run/docker.sock}:/var/run/docker.sock",
    20: "/run:/host/run",
}
FILE = """\
x-common: &common
  restart: unless-stopped
  volumes:
    - {volume}
services:
  web:
    <<: *common
    image: example/web:1.{version}
    environment: ["LEVEL=info", "NAME=${{NAME:-web{number}}}"]
    labels: {{traefik.enable: "true", note: "service {number}"}}
  db:
    image: postgres:16
    volumes: ["db:/var/lib/postgresql/data"]
volumes:
  db:
"""


def plant(tree, files):
    for number in range(files):
        folder = tree / str(number // 100) / str(number % 100)
        folder.mkdir(parents=True)
        volume = EXPOSED.get(number % 30, "./data:/data")
        (folder / "compose.yaml").write_text(FILE.format(volume=volume, version=number % 50, number=number))


def measure(command):
    """Seconds, KiB at most, lines of output. The status of the audit says that there are findings."""
    began = time.monotonic()
    # Of a child of ours the kernel would tell our own size.
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], capture_output=True, text=True)
    seconds = time.monotonic() - began
    return seconds, int(re.search(r"^(\d+)$", done.stderr, re.M).group(1)), done.stdout.count("\n")


def run(bench):
    tree = bench.scratch / "tree"
    files = bench.times(10_000, 600)
    plant(tree, files)
    commands = {
        "docksnoop audit": [host.PROGRAM, "audit", "--json", str(tree)],
        "grep -r docker.sock": ["grep", "-r", "docker.sock", str(tree)],
    }
    found = interleave(list(commands), bench.times(7, 2), lambda name: measure(commands[name]))
    seconds = {name: [one[0] for one in rounds] for name, rounds in found.items()}
    there = sum(number % 30 in EXPOSED for number in range(files))
    columns = ["with", "seconds", "files a second", "resident", f"found of {there}"]
    table = Table(f"Audit of {files} Compose files", columns)
    for name, rounds in found.items():
        median = Figure(seconds[name]).median
        resident = max(one[1] for one in rounds) / 1024
        table.add(name, f"{median:.2f}", f"{files / median:.0f}", f"{resident:.1f} MB", rounds[0][2])
    ratio = ratios(seconds, "docksnoop audit", "grep -r docker.sock")
    table.notes.append(f"docksnoop takes {ratio.median:.1f} times as long as grep ({ratio.low:.1f} … {ratio.high:.1f})")
    yield table
