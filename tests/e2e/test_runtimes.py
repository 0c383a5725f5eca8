# SPDX-License-Identifier: Apache-2.0
"""Containers of other runtimes, real ones, and those of their processes that are the host's."""

import contextlib
import json
import os
import pathlib
import subprocess

import pytest
from lib import ctr as ctrs
from lib import engine as engines
from lib import expect, host, machines, rootless, routes
from lib.watch import get


@pytest.fixture
def directory(engine):
    return routes.directory(engine.run_dir, "docker.sock")


def flagged(event, runtime, box, mount, mode, engine, **more):
    expect.flagged(event, runtime, box, mount, mode, socket=engine.socket, **more)


def host_connect(watch, engine, truth):
    event = watch.wait_for("socket-connect", process__pid=truth["pid"])
    expect.fields(event, docksnoop__verdict="host", container=None, docksnoop__socket__path=engine.socket)


# containerd by ctr


@pytest.fixture(scope="module")
def ctr(engine):
    with contextlib.closing(ctrs.Ctr(engine)) as ours:
        yield ours.open()


def test_ctr_with_a_name_for_an_id(ctr, directory, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = ctr.run(directory)
    flagged(watch.wait_for("socket-connect", box), ctr, box, directory, mode, engine)


@pytest.mark.once
@pytest.mark.parametrize("cgroup", ["{unique}", "{unique}/some/way/down", "{namespace}/another"])
def test_ctr_with_a_cgroup_that_tells_nothing(ctr, directory, engine, docksnoop, mode, cgroup, monkeypatch):
    """Only its shim knows who it is."""
    cgroup = cgroup.format(unique=engines.unique("docksnoop-ctr"), namespace=ctr.namespace)
    ctr.cgroups.add(cgroup.split("/")[0])
    monkeypatch.setattr(ctr, "by", "namespace")
    monkeypatch.setattr(ctr, "cgroup_end", lambda box: f"/{cgroup}")
    watch = docksnoop(mode=mode)
    box = ctr.run(directory, "--cgroup", f"/{cgroup}")
    flagged(watch.wait_for("socket-connect", box), ctr, box, directory, mode, engine)


@pytest.mark.once
def test_ctr_task_exec_into_one_that_ran_before(ctr, directory, engine, docksnoop, mode, monkeypatch):
    monkeypatch.setattr(ctr, "by", "namespace")
    cgroup = engines.unique("docksnoop-ctr")
    ctr.cgroups.add(cgroup)
    box = ctr.sleeper(directory, "--cgroup", f"/{cgroup}")
    watch = docksnoop(mode=mode)
    truth = ctr.exec(box, directory.path)
    flagged(watch.wait_for("socket-connect", box), ctr, box, directory, mode, engine, truth=truth)
    expect.exposed(watch.wait_for("socket-exposed", box), ctr, box, directory, socket=engine.socket)
    ctr.remove(box)


@pytest.mark.once
def test_shim_is_the_hosts(ctr, directory, engine, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    box = ctr.sleeper(directory)
    shim = ctr.shim(box)
    event = watch.wait_for("socket-connect", process__pid=shim)  # it tells containerd of its container
    expect.fields(
        event, docksnoop__verdict="host", container=None, process__name="containerd-shim",
        docksnoop__socket__daemon="containerd", docksnoop__socket__path=f"{engine.containerd_socket}.ttrpc",
    )
    # and so is what sits in its cgroup
    truth = json.loads(host.run([*host.in_cgroup(host.cgroup_of(shim)), engine.client, engine.socket]))
    host_connect(watch, engine, truth)
    ctr.remove(box)


@pytest.mark.once
def test_container_in_anothers_cgroup_is_not_that_other(engine, boxes, directory, docksnoop, mode, monkeypatch):
    """--cgroup-parent takes any cgroup: who may start containers could have others blamed."""
    other = boxes(sleeper=True)
    watch = docksnoop(mode=mode)
    monkeypatch.setattr(engine, "by", "namespace")
    box = engine.run(*directory.options, "--cgroup-parent", other.cgroup, client=(directory.path,))
    event = watch.wait_for("socket-connect", box)
    expect.flagged(event, engine, box, directory, mode)
    assert not watch.events("socket-connect", other)


# Docker without root


@pytest.fixture(scope="module")
def rootless_docker(engine):
    with contextlib.closing(rootless.User()) as user, contextlib.closing(rootless.RootlessDocker(user)) as ours:
        yield ours.open()


def as_host_sees(box, user):
    box.truth["uid"] = box.truth["gid"] = user.uid


def test_rootless_docker_container_at_its_own_daemon(rootless_docker, docksnoop, mode):
    route = routes.directory(rootless_docker.run_dir, "docker.sock")
    watch = docksnoop(mode=mode)
    assert rootless_docker.socket in watch.armed
    for _ in range(2):  # the kernel gives them the same numbers of namespaces
        box = rootless_docker.run(*route.options, client=(route.path,))
        as_host_sees(box, rootless_docker.user)
        event = watch.wait_for("socket-connect", box)
        expect.flagged(event, rootless_docker, box, route, mode)
        expect.fields(
            event, docksnoop__socket__scope="host",
            docksnoop__socket__listener={"pid": rootless_docker.daemon_pid, "name": "dockerd"},
        )


@pytest.mark.once
def test_rootless_docker_container_at_the_hosts_daemon(
    rootless_docker, engine, open_socket, directory, docksnoop, mode
):
    watch = docksnoop(mode=mode)
    box = rootless_docker.run(*directory.options, client=(directory.path,))
    as_host_sees(box, rootless_docker.user)
    flagged(watch.wait_for("socket-connect", box), rootless_docker, box, directory, mode, engine)


@pytest.mark.once
def test_rootless_dockers_own_processes_are_the_hosts(rootless_docker, marker, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    route = routes.directory(rootless_docker.run_dir, "docker.sock")
    box = rootless_docker.run(*route.options, client=(route.path,))
    shim = watch.wait_for("socket-connect", process__name="containerd-shim", process__user__id=str(rootless_docker.user.uid))
    expect.fields(shim, docksnoop__verdict="host", container=None)
    rootless_docker.stop()
    rootless_docker.start()  # dockerd connects to its containerd
    dockerd = watch.wait_for("socket-connect", process__pid=rootless_docker.daemon_pid)
    expect.fields(dockerd, docksnoop__verdict="host", container=None)
    marker.settle(watch)
    uid = str(rootless_docker.user.uid)
    others = [e for e in watch.events(process__user__id=uid) if get(e, "container.id") != box.id]
    assert others and {get(e, "docksnoop.verdict") for e in others} == {"host"}, watch.report()


# Machines


@pytest.fixture
def lxc(engine):
    with contextlib.closing(machines.Lxc(engine)) as ours:
        yield ours


@pytest.fixture
def nspawn(engine):
    with contextlib.closing(machines.Nspawn(engine)) as ours:
        yield ours


def test_lxc(lxc, directory, engine, docksnoop, mode):
    watch = docksnoop(mode=mode)
    box = lxc.start(directory)
    flagged(watch.wait_for("socket-connect", box), lxc, box, directory, mode, engine, args=box.args)
    expect.exposed(watch.wait_for("socket-exposed", box), lxc, box, directory, socket=engine.socket)


@pytest.mark.once
def test_lxc_attach_and_monitor(lxc, directory, engine, docksnoop, mode, monkeypatch):
    monkeypatch.setattr(lxc, "cgroup_end", lambda box: f"/lxc.payload.{box.id}/.lxc")
    box = lxc.sleeper(directory)
    watch = docksnoop("--all", mode=mode)
    truth, args = lxc.attach(box, directory)
    flagged(watch.wait_for("socket-connect", box), lxc, box, directory, mode, engine, truth=truth, args=args)
    monitor = f"{lxc.parent}/lxc.monitor.{box.id}"
    truth = json.loads(host.run([*host.in_cgroup(monitor), engine.client, engine.socket]))
    host_connect(watch, engine, truth)
    lxc.stop(box)


@pytest.mark.parametrize("options", [(), ("--as-pid2",)], ids=["pid1", "pid2"])
def test_nspawn(nspawn, directory, engine, docksnoop, mode, options):
    watch = docksnoop(mode=mode)
    box = nspawn.start(directory, *options)
    flagged(watch.wait_for("socket-connect", box), nspawn, box, directory, mode, engine, args=box.args)
    expect.exposed(watch.wait_for("socket-exposed", box), nspawn, box, directory, socket=engine.socket)


@pytest.mark.once
def test_nspawn_in_a_unit_of_another_name(nspawn, directory, engine, docksnoop, mode, monkeypatch):
    unit = f"{nspawn.parent}/web.service"
    monkeypatch.setattr(nspawn, "by", "namespace")
    monkeypatch.setattr(nspawn, "cgroup_end", lambda box: f"{unit}/payload")
    watch = docksnoop(mode=mode)
    box = nspawn.start(directory, unit=unit)
    flagged(watch.wait_for("socket-connect", box), nspawn, box, directory, mode, engine, args=box.args)


@pytest.mark.once
def test_nspawns_supervisor_is_the_hosts(nspawn, engine, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    supervisor = f"{nspawn.unit('web')}/supervisor"
    truth = json.loads(host.run([*host.in_cgroup(supervisor), engine.client, engine.socket]))
    host_connect(watch, engine, truth)


# What no runtime has made


@pytest.mark.once
def test_process_that_a_user_calls_conmon(engine, boxes, open_socket, scratch, directory, docksnoop, mode):
    """Who has another's container blamed by a shim of his own making is not believed: it has a cgroup."""
    victim = boxes(sleeper=True)
    rootfs = f"{scratch}/rootfs"
    ctrs.make_rootfs(rootfs, engine.client)
    os.mkdir(rootfs + directory.target)
    script = scratch / "script"
    script.write_text(
        "unshare --user --map-root-user --mount --pid --fork sh -c '"
        f"mount --bind {directory.source} {rootfs}{directory.target} && "
        f"mount -t proc proc {rootfs}/proc && exec chroot {rootfs} {engines.CLIENT} {directory.path}'\n"
    )
    watch = docksnoop(mode=mode)
    with contextlib.closing(rootless.User()) as user:
        name_it = f'exec -a conmon sh {script} --cid {victim.id}'
        truth = json.loads(host.run(user.command("bash", "-c", name_it)))
        event = watch.wait_for("socket-connect", process__user__id=str(user.uid))
    assert truth["errors"] == [0]
    expect.fields(event, container=None, docksnoop__verdict="flagged", docksnoop__attribution__by="none")


def test_another_container_with_the_same_number_of_a_namespace(engine, scratch, directory, docksnoop, mode):
    """The kernel gives the number out again at once; the cgroup is the same one: it is another all the same."""
    rootfs = f"{scratch}/rootfs"
    ctrs.make_rootfs(rootfs, engine.client)
    os.mkdir(rootfs + directory.target)
    enter = (
        f"mount --bind {directory.source} {rootfs}{directory.target} && mount --bind /proc {rootfs}/proc && "
        f"exec chroot {rootfs} {engines.CLIENT} -s -o"
    )
    watch = docksnoop(mode=mode)
    numbers = []
    for turn in range(50):
        said = pathlib.Path(f"{rootfs}/said.{turn}")
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"{enter} /{said.name} {directory.path}"], stdin=subprocess.DEVNULL,
        )
        try:
            host.wait_until(said.exists, 10, "what the client did")
            event = watch.wait_for("socket-exposed", process__pid=process.pid)
        finally:
            process.kill()
            process.wait()
        expect.fields(event, container=None, docksnoop__verdict="flagged")
        expect.mount_is(event, directory)
        numbers.append(json.loads(said.read_text())["ns"]["mnt"])
        if numbers[-1] in numbers[:-1]:
            return
    raise AssertionError(f"the kernel gave no number twice: {numbers}")
