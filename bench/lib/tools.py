# SPDX-License-Identifier: Apache-2.0
"""What runs beside what is measured; each in a with-block, inside of which it is at work."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

from lib import host


class Missing(Exception):
    """It cannot run here, and why."""


class Program:
    """A program whose stderr says when it is ready, and is kept."""

    def __init__(self, command, ready, what, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, ready_on_stdout=False):
        self._lines = []
        self._changed = threading.Condition()
        self._over = False
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE if ready_on_stdout else stdout,
            stderr=subprocess.STDOUT if ready_on_stdout else subprocess.PIPE, start_new_session=True,
        )
        stream = self.process.stdout if ready_on_stdout else self.process.stderr
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()
        with self._changed:
            self._changed.wait_for(lambda: self._over or any(re.search(ready, s) for s in self._lines), 60)
            if not any(re.search(ready, s) for s in self._lines):
                said = " ".join(self._lines[-3:])
                self.process.kill()
                raise Missing(f"{what}: {said or 'says nothing'}")

    def _read(self, stream):
        with stream:
            for line in stream:
                with self._changed:
                    # what it prints of what it saw is not of interest
                    if len(self._lines) < 1000:
                        self._lines.append(line.decode("utf-8", "replace").rstrip())
                    self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        with self._changed:
            return "\n".join(self._lines)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()


@contextlib.contextmanager
def docksnoop(*arguments, mode=None, stdout=subprocess.DEVNULL, wrap=()):
    """`docksnoop watch`, kept nowhere: none of the host's own is touched."""
    program = Program(
        [*wrap, host.PROGRAM, "watch", "--json", "--pin", "none", *(["--mode", mode] if mode else []), *arguments],
        r"^docksnoop: watching", "docksnoop", stdout=stdout,
    )
    try:
        yield program
    finally:
        program.stop()


@contextlib.contextmanager
def bare():
    """Nothing."""
    yield None


PROGRAMS = str(host.ROOT / "build/bench/programs")


@contextlib.contextmanager
def floor(mode):
    """Programs that do nothing, at docksnoop's hooks; "tell" and "who": the least that tells."""
    program = Program([PROGRAMS, "floor", mode], "^attached", f"programs floor {mode}", stdin=subprocess.PIPE)
    try:
        yield program
    finally:
        program.stop()


