# SPDX-License-Identifier: Apache-2.0
"""Containers of LXC and systemd-nspawn: no daemon, no image, a name that is their id."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import ctr
from . import engine as engines
from . import host


class _Machines:
    by = "cgroup"
    image_name = None
    image_id = None

    def __init__(self, engine):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="dsm.", dir="/tmp"))
        os.chmod(self.dir, 0o755)
        self.rootfs = f"{self.dir}/rootfs"
        self.parent = engines.unique("docksnoop-machines")
        self._started = []
        ctr.make_rootfs(self.rootfs, engine.client)
        os.mkdir(f"{self.rootfs}/said")

    def _start(self, name, command, mount):
        """Run the client as the machine's program; returns when it has said what it did."""
        said = f"/said/{name}"
        client = [engines.CLIENT, "-s", "-o", said, mount.path]
        box = engines.Box(name, None, time.time_ns())
        with open(f"{self.dir}/{name}.log", "ab") as log:
            process = subprocess.Popen(
                [*command, *client], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        self._started.append(process)
        path = pathlib.Path(self.rootfs + said)

        def told():
            assert process.poll() is None, pathlib.Path(f"{self.dir}/{name}.log").read_text()
            return path.exists()

        host.wait_until(told, 30, f"what {name} did")
        box.truth = json.loads(path.read_text())
        box.args = client
        return box

    def close(self):
        for process in self._started:
            host.stop(process, self.runtime)
        try:
            host.kill_all_of(self.dir)
        finally:
            for root in host.cgroup_roots():
                for directory, _, _ in os.walk(f"{root}/{self.parent}", topdown=False):
                    engines.kill_cgroup(directory)
            host.unmount_below(self.dir)
            shutil.rmtree(self.dir)


class Lxc(_Machines):
    runtime = "lxc"

    def cgroup_end(self, box):
        return f"/lxc.payload.{box.id}"

    def _make(self, name, mount):
        config = f"{self.dir}/{name}"
        os.mkdir(config)
        read_only = ",ro" if mount.read_only else ""
        pathlib.Path(f"{config}/config").write_text(
            f"lxc.uts.name = {name}\nlxc.rootfs.path = dir:{self.rootfs}\nlxc.net.0.type = empty\n"
            "lxc.apparmor.profile = unconfined\nlxc.mount.auto = proc:mixed\n"
            f"lxc.mount.entry = {mount.source} {mount.target.lstrip('/')} none bind{read_only},create=dir 0 0\n"
            f"lxc.cgroup.dir.container = {self.parent}/lxc.payload.{name}\n"
            f"lxc.cgroup.dir.monitor = {self.parent}/lxc.monitor.{name}\n"
            f"lxc.cgroup.dir.monitor.pivot = {self.parent}/lxc.pivot\n"
        )

    def start(self, mount):
        """Its client stays; that of a container that is gone would leave no mount table to look at."""
        name = engines.unique("lxc")
        self._make(name, mount)
        return self._start(name, ["lxc-start", "-P", self.dir, "-n", name, "-F", "--"], mount)

    def sleeper(self, mount):
        name = engines.unique("lxc")
        self._make(name, mount)
        box = engines.Box(name, None, time.time_ns())
        host.run(["lxc-start", "-P", self.dir, "-n", name, "-d", "--", "/bin/sleep", "3600"])
        host.run(["lxc-wait", "-P", self.dir, "-n", name, "-s", "RUNNING", "-t", "20"])
        box.pid = int(host.run(["lxc-info", "-P", self.dir, "-n", name, "-p", "-H"]))
        return box

    def attach(self, box, mount):
        """The client, in a cgroup of its own below the container's; it stays. What it said, and its arguments."""
        client = [engines.CLIENT, "-s", "-o", "/said/attached", mount.path]
        self._started.append(subprocess.Popen(
            ["lxc-attach", "-P", self.dir, "-n", box.id, "--", *client], stdin=subprocess.DEVNULL, start_new_session=True,
        ))
        said = pathlib.Path(f"{self.rootfs}/said/attached")
        host.wait_until(said.exists, 30, "what the client did")
        return json.loads(said.read_text()), client

    def stop(self, box):
        host.run(["lxc-stop", "-P", self.dir, "-n", box.id, "-k"])

    def close(self):
        for config in pathlib.Path(self.dir).glob("*/config"):
            subprocess.run(["lxc-stop", "-P", self.dir, "-n", config.parent.name, "-k"], capture_output=True)
        super().close()


class Nspawn(_Machines):
    """In the cgroup that systemd would have made for its unit, which is not there to do it."""

    runtime = "systemd-nspawn"

    def unit(self, name):
        return f"{self.parent}/systemd-nspawn@{name}.service"

    def cgroup_end(self, box):
        return f"{self.unit(box.id)}/payload"

    def start(self, mount, *options, unit=None):
        name = engines.unique("nspawn").replace("-", "")
        bind = f"--bind{'-ro' if mount.read_only else ''}={mount.source}:{mount.target}"
        return self._start(name, [
            *host.in_cgroup(unit or self.unit(name)), "systemd-nspawn", "--register=no", "--keep-unit", "-q",
            "-D", self.rootfs, "-M", name, bind, *options,
        ], mount)
