# SPDX-License-Identifier: Apache-2.0
"""Records of --file that somebody has been at: `docksnoop verify` says so, and so does sha256sum."""

import gzip
import json
import os
import re
import signal
import subprocess

import pytest
from lib import host
from lib.watch import check_line, get

pytestmark = pytest.mark.once


def verify(*arguments, stdin=subprocess.DEVNULL):
    """The exit status, the troubles and notes as (file, line, kind), and the summary."""
    done = subprocess.run(
        [host.PROGRAM, "verify", "--json", *map(str, arguments)], stdin=stdin, capture_output=True, text=True,
        timeout=60 * host.SLOW,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    summary = said.pop() if said and said[-1]["kind"] == "summary" else None
    return done.returncode, [(os.path.basename(s.get("file", "")), s.get("line"), s["kind"]) for s in said], summary


def recipes():
    """The two shell commands of docs/events.md, as they stand there."""
    with open(host.ROOT / "docs/events.md", encoding="utf-8") as text:
        chapter = text.read().partition("## The chain\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```sh\n(.*?)^```$", chapter, re.M | re.S)
    assert len(found) == 2
    return found


def by_recipe(folder):
    """What the recipes print about the events.jsonl in this folder."""
    return [
        subprocess.run(["sh", "-c", recipe], cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()
        for recipe in recipes()
    ]


@pytest.fixture
def log(marker, docksnoop, mode, scratch):
    """A record with some accesses in it, complete."""
    path = scratch / "events.jsonl"
    watch = docksnoop("--file", str(path), mode=mode)
    for _ in range(4):
        marker.settle(watch)
    assert watch.stop() == 0
    return path


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def test_a_record_is_a_chain(log, validator, scratch):
    events = []
    for line in lines_of(log):
        problem, event = check_line(validator, line)
        assert not problem, problem
        events.append(event)
    chain = [get(event, "docksnoop.chain") for event in events]
    assert chain[0]["previous"] == "0" * 64
    assert [link["previous"] for link in chain[1:]] == [link["hash"] for link in chain[:-1]]
    status, troubles, summary = verify(log)
    assert (status, troubles) == (0, [])
    assert summary["records"] == len(events)
    assert summary["stopped"]
    assert summary["last"]["hash"] == chain[-1]["hash"]
    assert summary["first"]["time"] == events[0]["@timestamp"]
    assert by_recipe(scratch) == [[], []]
    assert verify("--expect", chain[-1]["hash"], log)[:2] == (0, [])


def test_only_the_file_has_it(marker, docksnoop, mode, scratch):
    watch = docksnoop("--file", str(scratch / "log"), mode=mode)
    marker.settle(watch)
    watch.stop()
    assert not any(get(event, "docksnoop.chain") for event in watch.all_events())
    assert b'"chain":' in (scratch / "log").read_bytes()


def test_a_change_is_found(log, scratch):
    lines = lines_of(log)
    lines[2] = re.sub(rb'"pid":\d', b'"pid":9', lines[2], count=1)
    if lines[2] == lines_of(log)[2]:
        lines[2] = lines[2].replace(b'"pid":9', b'"pid":8', 1)
    log.write_bytes(b"".join(lines))
    assert verify(log)[:2] == (1, [("events.jsonl", 3, "changed")])
    assert by_recipe(scratch) == [[lines[2].decode().rstrip("\n")], []]


def test_a_removed_line_is_found(log, scratch):
    lines = lines_of(log)
    del lines[2]
    log.write_bytes(b"".join(lines))
    assert verify(log)[:2] == (1, [("events.jsonl", 3, "removed")])
    assert by_recipe(scratch) == [[], ["line 3"]]


def test_a_cut_end_is_found_by_a_hash_that_was_kept(log):
    last = verify(log)[2]["last"]["hash"]
    lines = lines_of(log)
    log.write_bytes(b"".join(lines[:-1]))
    assert verify(log)[0] == 0
    assert verify("--expect", last, log)[:2] == (1, [("", None, "not-found")])
    log.write_bytes(b"".join(lines)[:-20])
    assert verify(log)[:2] == (1, [("events.jsonl", len(lines), "cut")])


def test_the_chain_goes_on_after_a_rotation(marker, docksnoop, mode, scratch):
    log, old, oldest = scratch / "events.jsonl", scratch / "events.jsonl.1", scratch / "events.jsonl.2.gz"
    watch = docksnoop("--file", str(log), mode=mode)
    for rotated in (scratch / "events.jsonl.2", old):
        marker.settle(watch)
        os.rename(log, rotated)
        watch.send(signal.SIGHUP)
        host.wait_until(log.exists, 10, "the new file")
    marker.settle(watch)
    assert watch.stop() == 0
    oldest.write_bytes(gzip.compress((scratch / "events.jsonl.2").read_bytes()))
    status, troubles, summary = verify(oldest, old, log)
    assert (status, troubles) == (0, [])
    assert summary["records"] == len(watch.all_events())
    assert verify(log)[:2] == (0, [("events.jsonl", 1, "begins-within")])
    assert verify(oldest, log)[:2] == (1, [("events.jsonl", 1, "removed")])
    status, troubles, _ = verify(log, old)
    assert status == 1
    assert ("events.jsonl", 1, "reordered") in troubles
    with open(log, "rb") as stdin:
        assert verify(oldest, old, "-", stdin=stdin)[0] == 0


def test_the_chain_goes_on_after_a_restart(log, marker, docksnoop, mode):
    before = len(lines_of(log))
    with open(log, "ab") as file:
        file.write(lines_of(log)[1][:100])  # as a host leaves it that loses its power
    watch = docksnoop("--file", str(log), mode=mode)
    marker.settle(watch)
    assert watch.stop() == 0
    assert verify(log)[:2] == (0, [])  # it was taken away: no half lines
    assert len(lines_of(log)) == before + len(watch.all_events())


def test_a_new_chain_begins_behind_what_is_no_record(log, marker, docksnoop, mode):
    before = len(lines_of(log))
    with open(log, "ab") as file:
        file.write(b"hello\n")
    watch = docksnoop("--file", str(log), mode=mode)
    watch.expect_trouble(r"new chain|no record")
    marker.settle(watch)
    assert watch.stop() == 0
    assert verify(log)[:2] == (
        1, [("events.jsonl", before + 1, "foreign"), ("events.jsonl", before + 2, "new-chain")],
    )


def test_a_file_of_another_kind_is_no_chain(scratch):
    (scratch / "old").write_text('{"event":{"action":"socket-connect"}}\n')
    os.mkfifo(scratch / "fifo")
    for path in (scratch / "old", scratch / "fifo", scratch, scratch / "nowhere"):
        assert verify(path)[0] == 2
