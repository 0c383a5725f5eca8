# SPDX-License-Identifier: Apache-2.0
"""The machine that the tests run on: what it is, and what is on it now."""

import atexit
import contextlib
import functools
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("DOCKSNOOP_BIN", str(ROOT / "build/docksnoop"))

# Emulated machines are slow: every time limit is stretched by this.
SLOW = float(os.environ.get("DOCKSNOOP_TEST_SLOW", "1"))


def wait_until(condition, timeout, what):
    """Return the condition's first true value; AssertionError when there is none in time."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {timeout * SLOW:g} s"
        time.sleep(0.01)


def boot_ns(start_ticks):
    """Field 22 of /proc/PID/stat as nanoseconds since the epoch; exact to a clock tick."""
    offset = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return offset + start_ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def start_ticks(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return int(text.rpartition(")")[2].split()[19])


def comm(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().rstrip("\n")


def memory(pid, field="VmRSS"):
    """A line of /proc/PID/status, in kB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB$", text, re.M).group(1))


def uid_of(pid):
    """The effective one."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("Uid:")).split()[2])


def cgroup_of(pid):
    """Where a process is, by the hierarchy that docksnoop looks at: v2, or v1's pids where that is deeper."""
    v1, v2 = "", ""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(","):
            v1 = path
        if not controllers:
            v2 = path
    return v1 if len(v1.rstrip("/").split("/")) > len(v2.rstrip("/").split("/")) or not v2 else v2


def in_cgroup(path):
    """A command line's beginning that has the rest run in a cgroup, made where it is not there."""
    into = "".join(
        f"mkdir -p {root}/'{path}' && echo 0 >{root}/'{path}'/cgroup.procs && " for root in _attributing_roots()
    )
    return ["sh", "-c", f'{into}exec "$@"', "sh"]


def _attributing_roots():
    """Of the hierarchies that docksnoop goes by, v2 and v1's pids; systemd goes by v2."""
    return [
        m["target"] for m in mounts("self")
        if m["type"] == "cgroup2" or (m["type"] == "cgroup" and os.path.basename(m["target"]) == "pids")
    ]


def cgroup_roots():
    """The mount points of all cgroup hierarchies."""
    return [m["target"] for m in mounts("self") if m["type"] in ("cgroup", "cgroup2")]


def cgroup_hierarchies():
    """The mount points of those that docksnoop looks at: "v2", and v1's "pids" where there is one."""
    found = {}
    for m in mounts("self"):
        if m["type"] == "cgroup2":
            found["v2"] = m["target"]
        elif m["type"] == "cgroup" and "pids" in m["super"]:
            found["pids"] = m["target"]
    return found


def cgroups():
    """All cgroups there are, as directories."""
    return {path for root in cgroup_roots() for path, _, _ in os.walk(root)}


def mounts(pid):
    """A process's mount table."""
    table = []
    for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        fields = left.split(" ")
        target = fields[4].encode().decode("unicode_escape")
        table.append(
            {
                "target": target, "device": fields[2], "options": fields[5].split(","), "type": right.split(" ")[0],
                "super": right.split(" ")[-1].split(","),
            }
        )
    return table


def is_below(path, directory):
    return directory == "/" or path == directory or path.startswith(directory + "/")


def mount_of(pid, path):
    """The mount through which a process sees path."""
    best = None
    for mount in mounts(pid):  # in order: a later one lies on top
        if is_below(path, mount["target"]) and (not best or len(mount["target"]) >= len(best["target"])):
            best = mount
    return best


def mount_is_read_only(pid, path):
    return "ro" in mount_of(pid, path)["options"]


def processes_with(arguments):
    """Pids of those with exactly this command line."""
    wanted = b"".join(os.fsencode(a) + b"\0" for a in arguments)
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{entry}/cmdline").read_bytes() == wanted:
                found.append(int(entry))
    return found


def processes_of(directory):
    """Pids of those that have a path below directory on their command line."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            arguments = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(f"{directory}/") in arguments:
            found.append(int(entry))
    return found


def kill_all_of(directory):
    """End every process that processes_of() finds, and wait until it is gone."""

    def gone():
        pids = processes_of(directory)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not pids

    wait_until(gone, 10, f"the end of all processes of {directory}")


@functools.lru_cache(maxsize=None)
def _pins_root():
    """A bpf file system of our own, so that nothing is kept in the host's; it goes when we end."""
    path = tempfile.mkdtemp(prefix="dsb.", dir="/tmp")
    subprocess.run(["mount", "-t", "bpf", "-o", "mode=0700", "bpf", path], check=True)

    def remove():
        subprocess.run(["umount", "-l", path], check=False)
        os.rmdir(path)

    atexit.register(remove)
    return path


def pin_dir():
    """For --pin: one that nobody else uses, and that is not there yet."""
    return f"{_pins_root()}/{next(_pin_numbers)}"


_pin_numbers = itertools.count()


def unmount_below(directory):
    targets = [m["target"] for m in mounts("self") if is_below(m["target"], directory)]
    for target in reversed(targets):
        if subprocess.run(["umount", target], capture_output=True).returncode:
            subprocess.run(["umount", "-l", target], capture_output=True)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def find_docker():
    """Debian's client is preferred to whatever else goes by that name."""
    for path in ("/usr/bin/docker", shutil.which("docker")):
        if path and os.access(path, os.X_OK):
            return path
    raise RuntimeError("no docker client: run tests/deps test")


def stop(process, name, grace=20):
    """SIGTERM, then SIGKILL, and waited for. Returns whether the first was enough."""
    if process.poll() is not None:
        return True
    process.terminate()
    try:
        process.wait(grace * SLOW)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def run(command):
    """To its end, which must be a good one; what it printed."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * SLOW)
    assert result.returncode == 0, f"{command}: exit {result.returncode}: {result.stderr}{result.stdout}"
    return result.stdout
