# SPDX-License-Identifier: Apache-2.0
"""deploy/docksnoop.service under a real systemd, and what its confinement does to what is said.

Run alone, with DOCKSNOOP_SERVICE set, in an emulated machine whose PID 1 is systemd: tests/vm/run.
"""

import contextlib
import errno
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from lib import expect, host, routes
from lib.asker import Asker, build_asks, request
from lib.service import LOG, NAME, Service, settings, systemctl
from lib.watch import get

# In include/uapi/linux/capability.h.
CAPABILITIES = {
    "CAP_DAC_READ_SEARCH": 2, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_SYS_NICE": 23, "CAP_SYSLOG": 34,
    "CAP_PERFMON": 38, "CAP_BPF": 39,
}
PINS = "/sys/fs/bpf/docksnoop"


@pytest.fixture(scope="session")
def installed(validator):
    return Service(validator)


@pytest.fixture
def service(installed):
    yield installed
    installed.reset()


def state(service):
    return service.show("ActiveState")


def wait_state(service, wanted, timeout=30):
    host.wait_until(lambda: state(service) == wanted, timeout, f"{wanted} of the service")


def status_lines(pid):
    return dict(re.findall(r"^(\w+):\s*(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))


@contextlib.contextmanager
def listening(path):
    """A socket of ours."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        try:
            yield listener
        finally:
            os.unlink(path)


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


# Starting and stopping

def test_active_when_armed_and_not_before(service):
    systemctl("start", "--no-block", NAME)
    seen = set()

    def active():
        seen.add(state(service))
        return "active" in seen

    host.wait_until(active, 30, "the start")
    assert service.events("monitor-started"), "\n".join(service.journal())
    assert "activating" in seen
    assert service.show("StatusText") == "Watching in trampoline mode"


def test_a_daemon_that_is_started_with_it_waits_for_it(service):
    """As at boot: both in one transaction."""
    units = pathlib.Path("/run/systemd/system")
    texts = {
        "docker.service": f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/cp {LOG} /run/then\n",
        "test-boot.target": f"[Unit]\nWants=docker.service {NAME}\nAfter=docker.service {NAME}\n",
    }
    for name, text in texts.items():
        (units / name).write_text(text)
    systemctl("daemon-reload")
    try:
        systemctl("start", "test-boot.target")
        assert service.log("/run/then").select("monitor-started")
    finally:
        systemctl("stop", *texts)
        for name in texts:
            (units / name).unlink()


def test_stop_is_clean_and_syslog_gets_what_the_file_gets(service):
    service.start()
    service.stop()
    events = service.events()
    assert [get(e, "event.action") for e in events] == ["monitor-started", "monitor-stopped"]
    # systemd says more of any other end.
    assert f"{NAME}: Deactivated successfully." in service.journal()
    assert not [line for line in service.journal() if "Main process exited" in line]

    def said():
        return [json.loads(line.partition("@cee: ")[2]) for line in service.journal() if line.startswith("@cee: ")]

    host.wait_until(lambda: said() == events, 10, "the same in the journal")


def test_a_start_that_fails_is_none(service):
    service.options("--no-such-option")
    with pytest.raises(AssertionError):
        service.start()
    assert state(service) != "active"


# Being told, being hung, being killed

def test_reload_reads_the_policy_and_opens_the_log(service, scratch):
    policy = scratch / "policy.yaml"
    policy.write_text('{"version": 1, "justified": []}')
    service.options(f"--policy {policy}")
    service.start()
    old = LOG + ".1"
    os.rename(LOG, old)
    pid = service.pid
    policy.write_text(json.dumps({"version": 1, "justified": [{
        "name": "new", "match": {"container": "x"}, "reason": "r", "owner": "o", "expires": "2099-01-01",
    }]}))
    systemctl("reload", NAME)
    service.wait_for("policy-loaded")
    host.wait_until(lambda: service.show("StatusText") == "Watching in trampoline mode", 10, "the end of reloading")
    assert (state(service), service.pid) == ("active", pid)
    assert service.log(old).select("monitor-started")


def test_logrotate_is_told_what_to_do(service):
    text = (host.ROOT / "deploy/docksnoop.logrotate").read_text()
    assert f"\n{LOG} {{\n" in text
    service.start()
    os.rename(LOG, LOG + ".1")
    host.run(["sh", "-ec", re.search(r"postrotate\n(.*?)endscript", text, re.S)[1]])
    host.wait_until(lambda: os.path.exists(LOG), 10, "the new file")
    service.stop()
    assert [get(e, "event.action") for e in service.events()] == ["monitor-stopped"]


def test_a_hang_ends_in_a_new_start(service):
    service.configure("[Service]\nWatchdogSec=5s\n")
    service.start()
    first = service.pid
    # For twice that long nothing happens to one that does not hang.
    time.sleep(10)
    assert service.pid == first
    os.kill(first, signal.SIGSTOP)
    host.wait_until(lambda: service.pid not in (0, first), 30, "another process")
    wait_state(service, "active")
    assert service.show("NRestarts") == "1"
    assert [line for line in service.journal() if "Watchdog timeout" in line]
    assert [get(e, "docksnoop.monitor.resumed") for e in service.events("monitor-started")] == [None, True]


def test_who_kills_it_has_it_started_again(service):
    service.start()
    first = service.pid
    os.kill(first, signal.SIGKILL)
    host.wait_until(lambda: service.pid not in (0, first), 30, "another process")
    wait_state(service, "active")
    # what was pinned stayed, until it is stopped
    assert [get(e, "docksnoop.monitor.resumed") for e in service.events("monitor-started")] == [None, True]
    assert os.path.exists(PINS)
    service.stop()
    assert not os.path.exists(PINS)


# Confinement

class TestConfined:
    """One that runs as the unit has it."""

    @pytest.fixture(scope="class")
    def pid(self, installed):
        installed.start()
        yield installed.pid
        installed.reset()

    def test_privileges_are_those_of_the_unit(self, pid):
        status = status_lines(pid)
        bounding = sum(1 << CAPABILITIES[name] for name in settings("CapabilityBoundingSet"))
        assert int(status["CapBnd"], 16) == bounding
        for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(status[name], 16) & ~bounding == 0, name
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")

    def test_limits(self, pid):
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits
        assert pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "-900"

    def test_the_log_is_roots_alone(self, pid):
        assert os.stat(LOG).st_mode & 0o777 == 0o600
        assert os.stat(os.path.dirname(LOG)).st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("directory", (
        "/etc", "/usr/local/sbin", "/root", "/home", "/run", "/dev", "/tmp", "/var/lib", "/var/log",
    ))
    def test_it_can_make_no_files(self, pid, directory):
        with pytest.raises(OSError) as error:
            os.mkdir(f"/proc/{pid}/root{directory}/docksnoop-test")
        assert error.value.errno == errno.EROFS, error.value

    @pytest.mark.parametrize("directory", ("/sys/fs/bpf", os.path.dirname(LOG)))
    def test_it_can_where_it_has_to(self, pid, directory):
        path = f"/proc/{pid}/root{directory}/docksnoop-test"
        os.mkdir(path)
        os.rmdir(path)

    @pytest.mark.parametrize("file", (
        "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/tracing/kprobe_events",
        "/sys/fs/cgroup/cgroup.procs",
    ))
    def test_kernel_settings_are_not_its_to_write(self, pid, file):
        with pytest.raises(OSError) as error:
            open(f"/proc/{pid}/root{file}", "w")
        assert error.value.errno == errno.EROFS


# What it sees in spite of all that

# What each takes or makes for itself.
OWN = {"@timestamp", "event.sequence", "docksnoop.connection", "process.start", "process.parent.start"}
FOLDERS = ("/root/t", "/home/t", "/run", "/run/user/t", "/tmp", "/var/tmp", "/dev/shm", "/srv/t")


def test_sockets_are_found_wherever_they_are(service):
    """--socket names another name of each, so that the file has to be looked at."""
    with contextlib.ExitStack() as stack:
        links = []
        for folder in FOLDERS:
            if not os.path.isdir(folder):  # overlayfs gives files other numbers than the kernel has for their sockets
                os.makedirs(folder)
                stack.callback(os.rmdir, folder)
                host.run(["mount", "-t", "tmpfs", "t", folder])
                stack.callback(host.unmount_below, folder)
            link, path = f"{folder}/ds-link", f"{folder}/ds.sock"
            stack.enter_context(listening(path))
            os.symlink(path, link)
            stack.callback(os.unlink, link)
            links.append(link)
        service.options(" ".join(f"--all --socket {link}" for link in links))
        service.start()
        for folder in FOLDERS:
            connect(f"{folder}/ds.sock")
        for folder in FOLDERS:
            event = service.wait_for(
                "socket-connect", lambda e, path=f"{folder}/ds.sock": get(e, "docksnoop.socket.path") == path,
            )
            expect.fields(event, docksnoop__verdict="host", process__pid=os.getpid(), container=None)


def test_what_is_mounted_later_is_seen(service, scratch):
    folder = scratch / "later"
    folder.mkdir()
    service.options(f"--all --socket {folder}/link")
    service.start()
    host.run(["mount", "-t", "tmpfs", "later", str(folder)])
    (folder / "link").symlink_to("real")
    with listening(f"{folder}/real"):
        connect(f"{folder}/real")
        service.wait_for("socket-connect", lambda e: get(e, "docksnoop.socket.path") == f"{folder}/real")
    host.run(["umount", str(folder)])  # and it does not hold it


def flat(value, path=""):
    """{"a.b": 1, …}"""
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for key in value for k, v in flat(value[key], f"{path}.{key}" if path else key).items()}


def differences(one, other):
    one, other = flat(one), flat(other)
    return {key: (one.get(key), other.get(key)) for key in {*one, *other} if one.get(key) != other.get(key)}


def test_events_are_those_of_one_that_is_not_confined(service, engine, docksnoop, mode):
    service.options(f"--mode {mode}")
    outside = docksnoop(mode=mode)
    with contextlib.ExitStack() as stack:
        old, new = [stack.enter_context(routes.mount(engine, kind)) for kind in ("directory-read-only", "volume")]

        def started(mount):
            box = engine.start_box(*mount.options, client=("-s", mount.path))
            stack.callback(engine.remove, box)
            engine.wait_truth(box)
            return box

        before = started(old)
        service.start()
        exposed = service.wait_for("socket-exposed", lambda e: get(e, "container.id") == before.id)
        expect.exposed(exposed, engine, before, old)
        box = started(new)
        event = service.wait_for("socket-connect", lambda e: get(e, "container.id") == box.id)
        expect.flagged(event, engine, box, new, mode, args=["/bin/client", "-s", new.path])
        different = differences(event, outside.wait_for("socket-connect", box))
        assert different.keys() <= OWN, different
        assert not service.events("events-lost")


def test_requests_are_read(service, engine):
    service.start()
    with contextlib.closing(Asker(engine, build_asks(engine))) as asker:
        asker.ask([request("GET", "/containers/json", close=True)])
        event = service.wait_for("api-request", lambda e: get(e, "container.id") == asker.box.id)
    expect.fields(event, container__name=asker.box.name, http__request__method="GET")


def test_listeners_in_other_network_namespaces_are_found(service, engine, scratch):
    """For which setns(2) is left to it."""
    program = scratch / "dockerd"
    path = f"{scratch}/far.sock"
    shutil.copy("/usr/bin/python3", program)
    script = (
        "import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n"
        "time.sleep(3600)\n"
    )
    with subprocess.Popen(["unshare", "-n", str(program), "-c", script, path]) as far:
        host.wait_until(lambda: os.path.exists(path), 10, "the listener")
        service.start()
        started = service.wait_for("monitor-started")
        assert path in [s["path"] for s in get(started, "docksnoop.monitor.sockets")], started
        far.kill()
