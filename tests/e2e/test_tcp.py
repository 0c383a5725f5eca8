# SPDX-License-Identifier: Apache-2.0
"""The daemons' TCP side: who listens, and who connects, through a proxy too.

Containers get a network of the tests' own: pairs of virtual Ethernet ends that are moved into them.
"""

import errno
import os
import pathlib
import re
import socket
import subprocess

import pytest
from lib import engine as engines
from lib import expect, host, skips
from lib.watch import get

PORT = 2375  # in containers; what listens on the host takes a free one
# A pair of ends each: documentation's addresses (RFC 5737, RFC 3849), which nobody has.
PROXY, CLIENT = "192.0.2.2", "192.0.2.3"
PROXY6 = "2001:db8::2"
IPV6 = ("--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--sysctl", "net.ipv6.conf.default.disable_ipv6=0")
HOST_SIDE, PROXY_SIDE = "198.51.100.1", "198.51.100.2"


def ip(*arguments, pid=None):
    inside = ["nsenter", "-t", str(pid), "-n"] if pid else []
    subprocess.run([*inside, "ip", *arguments], check=True, capture_output=True, text=True)


def end_up(pid, device, *addresses):
    ip("link", "set", device, "up", pid=pid)
    for address in addresses:
        ip("address", "add", address, "dev", device, *(["nodad"] if ":" in address else []), pid=pid)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


needs_ipv6 = pytest.mark.skipif(not host.has_ipv6(), reason=skips.NO_IPV6)


@pytest.fixture(scope="module")
def standing(engine):
    """Start containers that are there for all tests of this file."""
    started = []

    def start(*options, client=None, name=None):
        name = engines.unique(name)
        box = engine.start_box(*options, client=client, name=name) if client else engine.sleeper(*options, name=name)
        started.append(box)
        return box

    yield start
    engine.remove(*started)


@pytest.fixture(scope="module")
def proxy(engine, standing):
    """A container that has the socket, listens, and has a name to be found by."""
    return standing(
        "-v", f"{engine.run_dir}:/hostrun", *IPV6, client=("-l", str(PORT), "/hostrun/docker.sock"), name="proxy",
    )


@pytest.fixture(scope="module")
def client(proxy, standing):
    """A container without the socket, which reaches the proxy's network."""
    box = standing(*IPV6, name="client")
    ours, theirs = f"dsc{os.getpid()}", f"dsp{os.getpid()}"
    ip("link", "add", ours, "netns", str(box.pid), "type", "veth", "peer", "name", theirs, "netns", str(proxy.pid))
    end_up(box.pid, ours, f"{CLIENT}/24", "2001:db8::3/64")
    end_up(proxy.pid, theirs, f"{PROXY}/24", f"{PROXY6}/64")
    return box


@pytest.fixture(scope="module")
def local(standing):
    """A container in the host's network."""
    return standing("--network=host", name="local")


@pytest.fixture(scope="module")
def daemon(engine, marker):
    """The engine's dockerd listens on TCP too; its address."""
    address = f"tcp://127.0.0.1:{free_port()}"
    engine.stop()
    engine.start("--tls=false", "-H", address)
    yield address
    engine.stop()
    engine.start()


def reached(event, engine, box, address, mode, *options, proxy=None, error=0, truth=None):
    """All that an event of a container's connect over TCP has to say."""
    expect.fields(
        event, event__action="socket-connect", event__kind="alert", event__severity=73,
        event__outcome="failure" if error else "success", error__code=errno.errorcode[error] if error else None,
        docksnoop__verdict="flagged", docksnoop__mode=mode, docksnoop__mount=None,
        docksnoop__socket__daemon="docker", docksnoop__socket__scope="host", docksnoop__socket__address=address,
        docksnoop__socket__proxy={"id": proxy.id, "name": proxy.name} if proxy else None,
        docksnoop__socket__path=engine.socket if proxy else None,
        docksnoop__socket__listener__pid=proxy.pid if proxy else engine.daemon_pid,
        docksnoop__attribution__by="cgroup",
    )
    expect.container_is(event, engine, box)
    if truth:
        expect.process_is(event, truth, args=[engines.CLIENT, *options, address])
    assert bool(get(event, "docksnoop.connection")) == (not error), event
    assert address in get(event, "event.reason"), event
    if proxy:
        assert proxy.name in get(event, "event.reason"), event


