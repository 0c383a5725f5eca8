# SPDX-License-Identifier: Apache-2.0
"""`docksnoop audit`, and what it found."""

import json
import subprocess
from dataclasses import dataclass

import jsonschema

from . import host


def load_schema():
    with open(host.ROOT / "docs/finding.schema.json", encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


_SCHEMA = load_schema()


@dataclass
class Audit:
    status: int
    findings: list
    stderr: str
    stdout: str

    def of(self, box):
        """Findings of a container, by its id."""
        return [f for f in self.findings if f["where"].get("container", {}).get("id") == box.id]


def docksnoop(*arguments, **options):
    return subprocess.run([host.PROGRAM, *map(str, arguments)], capture_output=True, timeout=120 * host.SLOW, **options)


def audit(*arguments, **options):
    """Each finding is valid by its schema, and the exit status is one of an audit."""
    result = docksnoop("audit", "--json", *arguments, **options)
    stdout, stderr = result.stdout.decode(), result.stderr.decode()
    findings = [json.loads(line) for line in stdout.splitlines()]
    for finding in findings:
        errors = [error.message for error in _SCHEMA.iter_errors(finding)]
        assert not errors, f"{errors} in {finding}"
    assert result.returncode in (0, 1, 2), stderr
    if result.returncode != 2:
        assert result.returncode == any(f["verdict"] != "justified" for f in findings), (result.returncode, findings)
    return Audit(result.returncode, findings, stderr, stdout)
