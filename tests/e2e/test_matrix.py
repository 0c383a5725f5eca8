# SPDX-License-Identifier: Apache-2.0
"""Every route to the socket on this kernel, in each mode that it offers: seen, or not.

Run alone, with DOCKSNOOP_MATRIX naming the file that gets what came of it, one JSON object a
line. tests/vm/run does so on each kernel, and tests/vm/table makes docs/kernels.md of it.
All modes watch at the same time, and each route is taken once for all of them.
"""

import contextlib
import errno
import json
import os
import pathlib
import platform
import signal
import socket
from dataclasses import dataclass, field

import pytest
from lib import engine as engines
from lib import expect, host, routes, skips
from lib.place import Actor, Place, build_routes, host_pid
from lib.watch import Watch, brief, get

SOCKET = "/hostrun/docker.sock"
LONGEST = 108  # sun_path of sockaddr_un, unix(7)
# What can be said of a route and is promised somewhere; the rest are failures.
SEEN, LOW, NOT_SEEN = "seen", "seen, low confidence", "not seen"
MOUNT_UNKNOWN, MOUNT_WRONG, WRONG = "seen, mount unknown", "seen, mount wrong", "seen, told wrongly"


@dataclass
class Taken:
    """A route that was taken, and what is true of it."""

    box: engines.Box
    actor: Actor
    mount: routes.Mount
    error: int = 0
    socket: str = ""  # "": the engine's
    before: bool = False  # docksnoop started
    fields: dict = field(default_factory=dict)  # what else an event of it says


@dataclass
class Route:
    take: object  # (scene): a context manager that is something Taken
    tracepoint: str = SEEN  # what is promised, docs/detection.md
    resolving: str = SEEN  # in trampoline and kprobe mode
    privileged: bool = False


ROUTES = {}


def route(name, **promises):
    """A generator of one Taken; the process is there until it goes on."""

    def add(take):
        ROUTES[name] = Route(contextlib.contextmanager(take), **promises)

    return add


def run(name, *arguments, place="plain", mount="directory", error=0, socket="", fields=None, **promises):
    """A route of routes.c, from one of the scene's containers; {scene} is filled in."""

    @route(name, **promises)
    def take(scene):
        where = scene.place(place)
        with where.take(*(argument.format(scene=scene) for argument in arguments)) as actor:
            assert actor.truth["error"] == error, actor.truth
            yield Taken(
                where.box, actor, scene.mounts[mount], error, socket.format(scene=scene), fields=fields or {},
            )


WORKER = {"docksnoop.io_uring": True}
# Nothing of its own is left of it but its family.
GONE = {"docksnoop.attribution.by": "ancestor", "docksnoop.attribution.anomaly": "left-cgroup"}
LEFT = {"docksnoop.attribution.by": "namespace", "docksnoop.attribution.anomaly": "left-cgroup"}
# On a hybrid host it leaves that of one hierarchy, and the other still tells (task_cgroup()).
LEFT_ONE = {} if len({m["type"] for m in host.mounts("self")} & {"cgroup", "cgroup2"}) == 2 else LEFT

run("the socket's file", "connect", "/run/docker.sock", place="crowded", mount="socket")
run("the socket's file under another name", "connect", "/tmp/x.sock", place="crowded", mount="socket-renamed")
run("its directory", "connect", SOCKET)
run("the host's root", "connect", "/host{scene.engine.socket}", place="crowded", mount="host-root-read-only")
run("a volume", "connect", "/vol/docker.sock", place="crowded", mount="volume")
run("a symlink", "symlink", SOCKET, "/tmp/link")
run("a hard link", "hardlink", SOCKET, "/hostrun/hard")


@route("a hard link in another mount")
def _(scene):
    where = scene.place("plain")
    os.link(scene.engine.socket, where.dir / "hard.sock")
    mount = routes.directory(str(where.dir), "hard.sock", "/place")
    with where.take("connect", mount.path) as actor:
        yield Taken(where.box, actor, mount)


