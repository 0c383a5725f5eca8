# SPDX-License-Identifier: Apache-2.0
"""Real clients: what each of their commands asks of the daemon, each request once."""

import collections
import contextlib
import io
import json
import os
import pty
import signal
import subprocess

import pytest
from lib import engine as engines
from lib import host
from lib.watch import Watch, get

PING, VERSION = ("HEAD", "/_ping", 200, "probe"), ("GET", "/version", 200, "probe")
LIST = ("GET", "/containers/json", 200, "read")
INFO = ("GET", "/info", 200, "probe")
CREATE = ("POST", "/containers/create", 201, "write")
START = ("POST", "/containers/{}/start", 204, "write")
WAIT = ("POST", "/containers/{}/wait", 200, "write")
ATTACH = ("POST", "/containers/{}/attach", 101, "exec")
INSPECT = ("GET", "/containers/{}/json", 200, "sensitive-read")


@pytest.fixture(scope="module")
def box(engine):
    ours = engine.sleeper()
    yield ours
    engine.remove(ours)


@pytest.fixture(scope="module")
def watches(validator):
    """One for each mode, for all of the tests."""
    with contextlib.ExitStack() as stack:
        ours = {}

        def of(mode):
            if mode not in ours:
                ours[mode] = Watch("--all", mode=mode, validator=validator)
                stack.callback(ours[mode].close)
            return ours[mode]

        yield of


@pytest.fixture
def client(engine, watches, marker, mode, scratch):
    return Client(engine, watches(mode), marker, scratch)


class Client:
    """Runs commands of the host's, and tells what was seen of each."""

    def __init__(self, engine, watch, marker, scratch):
        self._engine, self.watch, self._marker, self.scratch = engine, watch, marker, scratch

    def start(self, *command, **options):
        env = self._engine.env | {"DOCKER_HOST": f"unix://{self._engine.socket}"} | options.pop("env", {})
        return subprocess.Popen(command, env=env, cwd=self.scratch, **{"stdin": subprocess.DEVNULL, **options})

    def run(self, *command, status=0, **options):
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        said, _ = process.communicate(timeout=60 * host.SLOW)
        assert process.returncode == status, said
        return process

    def docker(self, *arguments, **options):
        return self.run(host.find_docker(), *arguments, **options)

    def saw(self, process, *wanted):
        """Its requests are these, whichever first where there are several connections."""
        self.watch.wait_for("api-request", process__pid=process.pid, count=len(wanted), timeout=30)
        self._marker.settle(self.watch)
        events = self.watch.events("api-request", process__pid=process.pid)
        told = [
            (get(e, "http.request.method"), get(e, "docksnoop.request.endpoint"),
             get(e, "http.response.status_code"), get(e, "docksnoop.request.grade")) for e in events
        ]
        assert collections.Counter(told) == collections.Counter(wanted)
        assert all(get(e, "docksnoop.verdict") == "host" and get(e, "docksnoop.request.complete") for e in events)
        return events

    def still(self, process, *wanted):
        """The same of one that goes on until it is ended."""
        self.watch.wait_for("api-request", process__pid=process.pid, count=len(wanted), timeout=30)
        process.send_signal(signal.SIGINT)
        process.wait(20 * host.SLOW)
        self.saw(process, *wanted)


def test_docker_ps(client):
    client.saw(client.docker("ps"), PING, LIST)


def test_docker_run(client):
    process = client.docker("run", "--rm", "--network", "none", engines.IMAGE, "/bin/true")
    events = client.saw(process, PING, CREATE, ATTACH, WAIT, START)
    created = next(e for e in events if get(e, "docksnoop.request.created_container_id"))
    number = get(created, "docksnoop.request.created_container_id")
    assert [get(e, "docksnoop.request.object") for e in events if get(e, "docksnoop.request.object")].count(number) == 3


def test_docker_run_in_the_background(client, engine):
    name = engines.unique("back")
    process = client.docker("run", "-d", "--name", name, "--privileged=false", "-v", "/:/host:ro", "--network", "none",
                            engines.IMAGE, "/bin/sleep", "60")
    engine.docker("rm", "-f", name)
    client.saw(process, PING, ("POST", "/containers/create", 201, "takeover"), WAIT, START)


