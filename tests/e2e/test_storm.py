# SPDX-License-Identifier: Apache-2.0
"""Storms: every connect is told of, alone or in a sum, or counted as lost; never neither."""

import json
import signal

import pytest
from lib import engine as engines
from lib import host
from lib.storm import Storm, ledger, made
from lib.watch import get

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def storm(engine):
    return Storm(engine)


@pytest.fixture
def raging(storm, scratch):
    """A watched socket that takes whatever comes."""
    with storm.listener(str(scratch / "s.sock")) as path:
        yield path


def of_process(pid):
    return lambda event: get(event, "process.pid") == pid


def test_both_cores_connect_as_fast_as_they_can(storm, raging, docksnoop, mode):
    watch = docksnoop("--all", "--socket", raging, mode=mode, loss_is_fine=True)
    process = storm.begin(raging, 10)
    total = made(process)
    watch.stop()
    found = ledger(watch.all_events(), of_process(process.pid))
    print(f"{total / 10:.0f} connects a second: {found}")
    assert found.balances(total)
    assert found.events < 10 * 110 * 2  # folded: the output can be read


def test_fifty_thousand_a_second_without_loss(storm, raging, docksnoop, mode):
    """Or as many as this machine can make beside them."""
    watch = docksnoop("--all", "--socket", raging, mode=mode)
    process = storm.begin(raging, 8, rate=50000)
    total = made(process)
    watch.stop()
    found = ledger(watch.all_events(), of_process(process.pid))
    print(f"{total / 8:.0f} connects a second: {found}")
    assert found.told == total
    assert not found.lost


def test_what_is_folded_says_what_it_stands_for(storm, raging, docksnoop, mode):
    watch = docksnoop("--all", "--socket", raging, mode=mode)
    process = storm.begin(raging, 3, rate=2000, threads=1)
    total = made(process)
    watch.stop()
    mine = [e for e in watch.events("socket-connect") if get(e, "process.pid") == process.pid]
    sums = [e for e in mine if get(e, "docksnoop.count")]
    assert 2 <= len(sums) <= 5
    assert len(mine) - len(sums) <= 4 * 100
    assert sum(get(e, "docksnoop.count") for e in sums) + len(mine) - len(sums) == total
    # the first are told alone, before any sum
    assert mine.index(sums[0]) >= 100
    for event in sums:
        assert get(event, "event.start") == get(event, "@timestamp") < get(event, "event.end")
        assert get(event, "docksnoop.connection") is None
        assert f'{get(event, "docksnoop.count")} times' in event["message"]


def test_a_storm_on_the_host_does_not_crowd_out_a_container(storm, raging, engine, marker, docksnoop, mode):
    watch = docksnoop("--socket", raging, mode=mode, loss_is_fine=True)
    process = storm.begin(raging, 6)
    for _ in range(20):
        marker.connect()
    watch.wait_for("socket-connect", marker.box, count=20, timeout=30)
    made(process)
    watch.stop()
    assert len(watch.events("socket-connect", marker.box)) == 20
    assert {get(e, "docksnoop.lost.place") for e in watch.events("events-lost")} <= {"host-ring"}


def test_a_storm_in_a_container_is_the_containers(storm, engine, boxes, directory_with, docksnoop, mode):
    watch = docksnoop(mode=mode, loss_is_fine=True)
    box = engine.sleeper(*directory_with, *storm.options())
    try:
        out = engine.docker("exec", box.id, storm.inside, "connect", "/hostrun/docker.sock", "1", "5", "2000", timeout=90)
    finally:
        engine.remove(box)
    counts = json.loads(out)
    watch.stop()
    found = ledger(watch.all_events(), lambda e: get(e, "container.id") == box.id)
    assert found.balances(counts["made"] + counts["failed"])
    sums = [e for e in watch.events("socket-connect", box) if get(e, "docksnoop.count")]
    assert sums
    for event in sums:
        assert get(event, "docksnoop.verdict") == "flagged"
        assert get(event, "docksnoop.mount.via") == "directory-bind"
        assert get(event, "process.name") == "storm"


@pytest.fixture
def directory_with(engine):
    return ["-v", f"{engine.run_dir}:/hostrun"]


def test_what_differs_is_never_folded(storm, engine, boxes, directory_with, docksnoop, mode):
    """Another process, and the same one by another path, in the middle of a storm of its like."""
    watch = docksnoop(mode=mode)
    box = boxes(*directory_with, *storm.options(), sleeper=True)
    flood = engine.docker("exec", "-d", box.id, storm.inside, "connect", "/hostrun/docker.sock", "1", "6", "1000")
    assert not flood
    watch.wait_for("socket-connect", box, process__name="storm", count=50)
    engine.exec(box, "/hostrun/docker.sock")
    engine.exec(box, "/hostrun/./docker.sock")
    path = watch.wait_for("socket-connect", box, docksnoop__socket__client_path="/hostrun/./docker.sock")
    assert get(path, "docksnoop.count") is None
    clients = watch.wait_for("socket-connect", box, process__name="client", count=2)
    assert [get(e, "docksnoop.count") for e in clients] == [None, None]


def test_processes_of_a_moment_are_each_told_of(storm, engine, boxes, directory_with, docksnoop, mode):
    watch = docksnoop(mode=mode)
    script = "i=0; while [ $i -lt 150 ]; do /bin/client /hostrun/docker.sock >/dev/null; i=$((i + 1)); done"
    box = boxes(*directory_with, sleeper=True)
    engine.docker("exec", box.id, "sh", "-c", script)
    found = watch.wait_for("socket-connect", box, count=150)
    assert len({(get(e, "process.pid"), get(e, "process.start")) for e in found}) == 150
    watch.stop(signal.SIGINT)
    assert len(watch.events("socket-connect", box)) == 150


def test_requests_over_folded_connections_are_their_senders(engine, boxes, directory_with, docksnoop, mode):
    """130 connections of one process: of those that were folded, each request has its process all the same."""
    watch = docksnoop(mode=mode)
    box = boxes(*directory_with, client=("-n", "130", "-g", "-s", "/hostrun/docker.sock"))
    found = watch.wait_for("api-request", box, count=130, timeout=30)
    assert {get(e, "process.pid") for e in found} == {box.pid}
    assert {get(e, "url.path") for e in found} == {"/_ping"}
    assert len({get(e, "docksnoop.connection") for e in found}) == 130
    host.wait_until(
        lambda: sum(get(e, "docksnoop.count", 1) for e in watch.events("socket-connect", box)) == 130, 10, "all connects",
    )
    assert engines.CLIENT == get(found[0], "process.executable")
