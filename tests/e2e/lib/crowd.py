# SPDX-License-Identifier: Apache-2.0
"""More containers than anybody has: cgroups, namespaces and runtime files without a runtime."""

import contextlib
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import types

from . import engine as engines
from . import host
from .place import build_program


class Crowd:
    """crowd.c, below a folder and a cgroup of its own: a daemon, and who asks it."""

    def __init__(self, scratch, count):
        self._scratch = pathlib.Path(scratch)
        self._run = self._scratch / "run"
        self._data = self._scratch / "data"
        for path in (self._run, self._data, self._scratch / "root"):
            path.mkdir()
        self.socket = str(self._run / "docker.sock")
        self.names = {hashlib.sha256(f"{scratch} {i}".encode()).hexdigest(): f"box-{i}" for i in range(count)}
        hierarchies = host.cgroup_hierarchies()
        self._cgroup = pathlib.Path(hierarchies.get("v2") or hierarchies["pids"], engines.unique("docksnoop-crowd"))
        program = build_program(types.SimpleNamespace(work_dir=str(scratch)), "crowd")
        self._program = program
        # By this it is taken for a daemon, whose containers' files are where it says.
        self._dockerd_program = str(self._scratch / "dockerd")
        os.link(program, self._dockerd_program)
        self._dockerd = None
        self._filler = None

    def open(self):
        (self._cgroup / "docker").mkdir(parents=True)
        for number, (identity, name) in enumerate(self.names.items()):
            self._describe(number, identity, name)
        self._dockerd = subprocess.Popen(
            [self._dockerd_program, "--data-root", str(self._data), self.socket], stdout=subprocess.PIPE, text=True,
        )
        assert self._dockerd.stdout.readline() == "listening\n"
        return self

    def _describe(self, number, identity, name):
        """What dockerd would leave of a container that Compose has started."""
        folder = self._data / "containers" / identity
        folder.mkdir(parents=True)
        labels = {
            f"com.docker.compose.{key}": f"{key} of {name}"
            for key in ("project", "service", "config-hash", "container-number", "oneoff", "version", "image")
        }
        config = {
            "ID": identity, "Name": f"/{name}", "Image": "sha256:" + identity[::-1],
            "Config": {"Image": f"registry.example/team/service-{number}:1.{number}", "Labels": labels},
            "MountPoints": {
                "/run": {"Type": "bind", "Source": str(self._run), "Destination": "/run", "RW": True},
                "/data": {"Type": "bind", "Source": f"/srv/{name}", "Destination": "/data", "RW": True},
            },
        }
        (folder / "config.v2.json").write_text(json.dumps(config))
        (folder / "hostconfig.json").write_text(json.dumps({"Privileged": False, "PidMode": ""}))

    def fill(self, crowded, forks, flood):
        """Let them all come, and stay until close(); how many did what."""
        ids = self._scratch / "ids"
        ids.write_text("".join(f"{identity}\n" for identity in self.names))
        self._filler = subprocess.Popen(
            [self._program, "fill", str(ids), str(self._cgroup / "docker"), str(self._run), str(self._scratch / "root"),
             str(crowded), str(forks), str(flood)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        counts = json.loads(self._filler.stdout.readline() or "{}")
        assert counts, f"crowd: exit status {self._filler.wait()}"
        return counts

    def close(self):
        """Leave nothing behind, whatever state things are in."""
        if self._filler:
            self._filler.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._filler.wait(30 * host.SLOW)
            self._filler.kill()  # nobody holds what its containers wait at any more
            self._filler.wait()
            self._filler.stdout.close()
        if self._dockerd:
            self._dockerd.send_signal(signal.SIGKILL)
            self._dockerd.wait()
            self._dockerd.stdout.close()
        for path, _, _ in os.walk(self._cgroup, topdown=False):
            host.wait_until(lambda p=path: _removed(p), 10, f"the end of all in {path}")


def _removed(path):
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True
