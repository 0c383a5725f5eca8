# SPDX-License-Identifier: Apache-2.0
"""The ways in which a container is given the socket."""

import contextlib
from dataclasses import dataclass


@dataclass
class Mount:
    """One of them: docker's options, and what an event must say of it."""

    options: list
    path: str  # of the socket, as the container sees it
    via: str
    source: str
    target: str
    read_only: bool = False


def directory(path, name, target="/hostrun"):
    """The socket called name in a directory of the host's."""
    return Mount(["-v", f"{path}:{target}"], f"{target}/{name}", "directory-bind", path, target)


KINDS = (
    "socket", "socket-renamed", "socket-read-only", "socket-long-option", "directory", "directory-read-only",
    "directory-above", "host-root-read-only", "volume", "volume-read-only",
)


@contextlib.contextmanager
def mount(engine, kind):
    """Set one of KINDS up; what it needed is removed afterwards."""
    socket, run = engine.socket, engine.run_dir
    volume = kind.startswith("volume")
    if kind == "socket":
        result = Mount(["-v", f"{socket}:/run/docker.sock"], "/run/docker.sock", "socket-bind", socket,
                       "/run/docker.sock")
    elif kind == "socket-renamed":
        result = Mount(["-v", f"{socket}:/tmp/x.sock"], "/tmp/x.sock", "socket-bind", socket, "/tmp/x.sock")
    elif kind == "socket-read-only":
        result = Mount(["-v", f"{socket}:/tmp/x.sock:ro"], "/tmp/x.sock", "socket-bind", socket, "/tmp/x.sock", True)
    elif kind == "socket-long-option":
        result = Mount(["--mount", f"type=bind,source={socket},target=/s,readonly"], "/s", "socket-bind", socket,
                       "/s", True)
    elif kind == "directory":
        result = Mount(["-v", f"{run}:/hostrun"], "/hostrun/docker.sock", "directory-bind", run, "/hostrun")
    elif kind == "directory-read-only":
        result = Mount(["-v", f"{run}:/hostrun:ro"], "/hostrun/docker.sock", "directory-bind", run, "/hostrun", True)
    elif kind == "directory-above":
        result = Mount(["-v", f"{engine.dir}:/d"], "/d/run/docker.sock", "directory-bind", engine.dir, "/d")
    elif kind == "host-root-read-only":
        result = Mount(["-v", "/:/host:ro"], f"/host{socket}", "host-root", "/", "/host", True)
    elif volume:
        engine.docker("volume", "create", "-d", "local", "-o", "type=none", "-o", "o=bind", "-o", f"device={run}", kind)
        option = f"{kind}:/vol:ro" if kind.endswith("read-only") else f"{kind}:/vol"
        result = Mount(["-v", option], "/vol/docker.sock", "volume", run, "/vol", kind.endswith("read-only"))
    else:
        raise ValueError(kind)
    try:
        yield result
    finally:
        if volume:
            engine.docker("volume", "rm", "-f", kind)

