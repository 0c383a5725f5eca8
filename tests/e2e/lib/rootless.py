# SPDX-License-Identifier: Apache-2.0
"""A user of the host whom only the tests' own mount namespace knows, and his engines."""

import itertools
import os
import pathlib
import shutil
import signal
import stat
import tempfile

from . import engine as engines
from . import host

# Beyond what a host gives to users, and others for each test run.
_FIRST_UID = 1_800_000_000
_FIRST_SUBUID = 2_000_000_000
_RUN_USERS = 8
_numbers = itertools.count(os.getpid() * _RUN_USERS)


class User:
    """Names, subordinate ids and devices are laid over /etc and /dev in a mount namespace of its own."""

    def __init__(self):
        number = next(_numbers)
        assert number < (os.getpid() + 1) * _RUN_USERS
        self.uid = _FIRST_UID + number
        self.name = f"dst{number}"
        self.subuid = _FIRST_SUBUID + number % 30000 * 65536
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="dsu.", dir="/tmp"))
        os.chmod(self.dir, 0o755)
        self.home = f"{self.dir}/home"
        self.run_dir = f"{self.dir}/run"
        self.binds = []
        for path in (self.home, self.run_dir):
            os.mkdir(path, 0o700)
            os.chown(path, self.uid, self.uid)
        self._lay_over("/etc/passwd", f"{self.name}:x:{self.uid}:{self.uid}::{self.home}:/bin/sh\n", True)
        self._lay_over("/etc/group", f"{self.name}:x:{self.uid}:\n", True)
        for path in ("/etc/subuid", "/etc/subgid"):
            self._lay_over(path, f"{self.name}:{self.subuid}:65536\n", False)
        # On a host with udev everybody may open these.
        for path in ("/dev/net/tun", "/dev/fuse"):
            if os.path.exists(path):
                own = f"{self.dir}/{os.path.basename(path)}"
                os.mknod(own, stat.S_IFCHR | 0o666, os.stat(path).st_rdev)
                os.chmod(own, 0o666)
                self.binds.append((own, path))

    def _lay_over(self, path, line, keep):
        own = f"{self.dir}/{os.path.basename(path)}"
        text = pathlib.Path(path).read_text() if keep else ""
        pathlib.Path(own).write_text(text + line)
        self.binds.append((own, path))

    def command(self, *command):
        """A command line that runs as the user, in a session without systemd."""
        binds = "".join(f"mount --bind {own} {path} && " for own, path in self.binds)
        return [
            "unshare", "--mount", "--propagation", "slave", "sh", "-c",
            f'{binds}cd {self.home} && exec setpriv --reuid {self.uid} --regid {self.uid} --clear-groups '
            f'env -i HOME={self.home} XDG_RUNTIME_DIR={self.run_dir} USER={self.name} '
            'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"', "sh", *command,
        ]

    def processes(self):
        """All of them, those in containers too."""

        def owns(pid):
            try:
                uid = host.uid_of(pid)
            except OSError:
                return False
            return uid == self.uid or self.subuid <= uid < self.subuid + 65536

        return [int(pid) for pid in filter(str.isdigit, os.listdir("/proc")) if owns(pid)]

    def end_processes(self):
        def gone():
            pids = self.processes()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not pids

        host.wait_until(gone, 10, f"the end of all processes of {self.name}")

    def close(self):
        self.end_processes()
        host.unmount_below(self.dir)
        shutil.rmtree(self.dir)


def find_script():
    """Debian has it among its examples."""
    for path in ("/usr/share/docker.io/contrib/dockerd-rootless.sh", shutil.which("dockerd-rootless.sh")):
        if path and os.path.exists(path):
            return path
    raise RuntimeError("no dockerd-rootless.sh: run tests/deps test")


class RootlessDocker(engines.Engine):
    """dockerd-rootless.sh of a user: rootlesskit, slirp4netns, dockerd, containerd, shims."""

    by = "namespace"

    def __init__(self, user):
        self.user = user
        super().__init__()
        self.run_dir = user.run_dir
        self.socket = f"{user.run_dir}/docker.sock"
        self.cli[2] = f"unix://{self.socket}"

    def _start_containerd(self):
        pass  # dockerd brings its own

    def spawn(self):
        self._dockerd = self._spawn(
            "dockerd", "--iptables=false", "--bridge=none", "--ip-masq=false", "--storage-driver", "vfs",
            command=self.user.command("sh", find_script()),
        )

    @property
    def daemon_pid(self):
        return next(pid for pid in self.user.processes() if host.comm(pid) == "dockerd")

    def cgroup_end(self, box):
        return host.cgroup_of(os.getpid())

    def close(self):
        try:
            super().close()
        finally:
            self.user.end_processes()
