# SPDX-License-Identifier: Apache-2.0
"""A running docksnoop, and what it has said so far."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import jsonschema

from . import host

_TROUBLE = re.compile(r"\b(warning|error)\b|Sanitizer|runtime error", re.I)


def load_validator():
    with open(host.ROOT / "docs/event.schema.json", encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def get(event, path, default=None):
    """get(event, "docksnoop.mount.via")"""
    for key in path.split("."):
        if not isinstance(event, dict) or key not in event:
            return default
        event = event[key]
    return event


def refuse_twins(pairs):
    """An object whose keys are not unique says different things to different readers."""
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key twice in {keys}"
    return dict(pairs)


def check_line(validator, line):
    """What is wrong with one line of JSON output, and the event in it."""
    try:
        event = json.loads(line.decode("utf-8"), object_pairs_hook=refuse_twins)
    except (ValueError, AssertionError) as error:
        return f"not an event: {error}: {line!r}", None
    errors = [f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(event)]
    return "; ".join(errors), event


def brief(event):
    return " ".join(
        f"{key.rpartition('.')[2]}={get(event, key)}"
        for key in (
            "event.sequence", "event.action", "event.outcome", "error.code", "container.name", "container.id",
            "process.name", "process.pid", "docksnoop.verdict", "docksnoop.socket.path", "docksnoop.mount.via",
        )
        if get(event, key) is not None
    )


class Watch:
    """`docksnoop watch`, from the moment that it says that it is armed.

    Every line of stdout must be a valid event, sequences must have no gap, nothing may be
    lost, and stderr must hold no warning; stop() and close() fail when it was otherwise.
    With json=False stdout is kept as it came, in text().
    """

    def __init__(self, *arguments, mode=None, json=True, validator=None, wrap=(), loss_is_fine=False, pin=None):
        self._validator = validator
        self._json = json
        self._loss_is_fine = loss_is_fine
        self._changed = threading.Condition()
        self._events = []
        self._text = b""
        self._stderr = []
        self._problems = []
        self._expected_trouble = []
        self._checked = False
        self.pin = pin or host.pin_dir()
        command = [
            *wrap, host.PROGRAM, "watch", "--pin", self.pin,
            *(["--json"] if json else []), *(["--mode", mode] if mode else []),
        ]
        self.process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._take_stdout), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self._take_stderr), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        try:
            self._wait_armed()
        except BaseException:
            self.close(check=False)
            raise

    # Reading

    def _read(self, stream, take):
        for line in stream:
            with self._changed:
                take(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _take_stdout(self, line):
        self._text += line
        if not self._json:
            return
        problem, event = check_line(self._validator, line)
        if problem:
            self._problems.append(problem)
        if event is None:
            return
        if not line.endswith(b"\n"):
            self._problems.append(f"a line without its end: {line!r}")
        if self._events and get(event, "event.sequence") != get(self._events[-1], "event.sequence") + 1:
            self._problems.append(f"sequence: {brief(event)} after {brief(self._events[-1])}")
        if get(event, "event.action") == "events-lost" and not self._loss_is_fine:
            self._problems.append(f"lost: {json.dumps(event)}")
        self._events.append(event)

    def _take_stderr(self, line):
        self._stderr.append(line.decode("utf-8", "replace").rstrip("\n"))

    def _wait(self, condition, timeout, what):
        """The condition's first true value; fails at once when the program has ended."""
        end = time.monotonic() + timeout * host.SLOW
        with self._changed:
            while True:
                value = condition()
                if value:
                    return value
                rest = end - time.monotonic()
                over = not any(reader.is_alive() for reader in self._readers)
                if rest <= 0 or over:
                    raise AssertionError(f"{what}: {'the program ended' if over else 'not in time'}\n{self.report()}")
                self._changed.wait(min(rest, 0.1))

    def _wait_armed(self):
        line = self._wait(
            lambda: next((s for s in self._stderr if s.startswith("docksnoop: watching")), None), 30, "watching",
        )
        self.armed = line

    # What it said

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        with self._changed:
            return "\n".join(self._stderr)

    def text(self):
        with self._changed:
            return self._text

    def all_events(self):
        with self._changed:
            return list(self._events)

    def events(self, action=None, container=None, socket=None, **fields):
        """Events so far; container is a Box, an id or a name; fields as process__pid=1."""
        return self._select(self.all_events(), action, container, socket, fields)

    @staticmethod
    def _select(events, action, container, socket, fields):
        wanted = {key.replace("__", "."): value for key, value in fields.items()}
        container = getattr(container, "id", container)

        def fits(event):
            return (
                (action is None or get(event, "event.action") == action)
                and (container is None or container in (get(event, "container.id"), get(event, "container.name")))
                and (socket is None or get(event, "docksnoop.socket.path") == socket)
                and all(get(event, key) == value for key, value in wanted.items())
            )

        return [event for event in events if fits(event)]

    def wait_for(self, action=None, container=None, socket=None, count=1, timeout=15, **fields):
        """Wait for that many such events and return them (one: the event itself)."""
        found = self._wait(
            lambda: (lambda e: e if len(e) >= count else None)(
                self._select(self._events, action, container, socket, fields)
            ),
            timeout, f"{count} x {action} of {container} over {socket} with {fields}",
        )
        return found[0] if count == 1 else found

    def wait_text(self, *needles, timeout=15):
        """Wait for a line of stdout with all of these bytes in it, and return it."""

        def line():
            lines = self._text.split(b"\n")[:-1]
            return next((s for s in lines if all(needle in s for needle in needles)), None)

        return self._wait(line, timeout, f"a line with {needles}")

    def report(self):
        out = self._text.decode("utf-8", "replace") if not self._json else "\n".join(map(brief, self._events))
        return f"stdout:\n{out}\nstderr:\n" + "\n".join(self._stderr)

    # The end

    def expect_trouble(self, pattern):
        """A warning or an error on stderr that this test is about."""
        self._expected_trouble.append(re.compile(pattern))

    def send(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout=20):
        """Wait for it to end by itself; its exit status."""
        status = self.process.wait(timeout * host.SLOW)
        for reader in self._readers:
            reader.join()
        return status

    def stop(self, number=signal.SIGTERM):
        """Stop it, check what it said, and return its exit status."""
        self.send(number)
        status = self.wait_exit()
        self.check()
        return status

    def check(self):
        self._checked = True
        trouble = [
            line for line in self._stderr
            if _TROUBLE.search(line) and not any(p.search(line) for p in self._expected_trouble)
            and not (self._loss_is_fine and "lost (" in line)
        ]
        assert not self._problems, "\n".join(self._problems)
        assert not trouble, "\n".join(trouble)
        assert self.process.returncode < 0 or not os.path.exists(self.pin), f"left in {self.pin}"

    def close(self, check=True):
        """Ends it in any case; a test that did not look at the end has it looked at here."""
        if self.process.poll() is None:
            stopped = host.stop(self.process, "docksnoop")
            if check:
                assert stopped, "docksnoop did not end after SIGTERM"
                assert self.process.returncode == 0, f"exit status {self.process.returncode}\n{self.report()}"
        for reader in self._readers:
            reader.join()
        if check and not self._checked:
            self.check()