def go(watch, engine, box, address, mode, *options, proxy=None, error=0):
    """Let the container connect; its one event, looked at in full."""
    seen = len(watch.events("socket-connect", box))
    truth = engine.exec(box, *options, address)
    assert truth["errors"] == [errno.EINPROGRESS if "-N" in options else error], truth
    watch.wait_for("socket-connect", box, count=seen + 1)
    event, = watch.events("socket-connect", box)[seen:]
    reached(event, engine, box, address, mode, *options, proxy=proxy, error=error, truth=truth)
    return truth


# The daemon itself


def test_daemon_is_exposed_and_reached(engine, local, daemon, docksnoop, mode):
    watch = docksnoop(mode=mode)
    event = watch.wait_for("socket-exposed", docksnoop__socket__address=daemon)
    expect.fields(
        event, event__kind="state", docksnoop__verdict="flagged", docksnoop__socket__daemon="docker",
        docksnoop__socket__scope="host", docksnoop__socket__listener={"pid": engine.daemon_pid, "name": "dockerd"},
        container=None, process=None, docksnoop__mount=None,
    )
    assert "network namespace" in get(event, "event.reason")
    truth = go(watch, engine, local, daemon, mode, "-g")
    assert truth["status"] == 200
    go(watch, engine, local, daemon, mode, "-N")
    go(watch, engine, local, daemon, mode, "-m")
    go(watch, engine, local, daemon, mode, "-O")


@needs_ipv6
def test_ipv4_mapped_address_is_the_same(engine, local, daemon, docksnoop, mode):
    watch = docksnoop(mode=mode)
    port = daemon.rpartition(":")[2]
    seen = engine.exec(local, f"tcp://[::ffff:127.0.0.1]:{port}")
    assert seen["errors"] == [0]
    reached(watch.wait_for("socket-connect", local), engine, local, daemon, mode)


@pytest.mark.once
def test_other_addresses_and_ports_are_nobodys(engine, local, daemon, marker, docksnoop, mode):
    port = int(daemon.rpartition(":")[2])
    # New listeners: the kernel side reports who connects, and user space has to tell them apart.
    watch = docksnoop("--all", mode=mode)
    with socket.socket() as other, socket.socket() as near:
        other.bind(("127.0.0.9", port))
        other.listen()
        near.bind(("127.0.0.1", 0))
        near.listen()
        assert engine.exec(local, f"tcp://127.0.0.9:{port}")["errors"] == [0]
        assert engine.exec(local, f"tcp://127.0.0.1:{near.getsockname()[1]}")["errors"] == [0]
        marker.settle(watch)
    assert not watch.events("socket-connect", local)


@pytest.mark.once
def test_same_loopback_address_in_another_network_is_nobodys(engine, boxes, daemon, marker, docksnoop, mode):
    port = daemon.rpartition(":")[2]
    watch = docksnoop(mode=mode)
    listener = boxes(client=("-l", port))  # a new one, as above
    assert engine.exec(listener, f"tcp://127.0.0.1:{port}")["errors"] == [0]
    marker.settle(watch)
    assert not watch.events("socket-connect", listener)


@pytest.mark.once
def test_host_process_is_shown_with_all_only(engine, daemon, marker, docksnoop, mode):
    watch, every = docksnoop(mode=mode), docksnoop("--all", mode=mode)
    subprocess.run([engine.client, daemon], check=True, capture_output=True)
    event = every.wait_for("socket-connect", process__executable=engine.client)
    expect.fields(
        event, event__kind="event", event__severity=21, docksnoop__verdict="host", container=None,
        docksnoop__socket__address=daemon, docksnoop__mount=None,
    )
    marker.settle(watch)
    assert not watch.events("socket-connect", docksnoop__socket__address=daemon)


# A proxy


