# SPDX-License-Identifier: Apache-2.0
"""Bodies that Go reads in its own way: what did dockerd make of them, what do we?"""

import json
import pathlib
import random
import socket
import struct
import subprocess

import pytest
from lib import engine as engines
from lib import host

pytestmark = pytest.mark.once

FIELDS = ("Privileged", "Binds", "PidMode", "CapAdd", "CgroupParent")
SEED = 4
BODIES = 300


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    program = tmp_path_factory.mktemp("reader") / "go_json"
    sources = [pathlib.Path(__file__).with_name("go_json.c"), host.ROOT / "user/http/go_json.c"]
    libraries = subprocess.run(["pkg-config", "--cflags", "--libs", "jansson", "yajl"],
                               capture_output=True, text=True, check=True)
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", f"-I{host.ROOT}", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=undefined", "-o", program, *sources, *libraries.stdout.split()], check=True)

    def read(bodies):
        asked = b"".join(struct.pack("<I", len(body)) + body for body in bodies)
        result = subprocess.run([program], input=asked, capture_output=True, timeout=60 * host.SLOW)
        assert result.returncode == 0, result.stderr.decode()
        return [json.loads(line) for line in result.stdout.splitlines()]

    return read


def ask(engine, method, path, body=b""):
    """One request to the daemon, as it is; status and answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(engine.socket)
        client.sendall(b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (method.encode(), path.encode(), len(body), body))
        answer = b""
        while part := client.recv(65536):
            answer += part
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"chunked" in head:
        whole = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            whole, rest = whole + rest[:int(size, 16)], rest[int(size, 16) + 2:]
        rest = whole
    return int(head.split()[1]), rest


class Maker:
    """Bodies out of all that Go reads in a way of its own."""

    def __init__(self, image):
        self._random = random.Random(SEED)
        self._image = image

    def key(self, name):
        """Some spelling that folds to it."""
        out = ""
        for letter in name:
            turn = self._random.random()
            if turn < 0.1:
                out += f"\\u{ord(letter):04x}"
            elif turn < 0.3:
                out += letter.swapcase()
            elif turn < 0.4 and letter in "sS":
                out += "\u017f"
            elif turn < 0.4 and letter in "kK":
                out += "\u212a"
            else:
                out += letter
        return f'"{out}"'

    def value(self, name):
        choose = self._random.choice
        if choose(range(6)) == 0:
            return "null"
        if name == "Privileged":
            return choose(["true", "false"])
        if name in ("PidMode", "CgroupParent"):
            return choose(['"host"', '""', '"ho\\u0073t"']) if name == "PidMode" else choose(['"/a"', '""', '"/\\u0062"'])
        items = {"Binds": ['"/tmp/a:/a"', '"/tmp/b:/b:ro"', "null", '"/tmp\\/c:/c"'],
                 "CapAdd": ['"SYS_ADMIN"', '"CHOWN"', "null"]}[name]
        return "[" + ",".join(choose(items) for _ in range(choose([0, 1, 1, 2, 3]))) + "]"

    def host_config(self):
        if self._random.random() < 0.1:
            return "null"
        members = [(name, self.value(name)) for name in self._random.choices(FIELDS, k=self._random.randint(0, 6))]
        return "{" + ",".join(f"{self.key(name)}:{value}" for name, value in members) + "}"

    def body(self):
        parts = [f'"Image":"{self._image}"', '"Cmd":["/bin/true"]', '"Env":["A=b"]']
        parts += [f'{self.key("HostConfig")}:{self.host_config()}' for _ in range(self._random.choice([1, 1, 2, 3]))]
        self._random.shuffle(parts)
        tail = self._random.choice(["", "", " ", "\n"])
        return ("{" + ",".join(parts) + "}" + tail).encode()


def test_it_reads_bodies_as_dockerd_does(engine, reader):
    maker = Maker(engines.IMAGE)
    bodies = [maker.body() for _ in range(BODIES)]
    compared = 0
    for body, ours in zip(bodies, reader(bodies)):
        status, answer = ask(engine, "POST", "/v1.41/containers/create", body)
        if status != 201:  # two binds of one target, for example
            continue
        made = json.loads(answer)["Id"]
        _, told = ask(engine, "GET", f"/v1.41/containers/{made}/json")
        ask(engine, "DELETE", f"/v1.41/containers/{made}?force=1")
        theirs = {name: json.loads(told)["HostConfig"][name] for name in FIELDS}
        theirs["CapAdd"] = [name.removeprefix("CAP_") for name in theirs["CapAdd"] or []]
        theirs = {name: [] if value is None and name in ("Binds", "CapAdd") else value for name, value in theirs.items()}
        assert ours == theirs, body
        compared += 1
    assert compared > BODIES / 3, compared
