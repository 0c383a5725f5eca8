# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from lib import engine as engines  # noqa: E402
from lib import host, routes, skips  # noqa: E402
from lib.watch import Watch, load_validator  # noqa: E402

_unexpected_skips = []
# Each of these is a run of its own, and nothing else is in it: every kernel's table; what wants
# systemd to be PID 1 of a machine that can be thrown away; and what takes as long as it is told to.
_apart = {
    "test_matrix.py": "DOCKSNOOP_MATRIX", "test_service.py": "DOCKSNOOP_SERVICE",
    "test_chaos.py": "DOCKSNOOP_CHAOS_SECONDS",
}
collect_ignore = list(_apart)
for _name, _variable in _apart.items():
    if os.environ.get(_variable):
        collect_ignore = [name for name in os.listdir(os.path.dirname(__file__)) if name != _name]


def pytest_configure(config):
    if os.geteuid():
        raise pytest.UsageError("these tests need root")
    if not os.access(host.PROGRAM, os.X_OK):
        raise pytest.UsageError(f"{host.PROGRAM} is not built")
    # Fixtures are torn down on ^C; the same for those who end us by other means.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def pytest_generate_tests(metafunc):
    """mode: each that is under test."""
    modes = skips.modes()
    if not modes:
        raise pytest.UsageError(f"this kernel offers no mode: {skips.probe()}")
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", modes, scope="session")


def pytest_runtest_logreport(report):
    # A strictly expected failure did run: it is a defect that docs/detection.md admits.
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if not skips.is_expected(reason):
        _unexpected_skips.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session, exitstatus):
    if _unexpected_skips and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _failures(reporter):
    """A line for each test that failed, for where the output before it is out of sight."""
    for report in reporter.getreports("failed") + reporter.getreports("error"):
        crash = getattr(report.longrepr, "reprcrash", None)
        why = crash.message.split("\n", 1)[0][:300] if crash else report.when
        yield f"failed: {report.nodeid}: {why}"
    yield from (f"failed: {skip}" for skip in _unexpected_skips)


def pytest_terminal_summary(terminalreporter, exitstatus):
    for skip in _unexpected_skips:
        terminalreporter.write_line(f"SKIPPED WITHOUT A GOOD REASON: {skip}", red=True)
    path = os.environ.get("DOCKSNOOP_RESULTS")
    if not path:
        return
    count = {name: len(terminalreporter.getreports(name)) for name in ("passed", "failed", "error", "skipped", "xfailed")}
    failed = count["failed"] + count["error"] + len(_unexpected_skips)
    with open(path, "a", encoding="utf-8") as results:
        for line in _failures(terminalreporter):
            print(line, file=results)
        # a run that was cut short has failed, whatever it got to
        print("e2e", count["passed"], failed or int(exitstatus != 0), count["skipped"] + count["xfailed"] - len(_unexpected_skips),
              file=results)


@pytest.fixture(scope="session")
def validator():
    return load_validator()


@pytest.fixture(scope="session")
def engine():
    """A dockerd of our own; tests that stop it start it again."""
    with contextlib.closing(engines.Engine()) as ours:
        yield ours.open()


@pytest.fixture
def boxes(engine):
    """Start containers that stay; they are removed after the test."""
    started = []

    def start(*options, sleeper=False, **arguments):
        box = (engine.sleeper if sleeper else engine.start_box)(*options, **arguments)
        started.append(box)
        return box

    yield start
    engine.remove(*started)


@pytest.fixture
def route(engine, request):
    """How the container is given the socket; parametrize with routes.KINDS for each way."""
    with routes.mount(engine, getattr(request, "param", "socket")) as mount:
        yield mount


@pytest.fixture
def open_socket(engine):
    """Everybody may connect, as members of the group docker may otherwise."""
    mode = os.stat(engine.socket).st_mode
    os.chmod(engine.socket, 0o666)
    yield
    os.chmod(engine.socket, mode & 0o7777)


class Marker:
    """A container that connects when told to: what was done before shows up before that.

    So a test that says that something does not happen needs no sleep: once the marker's
    connect has come out, everything before it would have.
    """

    def __init__(self, engine):
        self._engine = engine
        self._fifo = f"{engine.work_dir}/marker.fifo"
        os.mkfifo(self._fifo)
        self.box = engine.start_box(
            "-v", f"{engine.run_dir}:/hostrun", "-v", f"{engine.work_dir}:/told",
            client=("-F", "/told/marker.fifo", "/hostrun/docker.sock"), name=engines.unique("marker"),
        )

    def settle(self, watch):
        seen = len(watch.events("socket-connect", self.box))
        self.connect()
        watch.wait_for("socket-connect", self.box, count=seen + 1)

    def connect(self):
        with open(self._fifo, "wb", buffering=0) as fifo:
            fifo.write(b"x")


@pytest.fixture(scope="session")
def marker(engine):
    return Marker(engine)


@pytest.fixture
def docksnoop(validator):
    """Start `docksnoop watch`; it is stopped and judged after the test."""
    started = []

    def start(*arguments, **options):
        watch = Watch(*arguments, validator=validator, **options)
        started.append(watch)
        return watch

    yield start
    problems = []
    for watch in started:
        try:
            watch.close()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def scratch():
    """A directory of the test's own, with a name short enough for a socket in it."""
    path = os.path.realpath(tempfile.mkdtemp(prefix="dst.", dir="/tmp"))
    os.chmod(path, 0o755)
    yield pathlib.Path(path)
    host.unmount_below(path)
    shutil.rmtree(path)