run("a relative path, after chdir", "connect", "docker.sock", "/hostrun")
run("the longest path", "connect", SOCKET.rjust(LONGEST, "/"))
run("/proc/self/fd/N of an O_PATH descriptor", "descriptor", SOCKET)
run("/proc/self/root", "connect", f"/proc/self/root{SOCKET}")
run("another root directory", "chroot", "/docker.sock", "/hostrun")
if platform.machine() == "x86_64":
    run("32-bit connect", "int80", SOCKET)
    run("32-bit socketcall", "socketcall", SOCKET)
run("io_uring", "uring", SOCKET)
run("io_uring, a worker", "uring-async", SOCKET, fields=WORKER)
run("io_uring, a polling thread", "uring-sqpoll", SOCKET, fields=WORKER)
run("a thread that is not the first", "thread", SOCKET)
run("a vfork child", "vfork", SOCKET)


@route("docker exec")
def _(scene):
    where = scene.place("plain")
    answer = where.dir / "exec.answer"
    command = f"exec {engines.CLIENT} connect {SOCKET} >/place/exec.answer"
    scene.engine.docker("exec", "-d", where.box.id, "/bin/sh", "-c", command)
    truth = json.loads(host.wait_until(lambda: answer.exists() and answer.read_text(), 10, "answer to docker exec"))
    actor = Actor(host_pid(truth), truth, [engines.CLIENT, "connect", SOCKET])
    yield Taken(where.box, actor, scene.mounts["directory"])
    os.kill(actor.pid, signal.SIGKILL)


@route("a container that is gone at once, --rm")
def _(scene):
    box = scene.engine.run("-v", f"{scene.engine.run_dir}:/hostrun", client=(SOCKET,))
    yield Taken(box, Actor(None, box.truth, [engines.CLIENT, SOCKET]), scene.mounts["directory"])


@route("a connection that was open before")
def _(scene):
    box = scene.old
    actor = Actor(box.pid, box.truth, [engines.CLIENT, "-k", "-s", SOCKET])
    yield Taken(box, actor, scene.mounts["directory"], before=True, fields={"docksnoop.already_open": True})


run("refused by permissions, EACCES", "user", SOCKET, "1000", error=errno.EACCES, tracepoint=LOW)
run("nobody listens any more, ECONNREFUSED", "connect", "/odd/stale/docker.sock", mount="odd",
    error=errno.ECONNREFUSED, socket="{scene.odd}/stale/docker.sock", tracepoint=LOW)
run("a full backlog, EAGAIN", "nonblock", "/odd/full/docker.sock", mount="odd",
    error=errno.EAGAIN, socket="{scene.odd}/full/docker.sock", tracepoint=LOW)
run("from a cgroup of the host's", "cgroup", SOCKET, "/cgroup/{scene.elsewhere}/cgroup.procs", fields=LEFT_ONE)
run("/proc/1/root of another container's", "connect", f"/proc/1/root{SOCKET}", place="neighbour", mount="neighbour's")
run("/proc/1/root of the host's, --privileged --pid=host", "connect", "/proc/1/root{scene.engine.socket}",
    place="free", mount="host's", privileged=True)
run("/proc/1/root in a /proc of the host's, --privileged", "connect", "/hostproc/1/root{scene.engine.socket}",
    place="free-with-proc", mount="host's", privileged=True)
run("a symlink to /proc/1/root, --privileged --pid=host", "symlink", "/proc/1/root{scene.engine.socket}", "/tmp/link",
    place="free", mount="host's", privileged=True, tracepoint=MOUNT_UNKNOWN)
run("setns into the host's mount namespace, --privileged --pid=host", "setns", "{scene.engine.socket}",
    "/proc/1/ns/mnt", place="free", mount="entered", privileged=True)
run("the same, from a cgroup of the host's", "leave", "{scene.engine.socket}",
    "{scene.hierarchy}/{scene.elsewhere}/cgroup.procs", place="free", mount="entered", privileged=True, fields=GONE)
run("the same, from another container's cgroup", "leave", "{scene.engine.socket}",
    "{scene.hierarchy}{scene.neighbour.cgroup}/cgroup.procs", place="free", mount="entered", privileged=True, fields=GONE)