def test_proxy_that_runs_already(engine, proxy, client, docksnoop, mode):
    watch = docksnoop(mode=mode)
    event = watch.wait_for("socket-exposed", proxy, docksnoop__socket__address=f"tcp://[::]:{PORT}")
    expect.fields(
        event, event__kind="state", docksnoop__verdict="flagged", docksnoop__socket__daemon="docker",
        docksnoop__socket__path=engine.socket, docksnoop__socket__listener={"pid": proxy.pid, "name": "client"},
        docksnoop__socket__proxy=None, process__pid=proxy.pid,
        docksnoop__mount={"via": "directory-bind", "source": engine.run_dir, "target": "/hostrun", "read_only": False},
    )
    expect.container_is(event, engine, proxy)
    truth = go(watch, engine, client, f"tcp://{PROXY}:{PORT}", mode, "-g", proxy=proxy)
    assert truth["status"] == 200
    watch.wait_for("socket-connect", proxy, socket=engine.socket)  # its own, for that


@needs_ipv6
def test_proxy_over_ipv6(engine, proxy, client, docksnoop, mode):
    watch = docksnoop(mode=mode)
    go(watch, engine, client, f"tcp://[{PROXY6}]:{PORT}", mode, proxy=proxy)


@pytest.mark.once
def test_container_in_the_proxys_network(engine, proxy, boxes, docksnoop, mode):
    box = boxes(f"--network=container:{proxy.id}", sleeper=True)
    watch = docksnoop(mode=mode)
    go(watch, engine, box, f"tcp://127.0.0.1:{PORT}", mode, proxy=proxy)
    go(watch, engine, box, f"tcp://127.200.0.1:{PORT}", mode, proxy=proxy)


@pytest.mark.once
def test_proxys_own_health_check_is_nobodys_access(engine, proxy, marker, docksnoop, mode):
    watch = docksnoop("--all", mode=mode)
    assert engine.exec(proxy, f"tcp://127.0.0.1:{PORT}")["errors"] == [0]
    marker.settle(watch)
    assert not watch.events("socket-connect", proxy, docksnoop__socket__address=f"tcp://127.0.0.1:{PORT}")


def test_refused_connect_is_told(engine, boxes, docksnoop, mode):
    # It listens at every address, but on a device that nobody reaches.
    proxy = boxes("-v", f"{engine.run_dir}:/hostrun", "--cap-add=NET_ADMIN", sleeper=True)
    ip("link", "add", "dummy0", "type", "veth", "peer", "name", "dummy1", pid=proxy.pid)
    box = boxes(f"--network=container:{proxy.id}", sleeper=True)
    watch = docksnoop(mode=mode)
    engine.docker("exec", "-d", proxy.id, engines.CLIENT, "-l", "4000", "-d", "dummy0", "/hostrun/docker.sock")
    watch.wait_for("socket-exposed", proxy, docksnoop__socket__address="tcp://[::]:4000")
    truth = engine.exec(box, "tcp://127.0.0.1:4000")
    assert truth["errors"] == [errno.ECONNREFUSED]
    event = watch.wait_for("socket-connect", box)
    expect.fields(
        event, event__kind="alert", event__outcome="failure", error__code="ECONNREFUSED",
        docksnoop__socket__address="tcp://127.0.0.1:4000", docksnoop__socket__proxy__id=proxy.id,
        docksnoop__connection=None,
    )


def test_connect_that_nobody_answers(engine, boxes, docksnoop, mode):
    # A listener with room for one, and nobody who accepts.
    proxy = boxes("-v", f"{engine.run_dir}:/hostrun", client=("-l", "4000"))
    box = boxes(f"--network=container:{proxy.id}", sleeper=True)
    watch = docksnoop(mode=mode)
    url = "tcp://127.0.0.1:4000"
    watch.wait_for("socket-exposed", proxy, docksnoop__socket__address="tcp://[::]:4000")
    engine.docker("exec", "-d", box.id, engines.CLIENT, "-k", "-s", url)
    watch.wait_for("socket-connect", box, event__outcome="success")
    engine.exec(box, "-N", url)  # which closes it, and so gives it up
    event = watch.wait_for("socket-connect", box, event__outcome="failure")
    expect.fields(event, error__code="ECANCELED", docksnoop__socket__address=url)
    engine.docker("exec", box.id, "/bin/sh", "-c", f"{engines.CLIENT} -N -k -s -o /tmp/said {url} & while ! [ -e /tmp/said ]; do true; done")
    watch.stop()
    event = watch.wait_for("socket-connect", box, event__outcome="unknown")
    expect.fields(event, event__kind="alert", error=None, docksnoop__socket__address=url)


