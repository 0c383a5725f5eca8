# SPDX-License-Identifier: Apache-2.0
"""Reasons for which a test may be skipped, each checked when it is given.

A skip for any other reason, or for one that turns out not to be so, fails the run.
"""

import functools
import json
import os
import subprocess


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
NOT_PRIVILEGED = "this host refuses privileged containers their capabilities (a trial one says so)"


@functools.cache
def privileged_is_refused(engine):
    """By the host, and not by anything that was done wrong."""
    refusal = engine.refusal("--privileged")
    assert not refusal or "unable to apply caps: operation not permitted" in refusal, refusal
    _refusals.append(refusal)
    return bool(refusal)


_refusals = []
REASONS = {
    NOT_PRIVILEGED: lambda: any(_refusals),
    NO_IPV6: lambda: not host.has_ipv6(),
}


def is_expected(reason):
    return reason in REASONS and REASONS[reason]()
