# SPDX-License-Identifier: Apache-2.0
"""A container that asks the daemon what it is told to, byte by byte."""

import json
import subprocess

from . import host
from .place import build_program

PROGRAM = "/bin/asks"
SOCKET = "/hostrun/docker.sock"


def request(method, target, body=b"", headers=(), close=False, version="1.1"):
    """The bytes of a request, as a client in its right mind sends them."""
    lines = [f"{method} {target} HTTP/{version}", "Host: x", *headers]
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Asker:
    def __init__(self, engine, program, *options, name=None):
        self.engine = engine
        self.box = engine.sleeper("-v", f"{engine.run_dir}:/hostrun", "-v", f"{program}:{PROGRAM}:ro", *options, name=name)

    def ask(self, *connections):
        """Each a list of bytes to be sent at once, and of the words of asks.c; what came back of each."""
        lines = []
        for connection in connections:
            lines += [piece.hex() if isinstance(piece, bytes) else piece for piece in connection]
            if lines[-1] not in ".!":
                lines.append(".")
        with self.start() as process:
            out, err = process.communicate("".join(f"{line}\n" for line in lines), timeout=60 * host.SLOW)
        assert process.returncode == 0, err
        said = [json.loads(line) for line in out.splitlines()]
        assert len(said) == len(connections), said
        for answer in said:
            answer["first"] = bytes.fromhex(answer["first"])
        return said

    def start(self):
        command = [*self.engine.cli, "exec", "-i", self.box.id, PROGRAM, SOCKET]
        return subprocess.Popen(command, env=self.engine.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def close(self):
        self.engine.remove(self.box)


def build_asks(engine):
    return build_program(engine, "asks")
