# SPDX-License-Identifier: Apache-2.0
"""A container engine of the tests' own, and the containers that it runs."""

import contextlib
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass, field

from . import host

IMAGE = "docksnoop-test:1"
CLIENT = "/bin/client"
SOCKET = "/run/docker.sock"  # where a container finds it, unless a test says otherwise

_APPLETS = ("sh", "sleep", "cat", "ls", "ln", "echo", "true", "env", "touch")
# What containerd (shims' sockets) and dockerd make there, wherever their own state is.
_FIXED_PATHS = (
    "/run/containerd/s", "/run/containerd", "/run/docker/plugins", "/run/docker", "/etc/docker/key.json",
)
_serial = itertools.count(1)


def unique(prefix):
    return f"{prefix}-{os.getpid()}-{next(_serial)}"


def build_client(directory):
    source = pathlib.Path(__file__).resolve().parents[1] / "client.c"
    client = f"{directory}/client"
    subprocess.run(["gcc", "-std=gnu11", "-static", "-O2", "-o", client, str(source), "-pthread"], check=True)
    return client


def image_tar(client):
    """A root filesystem: a static busybox, and the client."""
    busybox = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    assert busybox, "no busybox: run tests/deps test"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("bin", "etc", "run", "tmp"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(entry)
        tar.add(os.path.realpath(busybox), "bin/busybox")
        tar.add(client, "bin/client")
        for applet in _APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        for name, text in (("passwd", "root:x:0:0::/:/bin/sh\n"), ("group", "root:x:0:\n")):
            entry = tarfile.TarInfo(f"etc/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _network(options):
    """The engine makes no network: a container has none, unless it says which."""
    return [] if any(option.startswith("--network") for option in options) else ["--network", "none"]


@dataclass
class Box:
    """A container that was started, and what is true of it."""

    id: str
    name: str
    began: int  # nanoseconds since the epoch, before it was started
    ended: int = 0  # after it ended, 0 while it runs
    truth: dict = field(default_factory=dict)  # what the client said
    pid: int = 0  # of its first process, as the host counts; 0 when it ended
    cgroup: str = ""  # of its first process, "" when it ended


class Engine:
    """dockerd and containerd with everything below one directory, far from the host's own.

    A containerd of its own as well: dockerd would otherwise take the host's where there is one.
    Containers live on while dockerd restarts (--live-restore).
    """

    # What an event says of its containers.
    runtime = "docker"
    by = "cgroup"
    image_name = IMAGE

    def __init__(self):
        # Short: names of Unix sockets end at 108 bytes.
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="dse.", dir="/tmp"))
        os.chmod(self.dir, 0o755)
        self.run_dir = f"{self.dir}/run"
        self.work_dir = f"{self.dir}/work"
        self.socket = f"{self.run_dir}/docker.sock"
        self.containerd_socket = f"{self.dir}/ctd/containerd.sock"
        for path in (self.run_dir, self.work_dir, f"{self.dir}/config", f"{self.dir}/ctd"):
            os.mkdir(path)
        self.client = f"{self.dir}/client"
        self.cli = [host.find_docker(), "-H", f"unix://{self.socket}"]
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
        self.env["DOCKER_CONFIG"] = f"{self.dir}/config"
        self._old_cgroups = host.cgroups()
        self._litter = [path for path in _FIXED_PATHS if not os.path.exists(path)]
        self._cgroup_parents = {"docker"}
        self._ids = set()
        self._containerd = None
        self._dockerd = None
        self.image_id = ""

    # The daemon

    def open(self):
        build_client(self.dir)
        self._start_containerd()
        self.start()
        tar = image_tar(self.client)
        subprocess.run([*self.cli, "import", "-", IMAGE], input=tar, env=self.env, check=True, capture_output=True)
        self.image_id = self.docker("image", "inspect", "-f", "{{.Id}}", IMAGE)
        return self

    def _spawn(self, name, *arguments, command=()):
        """Start a daemon, or the command that starts it; its output goes to <name>.log."""
        # The death signal is for a test run that is killed and cleans up nothing.
        with open(f"{self.dir}/{name}.log", "ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *(command or [name]), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, start_new_session=True,
            )

    def _wait_ready(self, process, name, ready):
        def state():
            if process.poll() is not None:
                log = pathlib.Path(f"{self.dir}/{name}.log").read_text(errors="replace")
                raise RuntimeError(f"{name} ended ({process.returncode}):\n{log[-3000:]}")
            return ready()

        host.wait_until(state, 60, f"{name} being ready")

    def _start_containerd(self):
        config = f"{self.dir}/ctd/config.toml"
        pathlib.Path(config).write_text(
            'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'
        )
        self._containerd = self._spawn(
            "containerd", "--config", config, "--root", f"{self.dir}/ctd/root",
            "--state", f"{self.dir}/ctd/state", "--address", self.containerd_socket,
        )
        self._wait_ready(self._containerd, "containerd", lambda: os.path.exists(self.containerd_socket))

    def start(self, *more):
        """Start dockerd, with more arguments; returns when it answers."""
        self.spawn(*more)
        self.wait_ready()

    def spawn(self, *more):
        """Start dockerd; returns at once."""
        config = f"{self.dir}/daemon.json"
        pathlib.Path(config).write_text("{}\n")
        self._dockerd = self._spawn(
            "dockerd", "--debug", "--config-file", config, "--iptables=false", "--bridge=none", "--ip-masq=false",
            "--exec-opt", "native.cgroupdriver=cgroupfs", "--live-restore",
            "--containerd", self.containerd_socket,
            "--data-root", f"{self.dir}/data", "--exec-root", f"{self.dir}/exec",
            "-p", f"{self.dir}/dockerd.pid", "-H", f"unix://{self.socket}", *more,
        )

    def wait_ready(self):
        def ready():
            return subprocess.run([*self.cli, "version"], env=self.env, capture_output=True).returncode == 0

        self._wait_ready(self._dockerd, "dockerd", ready)

    def stop(self):
        """Stop dockerd; containers live on."""
        assert host.stop(self._dockerd, "dockerd"), "dockerd did not end by itself"

    @contextlib.contextmanager
    def stopped(self):
        """dockerd is down inside of this, and up again after it, restarted by the test or not."""
        self.stop()
        try:
            yield
        finally:
            if self._dockerd.poll() is not None:
                self.start()

    @property
    def daemon_log(self):
        return f"{self.dir}/dockerd.log"

    @property
    def daemon_pid(self):
        return self._dockerd.pid

    # Containers

    def docker(self, *arguments, timeout=60):
        """Run the client to its end; what it printed, stripped."""
        result = subprocess.run(
            [*self.cli, *arguments], env=self.env, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=timeout * host.SLOW,
        )
        assert result.returncode == 0, f"docker {arguments}: exit {result.returncode}: {result.stderr}{result.stdout}"
        return result.stdout.strip()

    def _arguments(self, name, options, command):
        return ["--name", name, *_network(options), *options, IMAGE, *command]

    def run(self, *options, client=(SOCKET,), name=None):
        """A container that is removed at its end (--rm); returns after that."""
        name = name or unique("box")
        cidfile = f"{self.work_dir}/{name}.cid"
        began = time.time_ns()
        output = self.docker("run", "--rm", "--cidfile", cidfile, *self._arguments(name, options, [CLIENT, *client]))
        box = Box(pathlib.Path(cidfile).read_text(), name, began, time.time_ns(), json.loads(output))
        self._ids.add(box.id)
        return box

    def refusal(self, *options):
        """Why a container with these options does not start; "" when it does."""
        command = [*self.cli, "run", *self._arguments(unique("trial"), ["--rm", *options], ["/bin/true"])]
        result = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60 * host.SLOW)
        return result.stderr if result.returncode else ""

    def start_box(self, *options, client=(SOCKET,), name=None):
        """A container that stays; for a client that ends (no -s), box.pid may be 0."""
        return self._start(options, [CLIENT, *client], name)

    def sleeper(self, *options, name=None):
        """A container that does nothing until it is removed."""
        return self._start(options, ["/bin/sleep", "3600"], name)

    def _start(self, options, command, name):
        name = name or unique("box")
        began = time.time_ns()
        box = Box(self.docker("run", "-d", *self._arguments(name, options, command)), name, began)
        self._ids.add(box.id)
        box.pid = int(self.docker("inspect", "-f", "{{.State.Pid}}", box.id))
        try:
            box.cgroup = host.cgroup_of(box.pid) if box.pid else ""
        except FileNotFoundError:
            box.pid = 0
        return box

    def cgroup_end(self, box):
        return f"/{box.id}"

    def wait_truth(self, box, path=None):
        """Wait for the client of start_box() to say what it did, on stdout or in a file (-o)."""

        def said():
            if path is None:
                return self.docker("logs", box.id)
            return os.path.exists(path) and pathlib.Path(path).read_text()

        box.truth = json.loads(host.wait_until(said, 20, f"output of {box.name}"))
        return box.truth

    def exec(self, box, *client, options=()):
        """docker exec of the client; returns what it said."""
        return json.loads(self.docker("exec", *options, box.id, CLIENT, *client))

    def remove(self, *boxes):
        if boxes:
            self.docker("rm", "-f", "-v", *(box.id for box in boxes))

    def host_pid(self, box, pid):
        """The host's number of a process that counts itself as pid in the box's pid namespace."""
        wanted = f"\t{pid}\n"
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                if box.id not in pathlib.Path(f"/proc/{entry}/cgroup").read_text():
                    continue
                status = pathlib.Path(f"/proc/{entry}/status").read_text()
            except OSError:
                continue
            if re.search(r"^NSpid:.*\n", status, re.M).group().endswith(wanted):
                return int(entry)
        raise AssertionError(f"{box.name} has no process {pid}")

    def cgroup_parent(self):
        """A name for --cgroup-parent that is cleaned up with the rest."""
        name = unique("docksnoop-parent")
        self._cgroup_parents.add(name)
        return f"/{name}"

    # The end

    def close(self):
        """Leave nothing behind, whatever state things are in."""
        try:
            if self._dockerd and self._dockerd.poll() is None:
                self._remove_containers()
                host.stop(self._dockerd, "dockerd")
        finally:
            if self._containerd:
                host.stop(self._containerd, "containerd")
            host.kill_all_of(self.dir)  # shims of containers that could not be removed
            self._remove_cgroups()
            host.unmount_below(self.dir)
            shutil.rmtree(self.dir)
            for path in self._litter:
                remove_unless_used(path)

    def _remove_containers(self):
        ids = subprocess.run(
            [*self.cli, "ps", "-aq", "--no-trunc"], env=self.env, capture_output=True, text=True,
        ).stdout.split()
        if ids:
            subprocess.run([*self.cli, "rm", "-f", "-v", *ids], env=self.env, capture_output=True)

    def _remove_cgroups(self):
        """Those of our containers, and the parents that were not there before."""
        containers = pathlib.Path(f"{self.dir}/data/containers")
        if containers.is_dir():
            self._ids.update(os.listdir(containers))
        for root in host.cgroup_roots():
            for parent in self._cgroup_parents:
                paths = [f"{root}/{parent}/{i}" for i in self._ids]
                for path in filter(os.path.isdir, paths):
                    kill_cgroup(path)
                path = f"{root}/{parent}"
                if path not in self._old_cgroups:
                    remove_unless_used(path)


def remove_unless_used(path):
    """A directory that another engine came to use as well stays."""
    try:
        os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
    except OSError:
        pass


def kill_cgroup(path):
    """End what runs in a cgroup, and remove it."""
    for directory, _, _ in os.walk(path, topdown=False):

        def removed(directory=directory):
            try:
                for pid in pathlib.Path(f"{directory}/cgroup.procs").read_text().split():
                    os.kill(int(pid), 9)
                os.rmdir(directory)
            except FileNotFoundError:
                pass
            except OSError:
                return False
            return True

        host.wait_until(removed, 5, f"removal of {directory}")