def test_proxy_is_seen_from_its_first_client(engine, boxes, docksnoop, mode):
    name = engines.unique("late")
    watch = docksnoop(mode=mode)
    proxy = boxes(
        "-v", f"{engine.run_dir}:/hostrun", "-v", f"{engine.work_dir}:/told",
        client=("-l", str(PORT), "-w", f"/told/{name}.go", "/hostrun/docker.sock"), name=name,
    )
    url = f"tcp://127.0.0.1:{PORT}"
    box = boxes(f"--network=container:{proxy.id}", client=("-r", "-s", url))
    pathlib.Path(engine.work_dir, f"{name}.go").touch()
    reached(watch.wait_for("socket-connect", box, event__outcome="success"), engine, box, url, mode, proxy=proxy)


@pytest.mark.once
def test_proxy_that_is_renamed_and_restarted(engine, boxes, docksnoop, mode):
    proxy = boxes("-v", f"{engine.run_dir}:/hostrun", client=("-l", str(PORT), "/hostrun/docker.sock"))
    watch = docksnoop(mode=mode)
    engine.docker("restart", "-t", "0", proxy.id)
    proxy.pid = int(engine.docker("inspect", "-f", "{{.State.Pid}}", proxy.id))
    proxy.name = engines.unique("renamed")
    engine.docker("rename", proxy.id, proxy.name)
    box = boxes(f"--network=container:{proxy.id}", sleeper=True)
    url = f"tcp://127.0.0.1:{PORT}"

    def name_told():  # at most a second after it was renamed
        seen = len(watch.events("socket-connect", box))
        engine.exec(box, "-r", url)
        watch.wait_for("socket-connect", box, event__outcome="success", count=seen + 1)
        event = watch.events("socket-connect", box)[-1]
        assert get(event, "docksnoop.socket.proxy.id") == proxy.id
        return get(event, "docksnoop.socket.proxy.name") == proxy.name

    host.wait_until(name_told, 10, "its new name")
    go(watch, engine, box, url, mode, proxy=proxy)


@pytest.mark.once
def test_proxy_in_the_hosts_network(engine, boxes, local, marker, docksnoop, mode):
    port = free_port()
    proxy = boxes("-v", f"{engine.run_dir}:/hostrun", "--network=host", client=("-l", str(port), "/hostrun/docker.sock"))
    with socket.socket() as other:  # the host's own
        other.bind(("127.0.0.1", 0))
        other.listen()
        watch = docksnoop(mode=mode)
        go(watch, engine, local, f"tcp://127.0.0.1:{port}", mode, proxy=proxy)
        engine.exec(local, f"tcp://127.0.0.1:{other.getsockname()[1]}")
        marker.settle(watch)
    assert len(watch.events("socket-connect", local)) == 1


def test_who_listens_first_and_gets_the_socket_later(engine, boxes, local, docksnoop, mode):
    """It was nobody's listener: that it has become one of ours shows without a look at all processes."""
    port, name = free_port(), engines.unique("later")
    folder = pathlib.Path(engine.run_dir, name)
    folder.mkdir()
    watch = docksnoop(mode=mode)
    proxy = boxes(
        "-v", f"{folder}:/later", "--network=host", client=("-l", str(port), "/later/docker.sock"), name=name,
    )
    url = f"tcp://127.0.0.1:{port}"
    host.wait_until(lambda: not engine.exec(local, url)["errors"][0], 10, "a listener")
    assert not watch.events("socket-connect", local)
    # a second name for the same socket
    os.link(engine.socket, folder / "docker.sock")
    with socket.create_connection(("127.0.0.1", port)):
        watch.wait_for("socket-connect", proxy)
    event = watch.wait_for("socket-exposed", proxy, docksnoop__socket__address=f"tcp://[::]:{port}")
    expect.container_is(event, engine, proxy)
    go(watch, engine, local, url, mode, proxy=proxy)


