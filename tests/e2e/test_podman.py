# SPDX-License-Identifier: Apache-2.0
"""Podman's containers, as root and as a user of the host, and what is the host's about them."""

import contextlib
import json
import os
import pathlib
import signal

import pytest
from lib import engine as engines
from lib import expect, host, podman as podmen, rootless, routes
from lib.watch import get


@pytest.fixture(scope="module")
def podman(engine):
    with contextlib.closing(podmen.Podman(engine)) as ours:
        yield ours.open()


@pytest.fixture
def sleeper(podman):
    started = []

    def start(*options):
        started.append(podman.sleeper(*options))
        return started[-1]

    yield start
    podman.remove(*started)


def flagged(event, podman, box, route, mode, engine, **more):
    expect.flagged(event, podman, box, route, mode, socket=engine.socket, **more)


def test_short_lived_container(route, podman, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = podman.run(*route.options, client=(route.path,))
    flagged(watch.wait_for("socket-connect", box), podman, box, route, mode, engine)


def test_exec_into_a_container_that_ran_before(route, podman, engine, sleeper, docksnoop, mode):
    box = sleeper(*route.options)
    watch = docksnoop(mode=mode)
    truth = podman.exec(box, route.path)
    flagged(watch.wait_for("socket-connect", box), podman, box, route, mode, engine, truth=truth)
    expect.exposed(watch.wait_for("socket-exposed", box), podman, box, route, socket=engine.socket)


@pytest.mark.once
def test_container_of_a_pod(route, podman, engine, docksnoop, mode):
    pod = podman.podman(
        "pod", "create", "--network", "none", "--infra-image", engines.IMAGE, "--infra-command", "/bin/sleep 3600",
    )
    watch = docksnoop(mode=mode)
    box = podman.run("--pod", pod, *route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    podman.podman("pod", "rm", "-f", "-t", "0", pod)
    flagged(event, podman, box, route, mode, engine)


@pytest.mark.once
def test_cgroup_parent(route, podman, engine, docksnoop, mode):
    parent = engines.unique("docksnoop-podman")
    podman.cgroups.add(parent)
    watch = docksnoop(mode=mode)
    box = podman.run("--cgroup-parent", f"/{parent}", *route.options, client=(route.path,))
    event = watch.wait_for("socket-connect", box)
    flagged(event, podman, box, route, mode, engine)
    assert get(event, "docksnoop.attribution.cgroup").startswith(f"/{parent}/")


@pytest.mark.once
def test_podmans_own_socket(podman, docksnoop, mode):
    watch = docksnoop(mode=mode)
    pid = podman.serve()
    route = routes.directory(podman.run_dir, "podman.sock")
    box = podman.run(*route.options, client=("-g", route.path))
    assert box.truth["status"] == 200
    event = watch.wait_for("socket-connect", box, socket=podman.socket)
    expect.flagged(
        event, podman, box, route, mode, socket=podman.socket, daemon="podman",
        args=[engines.CLIENT, "-g", route.path],
    )
    expect.fields(event, docksnoop__socket__listener={"pid": pid, "name": "podman"}, docksnoop__socket__scope="host")


@pytest.fixture
def hooks(podman, engine, tmp_path):
    """Have Podman's runtime run the client as a hook of each container, at one stage of its start."""

    def install(stage, *arguments):
        hook = {
            "version": "1.0.0", "when": {"always": True}, "stages": [stage],
            "hook": {"path": engine.client, "args": ["client", *arguments]},
        }
        (tmp_path / "hook.json").write_text(json.dumps(hook))
        return ["--hooks-dir", str(tmp_path)]

    return install


@contextlib.contextmanager
def hooked(podman, hooks, *arguments):
    """A container with a hook that stays; --hooks-dir is a global option."""
    cid = podman.podman(*hooks, "create", "--network", "none", *arguments, engines.IMAGE, "/bin/sleep", "3600")
    try:
        podman.podman(*hooks, "start", cid)
        yield cid
    finally:
        podman.podman("rm", "-f", "-t", "0", cid)


@pytest.mark.once
def test_hook_of_the_runtime_is_the_containers(podman, engine, hooks, scratch, docksnoop, mode):
    """It has all of the host's, as one has that broke out: by its family it is the container's."""
    said = f"{scratch}/said"
    watch = docksnoop("--all", mode=mode)
    with hooked(podman, hooks("prestart", "-o", said, engine.socket)) as cid:
        truth = json.loads(pathlib.Path(said).read_text())
        event = watch.wait_for("socket-connect", process__pid=truth["pid"])
        cgroup = host.cgroup_of(podman.conmon(cid))
    expect.fields(
        event, docksnoop__verdict="flagged", container__id=cid, docksnoop__attribution__cgroup=cgroup,
        docksnoop__attribution__by="ancestor",
    )


def test_hook_in_the_container_is_no_start_of_it(podman, engine, hooks, scratch, route, docksnoop, mode):
    """Its mounts are the host's still; what the container reaches is told when its program starts."""
    watch = docksnoop(mode=mode)
    options = hooks("createContainer", "-o", f"{scratch}/said", "/nowhere")
    with hooked(podman, options, *route.options) as cid:
        assert os.path.exists(f"{scratch}/said")
        exposed = watch.wait_for("socket-exposed", cid)
    expect.mount_is(exposed, route)
    assert len(watch.events("socket-exposed", cid)) == 1


@pytest.mark.once
def test_conmons_cgroups_are_the_hosts(podman, engine, sleeper, docksnoop, mode):
    """Its own, and those where Podman puts it with systemd."""
    box = sleeper()
    parent = engines.unique("docksnoop-conmon")
    podman.cgroups.add(parent)
    watch = docksnoop("--all", mode=mode)
    own = host.cgroup_of(podman.conmon(box.id))
    for cgroup in (own, f"{parent}/libpod-conmon-{box.id}.scope", f"{parent}/web.service/runtime"):
        truth = json.loads(host.run([*host.in_cgroup(cgroup), engine.client, engine.socket]))
        event = watch.wait_for("socket-connect", process__pid=truth["pid"])
        expect.fields(event, docksnoop__verdict="host", container=None)


@pytest.fixture(scope="module")
def rootless_podman(engine):
    with contextlib.closing(rootless.User()) as user, contextlib.closing(podmen.RootlessPodman(engine, user)) as ours:
        yield ours.open()


def test_rootless_containers(route, rootless_podman, engine, open_socket, docksnoop, mode):
    """One after the other: the kernel gives them the same numbers of namespaces."""
    watch = docksnoop(mode=mode)
    boxes = [rootless_podman.run(*route.options, client=(route.path,)) for _ in range(2)]
    for box in boxes:
        event = watch.wait_for("socket-connect", box)
        assert box.truth["uid"] == 0  # as it sees itself
        box.truth["uid"] = box.truth["gid"] = rootless_podman.user.uid
        flagged(event, rootless_podman, box, route, mode, engine)


@pytest.mark.once
def test_rootless_container_that_ran_before(route, rootless_podman, engine, open_socket, docksnoop, mode):
    box = rootless_podman.sleeper(*route.options)
    watch = docksnoop("--all", mode=mode)
    expect.exposed(watch.wait_for("socket-exposed", box), rootless_podman, box, route, socket=engine.socket)
    truth = rootless_podman.exec(box, route.path)
    rootless_podman.remove(box)
    truth["uid"] = truth["gid"] = rootless_podman.user.uid
    flagged(watch.wait_for("socket-connect", box), rootless_podman, box, route, mode, engine, truth=truth)
    assert not [e for e in watch.events(docksnoop__verdict="flagged") if not get(e, "container.id")]


@pytest.mark.once
def test_rootless_container_without_its_conmon(route, rootless_podman, engine, docksnoop, mode):
    """Nothing is left that tells who it is but its own mount table; where its files are nobody says."""
    box = rootless_podman.sleeper(*route.options)
    conmon = rootless_podman.conmon(box.id)
    os.kill(conmon, signal.SIGKILL)
    host.wait_until(lambda: not os.path.exists(f"/proc/{conmon}"), 10, "the end of conmon")
    watch = docksnoop(mode=mode)
    event = watch.wait_for("socket-exposed", box)
    os.kill(box.pid, signal.SIGKILL)
    expect.fields(event, container__id=box.id, container__name=None, docksnoop__attribution__by="mountinfo")
    expect.mount_is(event, route)
