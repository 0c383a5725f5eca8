# SPDX-License-Identifier: Apache-2.0
"""Where it cannot work it says what is missing and what to do, and ends with 3."""

import subprocess

import pytest
from lib import host

# What a host may lack, made in a mount or pid namespace of the test's own.
LACKING = {
    "btf": (["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"],
            "CONFIG_DEBUG_INFO_BTF=y"),
    "proc": (["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"], "mount -t proc"),
    "host-pids": (["unshare", "-pf", "--mount-proc"], "--pid=host"),
    "reading": (["setpriv", "--bounding-set", "-all,+sys_admin", "--inh-caps", "-all"], "CAP_SYS_PTRACE"),
    "privileges": (["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"], "CAP_BPF"),
}


@pytest.mark.parametrize("command", ["watch", "selftest"])
@pytest.mark.parametrize("lacking", LACKING)
def test_what_is_missing_is_named(lacking, command):
    wrap, hint = LACKING[lacking]
    result = subprocess.run([*wrap, host.PROGRAM, command], capture_output=True, text=True, timeout=30 * host.SLOW)
    assert result.returncode == 3, result
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1 and hint in errors[0], result


@pytest.mark.parametrize("lacking", LACKING)
def test_probe_names_it_too(lacking):
    wrap, hint = LACKING[lacking]
    result = subprocess.run([*wrap, host.PROGRAM, "probe"], capture_output=True, text=True, timeout=30 * host.SLOW)
    assert result.returncode == 3, result
    assert any(line.split()[0] == "no" and hint in line for line in result.stdout.splitlines()), result
