# SPDX-License-Identifier: Apache-2.0
"""The right container is blamed, whatever a process does to look like another, or like the host."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import pytest
from lib import engine as engines
from lib import expect, host, nested, routes
from lib.watch import get

pytestmark = pytest.mark.once

PATH = "/hostrun/docker.sock"


@pytest.fixture(scope="module")
def base(engine):
    """Options that give a container the socket's directory, a place to tell, and every right that we have."""
    return [
        *nested.capabilities(), "--cgroupns", "host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup",
        "-v", f"{engine.work_dir}:/told", "-v", f"{engine.run_dir}:/hostrun",
    ]


@pytest.fixture
def host_cgroup():
    """The path of a cgroup of the tests' own, as deep as a container's, in each hierarchy that is looked at."""
    name = engines.unique("docksnoop-test")
    with contextlib.ExitStack() as cleanup:
        for root in host.cgroup_hierarchies().values():
            os.makedirs(f"{root}/{name}/of/host")
            cleanup.callback(engines.kill_cgroup, f"{root}/{name}")
        yield f"/{name}/of/host"


class Mover:
    """A process in a container that changes what it seems to be, and connects when told to."""

    def __init__(self, engine, box, script, program=engines.CLIENT, path=PATH, told="/told"):
        self._go = pathlib.Path(engine.work_dir, engines.unique("go"))
        self._said = pathlib.Path(engine.work_dir, engines.unique("said"))
        self.args = [program, "-s", "-w", f"{told}/{self._go.name}", "-o", f"{told}/{self._said.name}", path]
        engine.docker("exec", "-d", box.id, "/bin/sh", "-c", script.replace("CLIENT", " ".join(self.args)))

    def connect(self):
        self._go.touch()
        truth = json.loads(
            host.wait_until(lambda: self._said.exists() and self._said.read_text(), 20, "the client's answer")
        )
        assert truth["errors"] == [0]
        return truth


HYBRID = len(host.cgroup_hierarchies()) > 1
# Into which cgroup: all of the host's, of a neighbour's, or of the host's in one hierarchy alone.
MOVES = ["host", "neighbour"] + (["host-v2", "host-pids"] if HYBRID else [])
# And how else it hides.
HIDES = {
    "plain": "exec CLIENT",
    "namespaces": "exec busybox unshare -m -p -f CLIENT",
    "user-namespace": "exec busybox unshare -U -m -p -f CLIENT",
    "orphan": "(busybox setsid busybox unshare -m -p -f CLIENT &)",
}


def move_script(kind, paths):
    where, _, only = kind.partition("-")
    return "".join(
        f"echo 0 >{root}{paths[where]}/cgroup.procs || exit\n"
        for name, root in host.cgroup_hierarchies().items() if only in ("", name)
    )


def left_is(event, engine, box):
    expect.container_is(event, engine, box)
    expect.fields(
        event, event__kind="alert", docksnoop__verdict="flagged", docksnoop__attribution__outer_container_id=None,
        docksnoop__mount__via="directory-bind", docksnoop__mount__target="/hostrun",
    )
    # the cgroup that it is said to be in is where it is: named if that is not the container's own
    cgroup = get(event, "docksnoop.attribution.cgroup")
    expect.fields(event, docksnoop__attribution__anomaly=None if cgroup == box.cgroup else "left-cgroup")
    assert cgroup == host.cgroup_of(get(event, "process.pid"))


@pytest.fixture(scope="module")
def pair(engine, base):
    """Who moves, and a neighbour that has nothing to do with it."""
    both = engine.sleeper(*base), engine.sleeper()
    yield both
    engine.remove(*both)


@pytest.mark.parametrize("hide", HIDES)
@pytest.mark.parametrize("kind", MOVES)
def test_process_that_moved_to_another_cgroup(kind, hide, engine, pair, host_cgroup, docksnoop, mode):
    box, neighbour = pair
    watch = docksnoop(mode=mode)
    paths = {"host": host_cgroup, "neighbour": neighbour.cgroup}
    mover = Mover(engine, box, move_script(kind, paths) + HIDES[hide])
    mover.connect()
    event = watch.wait_for("socket-connect", process__args=mover.args)
    left_is(event, engine, box)
    assert not watch.events(container=neighbour)


