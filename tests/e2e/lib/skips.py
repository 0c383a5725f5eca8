# SPDX-License-Identifier: Apache-2.0
"""Reasons for which a test may be skipped, each checked when it is given.

A skip for any other reason, or for one that turns out not to be so, fails the run.
"""

import functools
import json
import os
import subprocess

import pytest

from . import host

MODES = ("trampoline", "tracepoint")


@functools.cache
def probe():
    """What `docksnoop probe --json` says of this kernel."""
    result = subprocess.run([host.PROGRAM, "probe", "--json"], capture_output=True, text=True, timeout=60 * host.SLOW)
    return json.loads(result.stdout)


def kernel_has(mode):
    return any(entry["name"] == mode and entry["available"] is True for entry in probe()["modes"])


@functools.cache
def modes():
    """The modes under test."""
    wanted = os.environ.get("DOCKSNOOP_TEST_MODES")
    return [mode for mode in (wanted.split(",") if wanted else MODES) if wanted or kernel_has(mode)]


REASONS = {
    "this kernel refuses BPF trampolines (docksnoop probe says so)": lambda: not kernel_has("trampoline"),
    "trampoline mode is not among DOCKSNOOP_TEST_MODES": lambda: "trampoline" not in modes(),
}


def skip(reason):
    pytest.skip(reason)


def is_expected(reason):
    return reason in REASONS and REASONS[reason]()


def need_trampolines():
    if "trampoline" in modes():
        return
    skip(next(reason for reason in REASONS if is_expected(reason)))
