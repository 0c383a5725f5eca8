# SPDX-License-Identifier: Apache-2.0
"""Containers that ctr starts in the engine's containerd, in a namespace and with names of one's own."""

import json
import os
import subprocess
import tarfile
import time
import io

from . import engine as engines
from . import host


class Ctr:
    """containerd's own client; its containers have an id, and no name or image that is told."""

    runtime = "containerd"
    by = "cgroup"
    image_name = None
    image_id = None

    def __init__(self, engine):
        self._engine = engine
        self.namespace = engines.unique("docksnoop-ns")
        self.rootfs = f"{engine.dir}/{self.namespace}"
        self.cgroups = {self.namespace}
        self._ids = []

    def open(self):
        make_rootfs(self.rootfs, self._engine.client)
        return self

    def cgroup_end(self, box):
        return f"/{self.namespace}/{box.id}"

    def ctr(self, *arguments, timeout=60):
        # Files for its output: a shim would keep a pipe open.
        result = subprocess.run(
            ["ctr", "-a", self._engine.containerd_socket, "-n", self.namespace, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout * host.SLOW,
        )
        assert result.returncode == 0, f"ctr {arguments}: exit {result.returncode}: {result.stderr}{result.stdout}"
        return result.stdout.strip()

    def _run(self, name, mount, options, command):
        bind = f"type=bind,src={mount.source},dst={mount.target},options=rbind:{'ro' if mount.read_only else 'rw'}"
        self._ids.append(name)
        return self.ctr("run", *options, "--mount", bind, "--rootfs", self.rootfs, name, *command)

    def run(self, mount, *options, name=None):
        """A container that is removed at its end; returns after that."""
        name = name or engines.unique("web")
        began = time.time_ns()
        output = self._run(name, mount, ["--rm", *options], [engines.CLIENT, mount.path])
        return self._box(name, began, time.time_ns(), json.loads(output))

    @staticmethod
    def _box(name, began, ended=0, truth=None):
        box = engines.Box(name, None, began, ended, truth or {})
        return box

    def sleeper(self, mount, *options, name=None):
        name = name or engines.unique("web")
        box = self._box(name, time.time_ns())
        self._run(name, mount, ["-d", *options], ["/bin/sleep", "3600"])
        tasks = dict(line.split()[:2] for line in self.ctr("task", "ls").splitlines()[1:])
        box.pid = int(tasks[name])
        box.cgroup = host.cgroup_of(box.pid)
        return box

    def exec(self, box, *client):
        return json.loads(self.ctr("task", "exec", "--exec-id", engines.unique("exec"), box.id, engines.CLIENT, *client))

    def shim(self, box):
        """The process that containerd left beside a container."""
        with open(f"/proc/{box.pid}/stat", encoding="utf-8") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])

    def remove(self, *boxes):
        for box in boxes:
            self.ctr("task", "rm", "-f", box.id)
            self.ctr("container", "rm", box.id)

    def close(self):
        for root in host.cgroup_roots():
            for name in self.cgroups:
                for directory, _, _ in os.walk(f"{root}/{name}", topdown=False):
                    engines.remove_unless_used(directory)


def make_rootfs(path, client):
    """The image as a directory, with what machines want to find in one."""
    with tarfile.open(fileobj=io.BytesIO(engines.image_tar(client))) as tar:
        tar.extractall(path)
    for name in ("dev", "proc", "sys", "usr", "var"):
        os.mkdir(f"{path}/{name}")
