# SPDX-License-Identifier: Apache-2.0
"""A real rsyslogd with files of its own, and a /dev that has its socket as /dev/log."""

import json
import os
import pathlib
import shutil
import socket
import subprocess

from . import host

_CONFIG = """
global(workDirectory="{dir}" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
module(load="mmjsonparse")
input(type="imuxsock" Socket="{dir}/log" RateLimit.Interval="0" UsePIDFromSystem="off")
template(name="parsed" type="list") {{
	property(name="parsesuccess")
	constant(value=" ")
	property(name="syslogfacility-text")
	constant(value=" ")
	property(name="syslogseverity-text")
	constant(value=" ")
	property(name="programname")
	constant(value=" ")
	property(name="$!all-json")
	constant(value="\\n")
}}
action(type="mmjsonparse")
action(type="omfile" file="{dir}/parsed" template="parsed" flushInterval="1" asyncWriting="off")
"""

# The host's own /dev/log is out of reach in a mount namespace with another /dev.
_DEV = """
set -e
mount -t tmpfs -o mode=755 docksnoop-test "$1"
for node in null zero random urandom; do
	touch "$1/$node"
	mount --bind "/dev/$node" "$1/$node"
done
touch "$1/log"
mount --bind "$2" "$1/log"
mount --move "$1" /dev
shift 2
exec "$@"
"""


class Message:
    """One that was received: what rsyslogd made of its header, and the JSON in it."""

    def __init__(self, line):
        self.parsed, self.facility, self.severity, self.program, text = line.split(" ", 4)
        self.event = json.loads(text)


class Syslogd:
    def __init__(self, directory):
        self.dir = f"{directory}/syslog"
        os.mkdir(self.dir)
        os.mkdir(f"{self.dir}/dev")
        config = pathlib.Path(f"{self.dir}/rsyslog.conf")
        config.write_text(_CONFIG.format(dir=self.dir))
        program = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        self._output = open(f"{self.dir}/output", "wb")
        self._process = subprocess.Popen(
            [program, "-n", "-f", str(config), "-i", f"{self.dir}/pid"], stdout=self._output, stderr=self._output,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )
        try:
            host.wait_until(self._ready, 20, f"rsyslogd listening ({self.dir}/output)")
        except BaseException:
            self.close()
            raise

    def _ready(self):
        assert self._process.poll() is None, pathlib.Path(f"{self.dir}/output").read_text()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            return probe.connect_ex(f"{self.dir}/log") == 0

    @property
    def pid(self):
        return self._process.pid

    def wrap(self):
        """Put before a command so that it finds this one at /dev/log."""
        return [
            "unshare", "-m", "--propagation", "private", "sh", "-c", _DEV, "sh", f"{self.dir}/dev", f"{self.dir}/log",
        ]

    def messages(self):
        """All so far; the last line may still be on its way."""
        path = pathlib.Path(f"{self.dir}/parsed")
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [Message(line) for line in text.split("\n")[:-1]]

    def close(self):
        host.stop(self._process, "rsyslogd")
        self._output.close()
