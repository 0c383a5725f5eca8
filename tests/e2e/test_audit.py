# SPDX-License-Identifier: Apache-2.0
"""The audit of the live host: each way in which a container has a daemon, running or not."""

import contextlib
import json
import shutil
import subprocess

import pytest
from lib import engine as engines
from lib import host, podman as podmen, routes
from lib.asker import Asker, build_asks, request
from lib.audit import audit
from lib.audit import docksnoop as command

pytestmark = pytest.mark.once


def alone(findings):
    assert len(findings) == 1, findings
    return findings[0]


def over(engine, findings):
    """A directory far above has the sockets of other daemons as well."""
    return [f for f in findings if f["socket"] == engine.socket]


def is_route(finding, engine, box, route, stopped):
    wanted = {
        "kind": "mount", "via": route.via, "daemon": "docker", "socket": engine.socket, "verdict": "flagged",
        "where": {"container": {"id": box.id, "name": box.name, "image": engines.IMAGE, "runtime": "docker"}},
    }
    assert {key: finding[key] for key in wanted} == wanted
    assert finding.get("read_only", False) == route.read_only
    assert finding.get("stopped", False) == stopped
    assert finding["spelling"].endswith(f":{route.target}" + (":ro" if route.read_only else ""))
    assert "root on the host" in finding["gives"] and finding["advice"]


@pytest.mark.parametrize("route", routes.KINDS, indirect=True)
def test_container_that_runs_and_then_does_not(route, engine, boxes):
    box = boxes(*route.options, sleeper=True)
    configured, route.read_only = route.read_only, host.mount_is_read_only(box.pid, route.path)
    is_route(alone(over(engine, audit().of(box))), engine, box, route, False)
    engine.docker("kill", box.id)
    host.wait_until(lambda: not engine.docker("ps", "-q", "--no-trunc", "--filter", f"id={box.id}"), 20, "its end")
    route.read_only = configured
    is_route(alone(over(engine, audit().of(box))), engine, box, route, True)


def test_container_without_the_socket_is_left_alone(engine, boxes, scratch):
    box = boxes("-v", f"{scratch}:/run", "-v", f"{scratch}:/var/run/docker.sock", sleeper=True)
    assert not audit().of(box)
    engine.docker("kill", box.id)
    assert not audit().of(box)


def test_container_that_was_never_started(engine, scratch):
    name = engines.unique("created")
    cid = engine.docker("create", "--network", "none", "--name", name, "-v", f"{engine.run_dir}:/r", engines.IMAGE, "/bin/true")
    try:
        finding = alone(audit().of(engines.Box(cid, name, 0)))
        assert (finding["via"], finding["stopped"], finding["spelling"]) == ("directory-bind", True, f"{engine.run_dir}:/r")
    finally:
        engine.docker("rm", cid)


def test_socket_made_anew_is_called_stale(engine, boxes):
    box = boxes("-v", f"{engine.socket}:/x", sleeper=True)
    with engine.stopped():
        pass  # dockerd takes its socket away, and makes another
    finding = alone(audit().of(box))
    assert finding["stale"] and finding["via"] == "socket-bind" and "stale" in finding["gives"]


def test_stopped_while_no_daemon_runs(engine, boxes):
    """The daemon's own place is not known then; a usual one still is."""
    box = boxes("-v", "/run:/hostrun", sleeper=True)
    engine.docker("kill", box.id)
    finding = alone(audit().of(box))
    assert (finding["via"], finding["stopped"]) == ("directory-bind", True)


@pytest.mark.parametrize("option, kind, spelling", [
    ("--pid=host", "host-pid", "pid: host"), ("--privileged", "privileged", "privileged: true"),
])
def test_powers_that_need_no_mount(engine, option, kind, spelling):
    """The container need not run: that is refused in some places."""
    name = engines.unique("power")
    cid = engine.docker("create", "--network", "none", "--name", name, option, engines.IMAGE, "/bin/true")
    try:
        finding = alone(audit().of(engines.Box(cid, name, 0)))
        assert (finding["kind"], finding["via"], finding["spelling"]) == (kind, "proc-root", spelling)
    finally:
        engine.docker("rm", cid)


def test_proxy_that_listens(engine, boxes):
    proxy = boxes("-v", f"{engine.run_dir}:/hostrun", client=("-l", "2375", "/hostrun/docker.sock"))

    def listens():
        found = {f["kind"]: f for f in audit().of(proxy)}
        return found if "tcp" in found else None

    found = host.wait_until(listens, 20, "the proxy listening")
    assert set(found) == {"mount", "tcp"}
    assert found["tcp"]["socket"].endswith(":2375") and found["tcp"]["via"] == "tcp"


