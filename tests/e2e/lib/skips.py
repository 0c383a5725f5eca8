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


@functools.cache
def probe():
    """What `docksnoop probe --json` says of this kernel."""
    result = subprocess.run([host.PROGRAM, "probe", "--json"], capture_output=True, text=True, timeout=60 * host.SLOW)
    return json.loads(result.stdout)


@functools.cache
def kernel_modes():
    """Those that this kernel offers, strongest first."""
    return [entry["name"] for entry in probe()["modes"] if entry["available"] is True]


@functools.cache
def modes():
    """Those under test."""
    wanted = os.environ.get("DOCKSNOOP_TEST_MODES")
    return wanted.split(",") if wanted else kernel_modes()


def resolving(names):
    """Those of these modes that know what a failed connect was meant for."""
    return [name for name in names if name != "tracepoint"]


NO_IPV6 = "this machine has no IPv6 (::1 cannot be bound)"
REASONS = {
    "this kernel offers tracepoint mode only (docksnoop probe says so)": lambda: not resolving(kernel_modes()),
    "DOCKSNOOP_TEST_MODES names tracepoint mode only": lambda: not resolving(modes()),
    NO_IPV6: lambda: not host.has_ipv6(),
}


def is_expected(reason):
    return reason in REASONS and REASONS[reason]()


def no_resolving_mode():
    pytest.skip(next(reason for reason in REASONS if is_expected(reason)))
