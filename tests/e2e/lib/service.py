# SPDX-License-Identifier: Apache-2.0
"""docksnoop as a service of a real systemd."""

import os
import pathlib
import shutil

from . import host
from .eventlog import EventLog

NAME = "docksnoop.service"
LOG = "/var/log/docksnoop/events.jsonl"
UNIT = host.ROOT / "deploy/docksnoop.service"
_DROP_IN = pathlib.Path(f"/run/systemd/system/{NAME}.d/test.conf")


def settings(name):
    """What the unit file has for a name, all lines of it together."""
    lines = UNIT.read_text().splitlines()
    return [word for line in lines if line.startswith(f"{name}=") for word in line.partition("=")[2].split()]


def systemctl(*arguments):
    return host.run(["systemctl", *arguments])


class Service:
    """Installed once; each test starts it, perhaps with settings of its own, and leaves it stopped."""

    def __init__(self, validator):
        # It is a machine's only one, and installed into the machine.
        assert os.path.exists("/run/vm/init"), "not an emulated machine"
        assert os.readlink("/proc/1/exe").endswith("/systemd"), "PID 1 is not systemd"
        self._validator = validator
        self._old_lines = 0
        host.run(["make", "-C", str(host.ROOT), "install"])
        systemctl("daemon-reload")

    def configure(self, text):
        """A drop-in, such as `systemctl edit` makes; until reset()."""
        _DROP_IN.parent.mkdir(parents=True, exist_ok=True)
        _DROP_IN.write_text(text)
        systemctl("daemon-reload")

    def options(self, text):
        self.configure(f'[Service]\nEnvironment="DOCKSNOOP_OPTIONS={text}"\n')

    def reset(self):
        systemctl("stop", NAME)
        if _DROP_IN.exists():
            _DROP_IN.unlink()
            systemctl("daemon-reload")
        shutil.rmtree(os.path.dirname(LOG), ignore_errors=True)
        self._old_lines += len(self.journal())

    def start(self):
        systemctl("start", NAME)

    def stop(self):
        systemctl("stop", NAME)

    def show(self, name):
        return systemctl("show", "-P", name, NAME).strip()

    @property
    def pid(self):
        return int(self.show("MainPID"))

    def log(self, path=LOG):
        return EventLog(path, self._validator)

    def events(self, action=None):
        """Those in the file so far; none while there is no file."""
        return self.log().select(action) if os.path.exists(LOG) else []

    def wait_for(self, action, condition=lambda event: True, timeout=15):
        """The first such event in the file."""

        def found():
            return next((event for event in self.events(action) if condition(event)), None)

        return host.wait_until(found, timeout, f"{action} in {LOG}")

    def journal(self):
        """What it said on stderr and to syslog, and what systemd said of it, since the last reset()."""
        text = host.run(["journalctl", "--no-pager", "-q", "-o", "cat", "-u", NAME])
        return text.splitlines()[self._old_lines:]