@pytest.mark.parametrize("hide", HIDES)
@pytest.mark.parametrize("kind", MOVES)
def test_process_that_had_moved_before_docksnoop_came(kind, hide, engine, pair, host_cgroup, docksnoop, mode):
    box, neighbour = pair
    paths = {"host": host_cgroup, "neighbour": neighbour.cgroup}
    mover = Mover(engine, box, move_script(kind, paths) + HIDES[hide])
    host.wait_until(lambda: host.processes_with(mover.args), 10, "the process")
    watch = docksnoop(mode=mode)
    mover.connect()
    event = watch.wait_for("socket-connect", process__args=mover.args)
    left_is(event, engine, box)
    assert not watch.events(container=neighbour)


@pytest.mark.parametrize("orphan", [False, True], ids=["child", "orphan"])
def test_process_that_took_on_all_of_the_hosts(orphan, engine, base, boxes, host_cgroup, docksnoop, mode):
    """cgroup, mounts, pid namespace: nothing but its family tells it from a process of the host."""
    box = boxes(*base, "--pid", "host", sleeper=True)
    watch = docksnoop("--all", mode=mode)
    run = f"busybox nsenter -t {os.getpid()} -m CLIENT"
    script = move_script("host", {"host": host_cgroup}) + (f"(busybox setsid {run} &)" if orphan else run)
    mover = Mover(engine, box, script, engine.client, engine.socket, engine.work_dir)
    mover.connect()
    event = watch.wait_for("socket-connect", process__args=mover.args)
    expect.container_is(event, engine, box)
    expect.fields(
        event, docksnoop__verdict="flagged", docksnoop__attribution__by="ancestor",
        docksnoop__attribution__anomaly="left-cgroup", docksnoop__mount__via="host-namespace",
    )


def test_process_that_entered_a_neighbours_mounts_is_not_the_neighbour(engine, base, boxes, docksnoop, mode):
    neighbour = boxes("-v", f"{engine.run_dir}:/hostrun", "-v", f"{engine.work_dir}:/told", sleeper=True)
    box = boxes(*base, "--pid", f"container:{neighbour.id}", sleeper=True)
    watch = docksnoop(mode=mode)
    mover = Mover(engine, box, "exec busybox nsenter -t 1 -m CLIENT")
    mover.connect()
    event = watch.wait_for("socket-connect", process__args=mover.args)
    expect.container_is(event, engine, box)
    expect.fields(event, docksnoop__verdict="flagged", docksnoop__attribution__anomaly="foreign-namespace")
    assert not watch.events("socket-connect", neighbour)


def test_cgroup_too_deep_to_be_told(engine, base, boxes, docksnoop, mode):
    """Of so long a path the kernel side keeps the lower end, and that bears a neighbour's id."""
    neighbour = boxes(sleeper=True)
    box = boxes(*base, sleeper=True)
    watch = docksnoop(mode=mode)
    below = "/".join(["x" * 200] * 5 + ["docker", neighbour.id])
    script = "".join(
        f"mkdir -p {root}{box.cgroup}/{below} && echo 0 >{root}{box.cgroup}/{below}/cgroup.procs || exit\n"
        for root in host.cgroup_hierarchies().values()
    )
    mover = Mover(engine, box, script + HIDES["namespaces"])
    mover.connect()
    event = watch.wait_for("socket-connect", process__args=mover.args)
    expect.container_is(event, engine, box)
    expect.fields(event, docksnoop__verdict="flagged")
    assert "docksnoop.attribution.cgroup" in get(event, "docksnoop.truncated")
    assert not watch.events(container=neighbour)


# A container that shares what it can with the host is one all the same.
SHARED = [
    ["--pid=host"], ["--userns=host"], ["--cgroupns=host"], ["--cgroupns=private"], ["--ipc=host"], ["--uts=host"],
    ["--network=host"], ["--pid=host", "--userns=host", "--cgroupns=host", "--ipc=host", "--uts=host"],
]


@pytest.mark.parametrize("options", SHARED, ids=" ".join)
def test_container_that_shares_the_hosts_namespaces(options, route, engine, boxes, docksnoop, mode):
    box = boxes(*route.options, *options, "-v", f"{engine.work_dir}:/told", sleeper=True)
    watch = docksnoop(mode=mode)
    mover = Mover(engine, box, "exec CLIENT", path=route.path)
    truth = mover.connect()
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, route, mode, truth=truth, args=mover.args)
    expect.fields(event, docksnoop__attribution__anomaly=None)


# --- no runtime at all ------------------------------------------------------------------