@pytest.mark.once
def test_kernel_without_the_hook_is_told_and_does_the_rest(engine, daemon, local, marker, scratch, docksnoop, mode):
    source = pathlib.Path(__file__).with_name("refuse.c")
    library = f"{scratch}/refuse.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, str(source)], check=True)
    watch = docksnoop(mode=mode, wrap=["env", f"LD_PRELOAD={library}", "REFUSED_PROGRAM=common_tcp_begu"])
    watch.expect_trouble("connects over TCP are not seen: load: Operation not permitted")
    assert "connects over TCP are not seen" in watch.stderr
    watch.wait_for("socket-exposed", docksnoop__socket__address=daemon)
    assert engine.exec(local, daemon)["errors"] == [0]
    marker.settle(watch)
    assert not watch.events("socket-connect", local)


@pytest.mark.once
def test_port_that_docker_publishes(engine, proxy, client, local, docksnoop, mode):
    device, port = f"dsh{os.getpid()}", free_port()
    ip("link", "add", device, "type", "veth", "peer", "name", device, "netns", str(proxy.pid))
    end_up(None, device, f"{HOST_SIDE}/30")
    end_up(proxy.pid, device, f"{PROXY_SIDE}/30")
    # As dockerd runs it; it says on descriptor 3 that it is ready.
    ready, tell = os.pipe()
    forwarder = subprocess.Popen(
        ["bash", "-c", f'exec 3>&{tell}; exec docker-proxy "$@"', "bash", "-proto", "tcp", "-host-ip", "127.0.0.1",
         "-host-port", str(port), "-container-ip", PROXY_SIDE, "-container-port", str(PORT)],
        pass_fds=[tell],
    )
    os.close(tell)
    try:
        assert os.read(ready, 1) == b"0", "docker-proxy did not start"
        watch = docksnoop(mode=mode)
        url = f"tcp://127.0.0.1:{port}"
        watch.wait_for("socket-exposed", proxy, docksnoop__socket__address=url)
        truth = engine.exec(local, "-g", url)
        assert truth["status"] == 200
        event = watch.wait_for("socket-connect", local)
        expect.fields(
            event, docksnoop__verdict="flagged", docksnoop__socket__address=url,
            docksnoop__socket__proxy={"id": proxy.id, "name": proxy.name},
            docksnoop__socket__listener={"pid": forwarder.pid, "name": "docker-proxy"},
        )
    finally:
        os.close(ready)
        host.stop(forwarder, "docker-proxy")
        ip("link", "del", device)


@pytest.mark.once
def test_what_is_said_to_people(engine, proxy, client, docksnoop, mode):
    watch = docksnoop(mode=mode, json=False)
    line = watch.wait_text(b"exposed", proxy.name.encode(), b"tcp://").decode()
    assert re.search(rf"tcp://\[::\]:{PORT} -> docker {engine.socket}  directory-bind {engine.run_dir}:/hostrun:rw", line), line
    engine.exec(client, f"tcp://{PROXY}:{PORT}")
    line = watch.wait_text(b"FLAGGED", client.name.encode()).decode()
    assert f"tcp://{PROXY}:{PORT} -> proxy {proxy.name} ({engines.IMAGE}) -> docker {engine.socket}" in line, line


# The last, for it leaves the daemon without an address


@pytest.mark.once
def test_daemon_that_starts_later_is_seen_from_its_first_connect(engine, boxes, docksnoop, mode):
    address = f"tcp://127.0.0.1:{free_port()}"
    watch = docksnoop(mode=mode)
    # from now on it tries each millisecond
    box = boxes("--network=host", client=("-r", "-s", address))
    with engine.stopped():
        engine.start("--tls=false", "-H", address)
        event = watch.wait_for("socket-connect", box, event__outcome="success")
        reached(event, engine, box, address, mode)
        watch.wait_for("socket-exposed", docksnoop__socket__address=address)
    engine.stop()
    engine.start()
