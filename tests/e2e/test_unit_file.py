# SPDX-License-Identifier: Apache-2.0
"""The unit for systemd, as a file: how it is installed, and how far it is hardened."""

import re
import subprocess

import pytest
from lib import host, service

pytestmark = pytest.mark.once

# What it has come to (0: all shut, 10: open). It may fall, and is not to rise.
EXPOSURE = 4.0


def make(target, *variables):
    host.run(["make", "-C", str(host.ROOT), target, *variables])


def exposure(path, *arguments):
    """The verdict of systemd's own judge, and the number that it gives."""
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", *arguments, str(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    number = re.search(r"Overall exposure level for docksnoop\.service: ([0-9.]+)", result.stdout)
    assert number, result
    return result.returncode == 0, float(number[1])


def test_exposure_does_not_rise():
    fine, number = exposure(service.UNIT, f"--threshold={EXPOSURE * 10:.0f}")
    assert fine and number <= EXPOSURE, number


def test_it_is_installed_with_the_path_of_the_program_and_removed(scratch):
    make("install", f"DESTDIR={scratch}", "PREFIX=/opt/ds")
    unit = scratch / "opt/ds/lib/systemd/system/docksnoop.service"
    program = "/opt/ds/sbin/docksnoop"
    assert (scratch / program[1:]).exists()
    text = unit.read_text()
    assert "/usr/local" not in text
    for key in ("\nExecStart=", "exec "):
        assert f"{key}{program} watch " in text, text
    assert unit.stat().st_mode & 0o777 == 0o644
    make("uninstall", f"DESTDIR={scratch}", "PREFIX=/opt/ds")
    assert not [path for path in scratch.rglob("*") if path.is_file()]


def test_systemd_knows_every_line(scratch):
    """A name that it does not know would be ignored, and protect nothing."""
    text = service.UNIT.read_text().replace("/usr/local/sbin/docksnoop", "/bin/true")
    copy = scratch / "docksnoop.service"
    copy.write_text(text.replace("Documentation=", "#"))  # man is asked for the page
    result = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True)
    assert result.returncode == 0 and not result.stderr, result.stderr
