# SPDX-License-Identifier: Apache-2.0
"""What a real rsyslogd receives and parses is what was said."""

import contextlib

import pytest
from lib import host
from lib.syslogd import Syslogd
from lib.watch import get

pytestmark = pytest.mark.once

HOSTILE = "first\nsecond\x1b[31m \\ \"quoted\" é \u4e16"


@pytest.fixture
def syslogd(scratch):
    with contextlib.closing(Syslogd(scratch)) as ours:
        yield ours


def collect(syslogd, watch):
    """All that was sent, once it has all arrived."""
    said = watch.all_events()
    host.wait_until(lambda: len(syslogd.messages()) >= len(said), 15, f"{len(said)} messages")
    return said, syslogd.messages()


def test_all_fields_arrive(engine, route, marker, syslogd, docksnoop, mode):
    watch = docksnoop("--syslog", mode=mode, wrap=syslogd.wrap())
    box = engine.run(*route.options, "--label", f"evil={HOSTILE}", client=(route.path, HOSTILE))
    watch.wait_for("socket-connect", box)
    assert watch.stop() == 0

    said, messages = collect(syslogd, watch)

    assert [message.event for message in messages] == said
    assert {(m.parsed, m.facility, m.program) for m in messages} == {("OK", "daemon", "docksnoop")}
    severities = {(get(m.event, "event.action"), m.severity) for m in messages}
    assert {("socket-connect", "err"), ("socket-exposed", "warning")} <= severities
    assert not {"err", "warning"} & {s for action, s in severities if action.startswith("monitor-")}


def test_facility_and_file_beside_it(marker, syslogd, docksnoop, mode, scratch):
    watch = docksnoop("--syslog=local3", "--file", str(scratch / "log"), mode=mode, wrap=syslogd.wrap())
    marker.settle(watch)
    watch.stop()
    said, messages = collect(syslogd, watch)
    assert [message.event for message in messages] == said
    assert {message.facility for message in messages} == {"local3"}
    assert len((scratch / "log").read_bytes().splitlines()) == len(said)