class Scene:
    """The containers, made when they are first needed, and what the routes lead through."""

    def __init__(self, engine, stack):
        self.engine = engine
        self._stack = stack
        self._places = {}
        self._program = build_routes(engine)
        kinds = ("socket", "socket-renamed", "host-root-read-only", "volume", "directory")
        self.mounts = {kind: stack.enter_context(routes.mount(engine, kind)) for kind in kinds}
        self._set_up_sockets()
        self._set_up_cgroup()
        self._set_up_mounts()
        self.old = engine.start_box("-v", f"{engine.run_dir}:/hostrun", client=("-k", "-s", SOCKET))
        assert engine.wait_truth(self.old)["errors"] == [0]
        stack.callback(engine.remove, self.old)

    def _set_up_sockets(self):
        """One that is full, and one whose listener stale() ends: both with a daemon's name."""
        self.odd = f"{self.engine.work_dir}/odd"
        os.mkdir(self.odd)
        self._listeners = {}
        for name in ("full", "stale"):
            os.mkdir(f"{self.odd}/{name}")
            listener = self._stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(f"{self.odd}/{name}/docker.sock")
            listener.listen(0)
            self._listeners[name] = listener
        with contextlib.suppress(BlockingIOError):
            while True:
                client = self._stack.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(f"{self.odd}/full/docker.sock")

    def stale(self):
        self._listeners["stale"].close()

    def _set_up_cgroup(self):
        """A cgroup of the host's, where docksnoop looks first: in v2, else by v1's pids."""
        mounts = host.mounts("self")
        v2 = [m["target"] for m in mounts if m["type"] == "cgroup2"]
        self.hierarchy = (v2 or [m["target"] for m in mounts if m["target"].endswith("/pids")])[0]
        self.elsewhere = engines.unique("docksnoop-elsewhere")
        path = f"{self.hierarchy}/{self.elsewhere}"
        os.mkdir(path)
        self._stack.callback(engines.kill_cgroup, path)

    def _set_up_mounts(self):
        engine = self.engine
        below = host.mount_of("self", engine.socket)["target"]
        self.mounts.update({
            "odd": routes.directory(self.odd, "", "/odd"),
            "neighbour's": routes.Mount([], "", "proc-root", engine.run_dir, "/hostrun"),
            "host's": routes.Mount([], "", "proc-root", below, below),
            "entered": routes.Mount([], "", "host-namespace", "/", "/"),
        })

    def _options(self, name):
        if name == "crowded":
            return [o for kind in ("socket", "socket-renamed", "host-root-read-only", "volume")
                    for o in self.mounts[kind].options]
        if name == "neighbour":
            return ["--pid", f"container:{self.neighbour.id}"]
        if name == "free":
            return ["--privileged", "--pid", "host"]
        if name == "free-with-proc":
            return ["--privileged", "-v", "/proc:/hostproc"]
        return ["-v", f"{self.engine.run_dir}:/hostrun", "-v", f"{self.odd}:/odd", "-v", f"{self.hierarchy}:/cgroup"]

    @property
    def neighbour(self):
        return self.place("plain").box

    def place(self, name):
        if name not in self._places:
            place = Place(self.engine, self._program, *self._options(name))
            self._stack.callback(place.close)
            self._places[name] = place
            if name == "crowded":  # Docker leaves mounts below the one it was asked for as they are
                root = self.mounts["host-root-read-only"]
                root.read_only = host.mount_is_read_only(place.box.pid, root.path)
        return self._places[name]


