# SPDX-License-Identifier: Apache-2.0
"""Podman with everything of its own, as root and as a user of the host."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import engine as engines
from . import host

# No limits above our own; locks in files: in shared memory they would be the host's Podman's.
_CONFIG = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
lock_type = "file"
"""
_FIXED_PATHS = ("/run/runc", "/run/crun", "/run/libpod", "/run/containers", "/var/lib/cni")


def _oci_runtime():
    """crun, Debian's default, refuses a host with both versions of cgroups."""
    return "runc" if "cgroup" in {mount["type"] for mount in host.mounts("self")} else "crun"


class Podman:
    """Podman below one directory, with containers that run the tests' client."""

    runtime = "podman"
    by = "cgroup"
    image_name = f"localhost/{engines.IMAGE}"

    def __init__(self, engine):
        self._tar = engines.image_tar(engine.client)
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="dsp.", dir="/tmp"))
        os.chmod(self.dir, 0o755)
        self.work_dir = f"{self.dir}/work"
        self.run_dir = f"{self.dir}/run"
        self.socket = f"{self.run_dir}/podman.sock"
        self.cgroups = {"libpod_parent", "conmon"}
        self._old_cgroups = host.cgroups()
        self._litter = [path for path in _FIXED_PATHS if not os.path.exists(path)]
        self._service = None
        self.oci_runtime = _oci_runtime()
        self.image_id = ""

    # What differs for one who is not root

    def _places(self):
        return ["--root", f"{self.dir}/root", "--runroot", f"{self.dir}/runroot", "--tmpdir", f"{self.dir}/tmp"]

    def _wrap(self, command):
        return command

    def _prepare(self):
        pass

    def cgroup_end(self, box):
        return f"/libpod-{box.id}"

    # Running it

    def open(self):
        for path in (self.work_dir, self.run_dir):
            os.mkdir(path)
        pathlib.Path(f"{self.dir}/containers.conf").write_text(_CONFIG)
        self._prepare()
        self.podman("import", "-", engines.IMAGE, input=self._tar)
        self.image_id = "sha256:" + self.podman("image", "inspect", "-f", "{{.Id}}", engines.IMAGE)
        return self

    def command(self, *arguments):
        return self._wrap([
            "env", f"CONTAINERS_CONF={self.dir}/containers.conf", "podman", *self._places(),
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
            "--runtime", self.oci_runtime, *arguments,
        ])

    def podman(self, *arguments, input=None, timeout=60):
        """Run it to its end; what it printed, stripped."""
        # Files for its output: conmon would keep a pipe open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            result = subprocess.run(
                self.command(*arguments), input=input or b"", stdout=out, stderr=err, timeout=timeout * host.SLOW,
            )
            out.seek(0)
            err.seek(0)
            output = out.read().decode()
            assert result.returncode == 0, f"podman {arguments}: exit {result.returncode}: {err.read()}{output}"
        return output.strip()

    def serve(self):
        """Its API at self.socket; returns when that answers."""
        with open(f"{self.dir}/service.log", "ab") as log:
            self._service = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--",
                 *self.command("system", "service", "--time=0", f"unix://{self.socket}")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        host.wait_until(lambda: os.path.exists(self.socket), 20, "podman's socket")
        return self._service.pid

    # Containers

    def run(self, *options, client=(engines.SOCKET,), name=None):
        """A container that is removed at its end (--rm); returns after that."""
        name = name or engines.unique("pbox")
        arguments = ["--name", name, *self._network(options), *options, engines.IMAGE, engines.CLIENT, *client]
        began = time.time_ns()
        cid = self.podman("create", "--rm", *arguments)
        output = self.podman("start", "--attach", cid)
        return engines.Box(cid, name, began, time.time_ns(), json.loads(output))

    def sleeper(self, *options, name=None):
        """A container that does nothing until it is removed."""
        name = name or engines.unique("pbox")
        began = time.time_ns()
        arguments = ["--name", name, *self._network(options), *options, engines.IMAGE, "/bin/sleep", "3600"]
        cid = self.podman("run", "-d", *arguments)
        box = engines.Box(cid, name, began)
        box.pid = int(self.podman("inspect", "-f", "{{.State.Pid}}", cid))
        box.cgroup = host.cgroup_of(box.pid) if box.pid else ""
        return box

    def conmon(self, cid):
        return int(self.podman("inspect", "-f", "{{.State.ConmonPid}}", cid))

    @staticmethod
    def _network(options):
        return () if "--pod" in options else ("--network", "none")

    def exec(self, box, *client):
        return json.loads(self.podman("exec", box.id, engines.CLIENT, *client))

    def remove(self, *boxes):
        if boxes:
            self.podman("rm", "-f", "-t", "0", *(box.id for box in boxes))

    # The end

    def close(self):
        try:
            for command in (("pod", "rm"), ("rm",)):
                # Podman gives up on one whose conmon is gone; _end() does not.
                subprocess.run(
                    self.command(*command, "-f", "-a", "-t", "0"), stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60 * host.SLOW,
                )
        finally:
            if self._service:
                host.stop(self._service, "podman system service")
            self._end()
            self._remove_cgroups()
            host.unmount_below(self.dir)
            shutil.rmtree(self.dir)
            for path in self._litter:
                engines.remove_unless_used(path)

    def _end(self):
        host.kill_all_of(self.dir)

    def _remove_cgroups(self):
        for path in sorted(host.cgroups() - self._old_cgroups, reverse=True):
            if self.cgroups & set(pathlib.Path(path).parts):
                engines.remove_unless_used(path)


class RootlessPodman(Podman):
    """The same as a user of the host, in no cgroup of its own: systemd is not there to give it one."""

    by = "namespace"

    def __init__(self, engine, user):
        super().__init__(engine)
        self.user = user

    def _prepare(self):
        for path in (self.work_dir, self.run_dir):
            os.chown(path, self.user.uid, self.user.uid)

    def _places(self):
        return []  # below the user's home

    def _wrap(self, command):
        return self.user.command(*command)

    def cgroup_end(self, box):
        return host.cgroup_of(os.getpid())

    def _end(self):
        super()._end()
        self.user.end_processes()
