# SPDX-License-Identifier: Apache-2.0
"""What docksnoop has written to a file."""

from .watch import check_line, get


class EventLog:
    """A file that docksnoop appends to."""

    def __init__(self, path, validator):
        self.path = str(path)
        self._validator = validator

    def events(self):
        events = []
        with open(self.path, "rb") as lines:
            for line in lines:
                assert line.endswith(b"\n"), f"half a line: {line!r}"
                problem, event = check_line(self._validator, line)
                assert not problem, problem
                del event["docksnoop"]["chain"]  # which files alone have: test_verify.py
                events.append(event)
        return events

    def connects(self, box):
        return [
            event for event in self.events()
            if get(event, "event.action") == "socket-connect" and get(event, "container.id") == box.id
        ]

    def select(self, action=None):
        return [event for event in self.events() if action in (None, get(event, "event.action"))]