# A root directory, the socket in it, and a process that sees nothing else.
HAND_MADE = """
set -e
mount -t tmpfs -o mode=755 docksnoop-test "$1"
cd "$1"
mkdir bin run etc old proc
cp "$2" bin/client
cp "$(command -v busybox)" bin/busybox
touch run/docker.sock etc/resolv.conf
mount --bind "$3" run/docker.sock
[ -z "$4" ] || mount --bind "$4" etc/resolv.conf
mount -t proc proc proc
pivot_root . old
/bin/busybox umount -l /old
exec /bin/client -s -o /bin/said /run/docker.sock "$5"
"""


@pytest.fixture
def hand_made(engine, scratch, host_cgroup):
    """Run a container without a runtime, in a cgroup that tells nothing; its client's arguments."""
    running = []

    def run(resolv_conf=""):
        mark = engines.unique("hand-made")
        moves = move_script("host", {"host": host_cgroup})
        process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c",
             moves + HAND_MADE, "sh", str(scratch), engine.client, engine.socket, resolv_conf,
             mark],
            stdin=subprocess.DEVNULL, start_new_session=True,
        )
        running.append(process)
        return ["/bin/client", "-s", "-o", "/bin/said", "/run/docker.sock", mark]

    yield run
    for process in running:
        process.kill()  # it passes over SIGTERM, and takes its child along
        process.wait()


def unknown_is(event):
    expect.fields(
        event, event__kind="alert", docksnoop__verdict="flagged", container=None, docksnoop__attribution__by="none",
        docksnoop__mount__via="socket-bind", docksnoop__mount__target="/run/docker.sock", process__name="client",
    )


def test_container_without_a_runtime_stays_unknown(hand_made, docksnoop, mode):
    watch = docksnoop(mode=mode)
    args = hand_made()
    unknown_is(watch.wait_for("socket-connect", process__args=args))


def test_forged_mount_of_a_runtimes_file_names_nobody(hand_made, engine, boxes, scratch, docksnoop, mode):
    """A file whose path looks like that of a container's resolv.conf, as Docker would mount it."""
    box = boxes(sleeper=True)
    forged = pathlib.Path(engine.work_dir, "containers", box.id, "resolv.conf")
    forged.parent.mkdir(parents=True)
    forged.touch()
    watch = docksnoop(mode=mode)
    args = hand_made(str(forged))
    unknown_is(watch.wait_for("socket-connect", process__args=args))
    assert not watch.events(container=box)


def test_true_mount_of_a_runtimes_file_names_its_container(hand_made, engine, boxes, docksnoop, mode):
    """The counterpart: with Docker's own file there, it is that container, as far as can be told."""
    box = boxes(sleeper=True)
    watch = docksnoop(mode=mode)
    args = hand_made(f"{engine.dir}/data/containers/{box.id}/resolv.conf")
    event = watch.wait_for("socket-connect", process__args=args)
    expect.container_is(event, engine, box)
    # by its namespace when its start was told before, and had bound that
    assert get(event, "docksnoop.attribution.by") in ("mountinfo", "namespace")


def test_family_that_is_a_containers_later(engine, boxes, marker, docksnoop, mode):
    """What was found of a process's ancestors is kept for a moment, and not for longer."""
    box = boxes(sleeper=True)
    watch = docksnoop(mode=mode)
    fifo = pathlib.Path(engine.work_dir, engines.unique("fifo"))
    os.mkfifo(fifo)
    args = [engine.client, "-F", str(fifo), engine.socket]
    parent = subprocess.Popen(["sh", "-c", '"$@" & wait', "sh", *args], stdout=subprocess.DEVNULL)
    try:
        child = host.wait_until(lambda: host.processes_with(args), 10, "the client")[0]
        with open(fifo, "wb", buffering=0) as go:
            go.write(b"x")
            marker.settle(watch)
            assert not watch.events(process__pid=child)  # the host's
            for root in host.cgroup_hierarchies().values():
                pathlib.Path(f"{root}{box.cgroup}/cgroup.procs").write_text(str(parent.pid))

            def told():
                go.write(b"x")
                marker.settle(watch)
                return watch.events("socket-connect", process__pid=child)

            event = host.wait_until(told, 10, "a connect that is the container's")[0]
        expect.container_is(event, engine, box)
        expect.fields(event, docksnoop__verdict="flagged", docksnoop__attribution__by="ancestor")
    finally:
        for process in (child, parent.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        parent.wait()