class Counter:
    """What the kernel counts of its programs, while this is open."""

    def __init__(self):
        self._process = subprocess.Popen([PROGRAMS, "count"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self):
        """{name: what is known of it} of docksnoop's programs, or those that stand in for them."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        prefixes = ("common_", "tracepoint_", "trampoline_", "kprobe_", "kretprobe_")
        return {p["name"]: p for p in json.loads(self._process.stdout.readline()) if p["name"].startswith(prefixes)}

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextlib.contextmanager
def bpftrace():
    """What is found first when somebody looks for how to trace connect(2)."""
    if not shutil.which("bpftrace"):
        raise Missing("bpftrace: not installed")
    one_liner = 'BEGIN { printf("armed\\n"); } tracepoint:syscalls:sys_enter_connect { printf("%d %s\\n", pid, comm); }'
    # It needs tracefs, which is mounted where nobody else sees it.
    script = 'mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec bpftrace -e "$1"'
    program = Program(
        ["unshare", "--mount", "sh", "-c", script, "sh", one_liner], "^armed", "bpftrace", ready_on_stdout=True,
    )
    try:
        yield program
    finally:
        program.stop(signal.SIGINT)


@contextlib.contextmanager
def strace(pid):
    if not shutil.which("strace"):
        raise Missing("strace: not installed")
    program = Program(
        ["strace", "-f", "-e", "trace=connect", "-o", "/dev/null", "-p", str(pid)], "attached", "strace",
    )
    try:
        yield program
    finally:
        program.stop(signal.SIGINT)


_AUDIT_RULE = ["always,exit", "-F", "arch=b64", "-S", "connect", "-k", "docksnoop-bench"]
_UNAUDITED = ["never,task"]


def _auditctl(*arguments):
    return subprocess.run(["auditctl", *arguments], capture_output=True, text=True)


def _audit_is_free(rules="No rules"):
    """Off, with nobody who listens, and with no rules but these."""
    status = _auditctl("-s")
    off = status.returncode == 0 and all(re.search(f"^{line}$", status.stdout, re.M) for line in ("enabled 0", "pid 0"))
    return off and _auditctl("-l").stdout.strip() == rules


@contextlib.contextmanager
def unaudited():
    """What is started in here is not audited, and pays nothing for it.

    Once the kernel's audit has been switched on, until the next boot, each process that is started pays a
    little for each system call, unless this rule says that it is not to: so a second benchmark finds what
    the first one did. On a host that has rules of its own nothing is done.
    """
    ours = shutil.which("auditctl") and _audit_is_free()
    if ours:
        _auditctl("-a", *_UNAUDITED)
    try:
        yield
    finally:
        if ours:
            _auditctl("-d", *_UNAUDITED)


class Audit:
    """An auditd of our own, where the host has none, and the rule for connect(2) that one would add to it."""

    def __init__(self, directory):
        self._dir = pathlib.Path(directory)
        self._daemon = None

    def open(self):
        if not shutil.which("auditd") or not shutil.which("auditctl"):
            raise Missing("auditd: not installed")
        if _auditctl("-s").returncode:
            raise Missing(f"auditd: {_auditctl('-s').stderr.strip() or 'this kernel has no audit'}")
        if not _audit_is_free(rules=" ".join(["-a", *_UNAUDITED])):
            raise Missing("auditd: the host has its own, or rules for it, and is left alone")
        self._dir.mkdir()
        # as Debian's package has it, but for where it writes
        (self._dir / "auditd.conf").write_text(
            f"log_file = {self._dir}/audit.log\nlocal_events = yes\nwrite_logs = yes\nlog_format = ENRICHED\n"
            "flush = INCREMENTAL_ASYNC\nfreq = 50\nmax_log_file = 8\nnum_logs = 5\nmax_log_file_action = ROTATE\n"
            "space_left = 75\nspace_left_action = IGNORE\nadmin_space_left = 50\nadmin_space_left_action = IGNORE\n"
            "disk_full_action = IGNORE\ndisk_error_action = IGNORE\nname_format = NONE\npriority_boost = 4\n"
        )
        self._dir.chmod(0o700)
        self._daemon = subprocess.Popen(
            ["auditd", "-n", "-c", str(self._dir)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )
        host.wait_until(
            lambda: re.search(r"^enabled 1$", _auditctl("-s").stdout, re.M) or self._daemon.poll() is not None, 10, "auditd",
        )
        if self._daemon.poll() is not None:
            raise Missing(f"auditd: it ended ({self._daemon.returncode})")
        return self

    def start(self, make):
        """What make() starts is audited, as what is started anywhere else is on a host with auditd."""
        _auditctl("-d", *_UNAUDITED)
        try:
            return make()
        finally:
            _auditctl("-a", *_UNAUDITED)

    @contextlib.contextmanager
    def rule(self):
        added = _auditctl("-a", *_AUDIT_RULE)
        if added.returncode:
            raise Missing(f"auditd: {added.stderr.strip()}")
        try:
            yield self._daemon
        finally:
            _auditctl("-d", *_AUDIT_RULE)

    def close(self):
        if self._daemon:
            self._daemon.send_signal(signal.SIGTERM)
            self._daemon.wait()
            _auditctl("-e", "0")


@contextlib.contextmanager
def confined(pid, cpu):
    """All threads of a process on one processor meanwhile, and what they start that says nothing else."""

    def move(cpus):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(int(task.name), cpus)

    before = os.sched_getaffinity(pid)
    move({cpu})
    try:
        yield
    finally:
        move(before)


def cpu_seconds(pid):
    """Of all its threads, user and system, to the nanosecond: what clock_getcpuclockid(3) gives."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