class Show:
    """All modes watch; every route is taken once."""

    def __init__(self, scene, marker, watches):
        self.scene = scene
        self._marker = marker
        self._watches = watches
        self._seen = {}

    def _settle(self):
        box = self._marker.box
        counts = {mode: len(watch.events("socket-connect", box)) for mode, watch in self._watches.items()}
        self._marker.connect()
        for mode, watch in self._watches.items():
            watch.wait_for("socket-connect", box, count=counts[mode] + 1)

    def _events(self, mode, taken, since):
        """All of the socket, whoever they are of, but for those that the marker and the old one make."""
        path = taken.socket or self.scene.engine.socket
        events = self._watches[mode].events("socket-connect", socket=path)
        if taken.before:
            return [e for e in events if get(e, "container.id") == taken.box.id]
        others = (self._marker.box.id, self.scene.old.id)
        return [e for e in events if get(e, "event.sequence") > since[mode] and get(e, "container.id") not in others]

    def take(self, name):
        """What was Taken, and its events by mode."""
        if name not in self._seen:
            since = {m: get(watch.all_events()[-1], "event.sequence") for m, watch in self._watches.items()}
            with ROUTES[name].take(self.scene) as taken:
                if taken.error and "tracepoint" in since:  # it tells of a failure when a while has passed
                    host.wait_until(lambda: self._events("tracepoint", taken, since), 15, f"{name} in tracepoint mode")
                self._settle()
            self._seen[name] = taken, {mode: self._events(mode, taken, since) for mode in self._watches}
        return self._seen[name]


@pytest.fixture(scope="module")
def show(engine, marker, validator):
    with contextlib.ExitStack() as stack:
        scene = Scene(engine, stack)
        watches = {}
        for mode in skips.modes():
            # Kernels that preempt tasks in programs leave runs of them out: none of these routes, or it fails.
            watches[mode] = Watch(mode=mode, validator=validator, loss_is_fine=True)
            stack.callback(watches[mode].close)
            watches[mode].wait_for("socket-connect", scene.old)
        scene.stale()
        yield Show(scene, marker, watches)


def tell(mode, name, verdict):
    with open(os.environ["DOCKSNOOP_MATRIX"], "a", encoding="utf-8") as out:
        line = {"release": platform.release(), "mode": mode, "route": name, "verdict": verdict}
        print(json.dumps(line), file=out)


def wrong(check, *arguments, **more):
    try:
        check(*arguments, **more)
    except AssertionError as error:
        return str(error)
    return ""


def check_what(event, taken, engine, mode):
    """Everything but who and through what."""
    expect.fields(
        event, event__kind="alert", event__severity=73, docksnoop__verdict="flagged", docksnoop__mode=mode,
        error__code=errno.errorcode[taken.error] if taken.error else None,
        event__outcome="failure" if taken.error else "success", docksnoop__socket__daemon="docker",
        docksnoop__socket__path=taken.socket or engine.socket, docksnoop__socket__scope="host",
    )


def check_who(event, taken, engine):
    expect.container_is(event, engine, taken.box)
    expect.process_is(event, taken.actor.truth, args=taken.actor.args, pid=taken.actor.pid)
    namespaces = {name: taken.actor.truth["ns"][name] for name in ("mnt", "pid", "user")}
    wanted = {"docksnoop.attribution.by": "cgroup", "docksnoop.attribution.namespaces": namespaces, **taken.fields}
    expect.fields(event, **wanted)


def judge(events, taken, engine, mode):
    """In a word what was said of a route, and what is wrong with that."""
    if not events:
        return NOT_SEEN, ""
    if len(events) > 1:
        return f"seen {len(events)} times", "\n".join(map(brief, events))
    event = events[0]
    low = get(event, "docksnoop.confidence") == "low"
    problem = "" if low else wrong(check_what, event, taken, engine, mode)
    if problem:
        return WRONG, problem
    problem = wrong(check_who, event, taken, engine)
    if problem:
        return WRONG, problem
    problem = wrong(expect.mount_is, event, taken.mount)
    if problem:
        return MOUNT_UNKNOWN if get(event, "docksnoop.mount.via") == "unknown" else MOUNT_WRONG, problem
    return LOW if low else SEEN, ""


@pytest.mark.parametrize("name", ROUTES)
def test_route_is_seen_as_promised(name, show, mode):
    if ROUTES[name].privileged and skips.privileged_is_refused(show.scene.engine):
        tell(mode, name, "not run")
        pytest.skip(skips.NOT_PRIVILEGED)
    taken, events = show.take(name)
    verdict, problem = judge(events[mode], taken, show.scene.engine, mode)
    tell(mode, name, verdict)
    promised = ROUTES[name].tracepoint if mode == "tracepoint" else ROUTES[name].resolving
    assert verdict == promised, problem
