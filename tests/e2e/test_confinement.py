# SPDX-License-Identifier: Apache-2.0
"""What docksnoop keeps of its powers once it is armed, and what a container cannot make it do."""

import errno
import os
import pathlib
import subprocess

import pytest
from lib import host
from lib.watch import get

# include/uapi/linux/capability.h
CAPABILITIES = {"DAC_READ_SEARCH": 2, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_NICE": 23, "BPF": 39}


def status_of(pid, thread):
    text = pathlib.Path(f"/proc/{pid}/task/{thread}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_every_thread_keeps_what_it_needs_and_no_more(marker, docksnoop, mode):
    watch = docksnoop(mode=mode)
    marker.settle(watch)
    kept = sum(1 << number for number in CAPABILITIES.values())
    threads = os.listdir(f"/proc/{watch.pid}/task")
    assert len(threads) >= 3  # the main loop, the ring's reader, stdout's writer
    for thread in threads:
        status = status_of(watch.pid, thread)
        assert int(status["CapEff"], 16) & ~kept == 0, status["CapEff"]
        assert int(status["CapPrm"], 16) & ~kept == 0
        assert int(status["CapBnd"], 16) & ~kept == 0
        assert int(status["CapInh"], 16) == 0
        assert int(status["CapAmb"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"  # SECCOMP_MODE_FILTER
    assert watch.stop() == 0


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """What came of what confined.c tries: errno by name."""
    folder = tmp_path_factory.mktemp("confined")
    program = str(folder / "confined")
    file = folder / "file"
    file.write_text("x")
    source = [str(pathlib.Path(__file__).with_name("confined.c")), str(host.ROOT / "user/util/confine.c")]
    subprocess.run(
        ["gcc", "-std=gnu11", "-D_GNU_SOURCE", f"-I{host.ROOT}", "-o", program, *source, "-lseccomp", "-lcap", "-pthread"],
        check=True,
    )
    refused, granted = host.run([program, str(file)]).removeprefix("refused:\n").split("granted:\n")
    assert file.read_text() == "x"
    return tuple(dict(line.rsplit(" ", 1) for line in part.splitlines()) for part in (refused, granted))


@pytest.mark.once
def test_what_somebody_would_do_who_got_into_it_is_refused(tried):
    refused, _ = tried
    assert len(refused) > 30
    assert {name: number for name, number in refused.items() if int(number) != errno.EPERM} == {}


@pytest.mark.once
def test_what_it_needs_is_granted(tried):
    _, granted = tried
    assert len(granted) > 5
    assert {name: number for name, number in granted.items() if number != "0"} == {}


def test_it_can_still_do_its_work(engine, route, boxes, docksnoop, mode, scratch):
    """All that happens after it has given up its powers: other namespaces, metadata, rotation."""
    watch = docksnoop("--file", str(scratch / "log"), mode=mode)
    box = boxes(*route.options, client=("-s", route.path))
    event = watch.wait_for("socket-connect", box)
    assert get(event, "container.name") == box.name
    os.rename(scratch / "log", scratch / "log.1")
    watch.send(1)
    host.wait_until(lambda: (scratch / "log").exists(), 10, "a new log")
    engine.stop()
    engine.start()
    other = boxes(*route.options, client=("-s", route.path))
    watch.wait_for("socket-connect", other)
    assert watch.stop() == 0