def test_podmans_containers(engine):
    with contextlib.closing(podmen.Podman(engine)) as podman:
        podman.open()
        podman.serve()
        box = podman.sleeper("-v", f"{podman.run_dir}:/r")
        finding = alone(audit().of(box))
        assert finding["daemon"] == "podman" and finding["via"] == "directory-bind"
        assert finding["where"]["container"]["runtime"] == "podman" and finding["where"]["container"]["name"] == box.name
        podman.podman("stop", "-t", "0", box.id)
        finding = alone(audit().of(box))
        assert finding["stopped"] and finding["via"] == "directory-bind" and finding["socket"] == podman.socket


# What was seen of them

READ = request("GET", "/containers/json", close=True)
EVENTS = request("GET", "/events?since=1&until=2", close=True)
WRITE = request("POST", "/containers/nobody/restart", close=True)


@pytest.fixture(scope="module")
def program(engine):
    return build_asks(engine)


@pytest.mark.parametrize("asked, advice", [
    ([], "never used"),
    ([READ, EVENTS], "allows GET of CONTAINERS EVENTS and nothing else"),
    ([READ, WRITE], "up to 'write' (CONTAINERS)"),
])
def test_advice_by_what_was_seen(engine, program, docksnoop, mode, scratch, asked, advice):
    seen = scratch / "seen.jsonl"
    with contextlib.closing(Asker(engine, program)) as asker:
        watch = docksnoop("--file", str(seen), mode=mode)
        if asked:
            asker.ask(*[[one] for one in asked])
            watch.wait_for("api-request", asker.box, count=len(asked))
        watch.stop()
        result = audit("--seen", seen)
        finding = alone(result.of(asker.box))
        assert advice in finding["advice"], finding
        assert finding["usage"]["requests"] == len(asked)


def test_record_with_bad_lines_is_read_as_far_as_it_goes(engine, boxes, scratch):
    box = boxes("-v", f"{engine.socket}:/x", sleeper=True)
    seen = scratch / "seen.jsonl"
    event = {"event": {"action": "socket-connect"}, "container": {"id": box.id}}
    seen.write_text(f"{json.dumps(event)}\n{{cut\n[]\n")
    result = audit("--seen", seen)
    assert result.status == 2
    assert f"{seen}:2:1: " in result.stderr and f"{seen}:3:1: this is no event" in result.stderr
    assert alone(result.of(box))["usage"]["connects"] == 1


# Verdicts, and how it is called

def test_policy_justifies(engine, boxes, scratch):
    box = boxes("-v", f"{engine.socket}:/x", sleeper=True)
    policy = scratch / "policy.yaml"
    policy.write_text(
        f"version: 1\njustified:\n- name: it\n  match: {{container: {box.name}}}\n  reason: r\n  owner: o\n  expires: 2999-01-01\n"
    )
    finding = alone(audit("--policy", policy).of(box))
    assert finding["verdict"] == "justified" and finding["justification"]["rule"] == "it"
    policy.write_text(policy.read_text().replace("2999", "2020"))
    assert alone(audit("--policy", policy).of(box))["verdict"] == "expired"


def test_text_for_people(engine, boxes):
    box = boxes("-v", f"{engine.socket}:/x", sleeper=True)
    text = command("audit").stdout.decode()
    line = next(line for line in text.splitlines() if box.name in line)
    assert line.startswith("FLAGGED") and f"{engine.socket}:/x [socket-bind -> docker {engine.socket}]" in line
    assert "why: the daemon's socket is root on the host" in text and "do:  " in text


def test_who_is_not_root_is_told(scratch):
    program = shutil.copy(host.PROGRAM, scratch)  # where everybody gets to
    for arguments in (["audit"], ["policy", "suggest"]):
        result = subprocess.run([program, *arguments], capture_output=True, user=65534)
        assert result.returncode == 3 and b"not root" in result.stderr


@pytest.mark.parametrize("arguments, why", [
    (["--json", "--sarif"], b"do not go together"), (["--seen", "/dev/null", "/tmp"], b"--seen"),
    (["--nonsense"], b"nonsense"), (["--policy", "/nonexistent"], b"No such file"), (["--seen", "/nonexistent"], b"No such file"),
])
def test_bad_usage(arguments, why):
    result = command("audit", *arguments)
    assert result.returncode == 2 and why in result.stderr
