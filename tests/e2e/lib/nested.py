# SPDX-License-Identifier: Apache-2.0
"""Docker in Docker: a container of the tests' engine in which another dockerd runs."""

import json
import pathlib

from . import engine as engines
from . import host

SOCKET = "/var/run/docker.sock"  # of the inner daemon, as everybody in the outer container sees it
TOLD = "/told"

# The outer container's programs and libraries are this machine's own.
_HOST_DIRS = ("/usr", "/lib", "/lib64", "/sbin", "/etc")
# In the order of include/uapi/linux/capability.h, as far as Debian 12's Docker knows them.
_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT"
    " SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP"
    " MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ"
).split()


def capabilities():
    """Options for as privileged a container as this machine lets us make, devices aside."""
    text = pathlib.Path("/proc/self/status").read_text()
    ours = int(text.partition("CapBnd:")[2].split()[0], 16)
    names = [name for number, name in enumerate(_CAPABILITIES) if ours >> number & 1]
    options = [option for name in names for option in ("--cap-add", name)]
    return [*options, "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]

# Cgroups are read-only without --privileged. Under v2 a cgroup with processes can have no children
# with controllers: as Docker's own "dind" does, they go one down first.
_DAEMON = """
for dir in /sys/fs/cgroup /sys/fs/cgroup/*; do
	mount -o remount,bind,rw "$dir" 2>/dev/null
done
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
	mkdir /sys/fs/cgroup/init
	for pid in $(cat /sys/fs/cgroup/cgroup.procs); do
		echo "$pid" >/sys/fs/cgroup/init/cgroup.procs
	done
	for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
		echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
	done
fi 2>/dev/null
exec dockerd --iptables=false --bridge=none --ip-masq=false --storage-driver vfs \\
	--exec-opt native.cgroupdriver=cgroupfs >/told/log 2>&1
"""


class Nested:
    """The outer container; docker() is asked of the daemon in it."""

    def __init__(self, engine, *options):
        self.engine = engine
        self.dir = pathlib.Path(engine.work_dir, engines.unique("nested"))
        self.dir.mkdir()
        (self.dir / "image.tar").write_bytes(engines.image_tar(engine.client))
        dirs = [option for path in _HOST_DIRS for option in ("-v", f"{path}:{path}:ro")]
        self.box = engine._start(
            [
                *capabilities(), *dirs, "--tmpfs", "/run", "-v", "/var/lib/docker", "-v", f"{self.dir}:{TOLD}",
                "-e", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *options,
            ],
            ["/bin/sh", "-c", _DAEMON], None,
        )
        try:
            host.wait_until(self._ready, 60, f"the daemon in {self.box.name}")
            self.docker("import", f"{TOLD}/image.tar", engines.IMAGE)
            self.box.cgroup = host.cgroup_of(self.box.pid)  # under v2 it has gone one down
        except BaseException:
            self.close()
            raise

    def _ready(self):
        log = self.dir / "log"
        text = log.read_text(errors="replace") if log.exists() else ""
        state = self.engine.docker("inspect", "-f", "{{.State.Running}}", self.box.id)
        assert state == "true", f"the inner daemon ended:\n{text[-3000:]}"
        return "API listen on" in text

    def docker(self, *arguments):
        return self.engine.docker("exec", self.box.id, "/usr/bin/docker", *arguments)

    def _arguments(self, name, options):
        return [
            "run", "--name", name, "--cidfile", f"{TOLD}/{name}.cid", "--network", "none", *options, engines.IMAGE,
        ]

    def _id(self, name):
        return (self.dir / f"{name}.cid").read_text()

    def run(self, *options, client):
        """An inner container to its end; its id, and what the client said."""
        name = engines.unique("inner")
        output = self.docker(*self._arguments(name, ["--rm", *options]), engines.CLIENT, *client)
        return self._id(name), json.loads(output)

    def start(self, *options):
        """An inner container that stays; its id."""
        name = engines.unique("inner")
        self.docker(*self._arguments(name, ["-d", "-v", f"{TOLD}:{TOLD}", *options]), "/bin/sleep", "3600")
        return self._id(name)

    def exec(self, inner, path):
        """The client as one more process of a container of start(), which stays: what it said, and its arguments."""
        said = self.dir / engines.unique("said")
        args = [engines.CLIENT, "-s", "-o", f"{TOLD}/{said.name}", path]
        self.docker("exec", "-d", inner, *args)
        return json.loads(host.wait_until(lambda: said.exists() and said.read_text(), 20, str(args))), args

    def close(self):
        self.engine.remove(self.box)