def test_docker_exec_on_a_terminal(client, box):
    ours, theirs = pty.openpty()
    with contextlib.closing(io.FileIO(ours)):
        process = client.start(host.find_docker(), "exec", "-it", box.id, "/bin/busybox", "true", stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        with contextlib.suppress(OSError):
            while os.read(ours, 4096):
                pass
        assert process.wait(30 * host.SLOW) == 0
    run = client.watch
    run.wait_for("api-request", process__pid=process.pid, docksnoop__request__endpoint="/exec/{}/json")
    told = [(get(e, "http.request.method"), get(e, "docksnoop.request.endpoint"), get(e, "docksnoop.request.grade"))
            for e in run.events("api-request", process__pid=process.pid)]
    for wanted in (("POST", "/containers/{}/exec", "exec"), ("POST", "/exec/{}/start", "exec"), ("GET", "/exec/{}/json", "read")):
        assert told.count(wanted) == 1, told


def test_docker_cp(client, box):
    (client.scratch / "file").write_text("x" * 100_000)
    nothing = ("HEAD", "/containers/{}/archive", 404, "sensitive-read")
    process = client.docker("cp", "file", f"{box.id}:/tmp/file")
    client.saw(process, PING, nothing, ("PUT", "/containers/{}/archive", 200, "write"))
    process = client.docker("cp", f"{box.id}:/tmp/file", "back")
    client.saw(process, PING, ("GET", "/containers/{}/archive", 200, "sensitive-read"))
    assert (client.scratch / "back").read_text() == "x" * 100_000


def test_docker_logs_and_events_that_go_on(client, box):
    logs = client.start(host.find_docker(), "logs", "-f", box.id, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client.still(logs, PING, INSPECT, ("GET", "/containers/{}/logs", 200, "sensitive-read"))
    events = client.start(host.find_docker(), "events", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client.still(events, PING, ("GET", "/events", 200, "read"))


def test_docker_stats(client, box):
    process = client.docker("stats", "--no-stream", box.id)
    client.saw(process, PING, VERSION, ("GET", "/containers/{}/stats", 200, "read"))


def test_docker_build(client):
    """The classic builder: the context goes in chunks, with what looks like a request in it."""
    (client.scratch / "Dockerfile").write_text(f"FROM {engines.IMAGE}\nCOPY x /x\n")
    (client.scratch / "x").write_text("POST /containers/create HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
    process = client.docker("build", "--build-arg", "A=b", "-t", engines.unique("built"), ".", env={"DOCKER_BUILDKIT": "0"})
    client.saw(process, PING, ("POST", "/build", 200, "exec"))


def test_docker_save_and_load(client):
    process = client.docker("save", "-o", "image.tar", engines.IMAGE)
    client.saw(process, PING, ("GET", "/images/get", 200, "sensitive-read"))
    process = client.docker("load", "-i", "image.tar")
    client.saw(process, PING, ("POST", "/images/load", 200, "write"))
    client.saw(client.docker("ps"), PING, LIST)


def test_docker_pull_of_what_is_not_there(client):
    process = client.docker("pull", "localhost:1/nobody:1", status=1)
    client.saw(process, PING, ("POST", "/images/create", 500, "write"))


def test_docker_compose(client, engine):
    project = engines.unique("project").replace("-", "")
    (client.scratch / "compose.yml").write_text(json.dumps({
        "version": "3.7", "services": {"one": {"image": engines.IMAGE, "command": "/bin/sleep 60", "network_mode": "none",
                                               "privileged": False, "volumes": ["/etc:/x:ro"]}},
    }))
    process = client.run("docker-compose", "-f", "compose.yml", "-p", project, "up", "-d", env={"HOME": str(client.scratch)})
    try:
        client.watch.wait_for("api-request", process__pid=process.pid, docksnoop__request__endpoint="/containers/{}/start")
    finally:
        engine.docker("rm", "-f", f"{project}_one_1")
    made = client.watch.events("api-request", process__pid=process.pid, docksnoop__request__endpoint="/containers/create")
    assert [get(e, "docksnoop.request.grade") for e in made] == ["takeover"]
    assert get(made[0], "docksnoop.request.reasons") == ["binds /etc"]


def test_curl(client, engine):
    process = client.run("curl", "-sS", "--unix-socket", engine.socket, "http://x/info", "http://x/v1.41/containers/json")
    client.saw(process, INFO, LIST)


NODE = """
const http = require('http');
const ask = (method, path, body) => new Promise(done => {
  const asked = http.request({socketPath: process.argv[1], method, path, agent, headers: {'Content-Type': 'application/json'}},
    answer => answer.resume().on('end', done));
  if (body) { asked.write(body.slice(0, 5)); asked.write(body.slice(5)); }
  asked.end();
});
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
(async () => {
  await ask('GET', '/_ping'); await ask('POST', '/containers/create', JSON.stringify({Image: 'none:1', Cmd: ['x'], HostConfig: {PidMode: 'host'}}));
  agent.destroy();
})();
"""


def test_node(client, engine):
    """Bodies in chunks, and one connection for all."""
    process = client.run("node", "-e", NODE, engine.socket)
    events = client.saw(process, ("GET", "/_ping", 200, "probe"), ("POST", "/containers/create", 404, "takeover"))
    assert len({get(e, "docksnoop.connection") for e in events}) == 1
