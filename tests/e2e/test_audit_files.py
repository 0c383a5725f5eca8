# SPDX-License-Identifier: Apache-2.0
"""The audit of files: a corpus of spellings and near misses, and what is done with bad ones."""

import json
import os
import pathlib
import resource
import shutil
import subprocess

import jsonschema
import pytest
from lib import engine as engines
from lib import host
from lib.audit import audit
from lib.audit import docksnoop as command

pytestmark = pytest.mark.once

CORPUS = pathlib.Path(__file__).parent / "corpus"
CASES = sorted(path.parent for path in CORPUS.rglob("expected.json"))


def name_of(case):
    return str(case.relative_to(CORPUS))


@pytest.fixture
def tree(scratch):
    """A copy of a case of the corpus, without what is expected of it."""

    def copy(case):
        folder = scratch / case.name
        shutil.copytree(case, folder, ignore=shutil.ignore_patterns("expected.json"))
        return folder

    return copy


def brief(finding, folder):
    where = finding["where"]
    return (
        os.path.relpath(where["file"], folder), where.get("line"), finding.get("service"), finding["via"],
        finding.get("spelling"), finding["kind"] == "undecided", where.get("container", {}).get("name"),
    )


def expected(finding):
    keys = ("file", "line", "service", "via", "spelling", "undecided", "container")
    return tuple(finding.get(key, False if key == "undecided" else None) for key in keys)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_corpus(case, tree):
    """Every finding with its place, none missed, none too many; each says what to do."""
    wanted = json.loads((case / "expected.json").read_text())
    folder = tree(case)
    result = audit(folder)
    named = any("container" in f for f in wanted["findings"])
    found = [brief(f, folder) if named else (*brief(f, folder)[:-1], None) for f in result.findings]
    assert sorted(found, key=str) == sorted(map(expected, wanted["findings"]), key=str)
    assert result.status == wanted["exit"], result.stderr
    for error in wanted.get("errors", []):
        assert f"{folder}/{error['file']}:{error['line']}:" in result.stderr, result.stderr
    for finding in result.findings:
        assert finding["advice"] and finding["gives"]


def test_corpus_is_whole():
    kinds = {case.parent.name for case in CASES}
    assert len(CASES) >= 150 and {"compose", "shell", "ci", "unit", "markdown", "kubernetes", "inspect", "near-miss"} <= kinds


def test_corpus_at_once():
    """The same, as one tree: what is beside a file of another case changes nothing."""
    result = audit(CORPUS)
    wanted = sum(len(json.loads((case / "expected.json").read_text())["findings"]) for case in CASES)
    assert len([f for f in result.findings if not f["where"]["file"].endswith("expected.json")]) == wanted


# docker-compose's own reading (1.29: no include, no newer keys)

def compose_config(folder):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        ["docker-compose", "config"], cwd=folder, env=environment, capture_output=True, timeout=60 * host.SLOW,
    )


def given(findings):
    """What services get, wherever and however it is written."""
    return sorted(
        (f["service"], f["kind"], f["via"]) for f in findings if f["kind"] != "undecided" and f.get("service")
    )


def test_same_as_compose(scratch, tree):
    """Of what docker-compose makes of a file the audit says what it says of the file."""
    compared = 0
    for case in CASES:
        bases = [n for n in ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml") if (case / n).exists()]
        others = [n for n in case.rglob("*.y*ml") if n.name not in bases and "override" not in n.name]
        if case.parent.name not in ("compose", "near-miss") or not bases or others:
            continue
        # It leaves volumes_from out of what it prints.
        if b"volumes_from" in b"".join(n.read_bytes() for n in case.glob("*.y*ml")):
            continue
        folder = tree(case)
        config = compose_config(folder)
        original = audit(folder / bases[0])
        if config.returncode or any(f["kind"] == "undecided" for f in original.findings):
            continue
        resolved = audit("-", input=config.stdout)
        assert given(resolved.findings) == given(original.findings), (case, config.stdout.decode())
        compared += 1
    assert compared >= 25, compared


# Ways in

def test_inspect_by_stdin(engine, boxes):
    box = boxes("-v", f"{engine.run_dir}:/r:ro", "-v", "/var/run/docker.sock:/s", sleeper=True)
    other = boxes("-v", f"{engine.work_dir}:/run", sleeper=True)
    text = engine.docker("inspect", box.id, other.id)
    result = audit("-", input=text.encode())
    assert [(f["where"]["container"]["id"], f["via"], f["socket"]) for f in result.findings] == [
        (box.id, "socket-bind", "/var/run/docker.sock")
    ]
    assert result.findings[0]["where"]["container"]["name"] == box.name and result.findings[0]["where"]["file"] == "-"
    line = result.findings[0]["where"]["line"]
    assert "/var/run/docker.sock" in text.splitlines()[line - 1]


@pytest.mark.parametrize("text, count", [
    ("services:\n  a:\n    image: x\n    privileged: true\n", 1), ("docker run --privileged x\n", 1),
    ("apiVersion: v1\nkind: Pod\nspec:\n  hostPID: true\n", 1), ("[]", 0), ("nothing at all\n", 0), ("", 0),
])
def test_what_stdin_is_told_by_its_content(text, count):
    assert len(audit("-", input=text.encode()).findings) == count


def test_malformed_files_are_told_and_the_others_read(scratch):
    (scratch / "a.yaml").write_text("services:\n  a: [\n")
    (scratch / "b.json").write_text('{"a": 1,,}')
    (scratch / "compose.yaml").write_text("services:\n  a:\n    image: x\n    pid: host\n")
    result = audit(scratch)
    assert result.status == 2 and len(result.findings) == 1
    assert f"{scratch}/a.yaml:3:" in result.stderr and f"{scratch}/b.json:1:" in result.stderr


def test_what_cannot_be_read_is_told(scratch):
    result = audit(scratch / "nothing")
    assert result.status == 2 and "No such file" in result.stderr
    os.mkfifo(scratch / "compose.yaml")
    assert audit(scratch).status == 0  # nobody holds us up, nor is it a file
    result = audit(scratch / "compose.yaml")
    assert result.status == 2 and "no regular file" in result.stderr
    (scratch / "large.yaml").write_bytes(b"#" * (65 << 20))
    result = audit(scratch)
    assert result.status == 2 and "larger than is read" in result.stderr
    (scratch / "large.yaml").write_bytes(b"# docker" * (1 << 20))
    result = audit(scratch)
    assert result.status == 2 and "a document larger than is read" in result.stderr
    (scratch / "large.yaml").rename(scratch / "large.bin")
    assert audit(scratch).status == 0


def test_large_arrays_are_read_in_pieces(scratch):
    """As of "docker inspect" on a large host: each finding with its line, in memory that does not grow."""
    one = {"Id": "a" * 64, "Name": "/x", "HostConfig": {}, "Config": {"Env": ["A=" + "x" * 5000]}, "Mounts": []}
    containers = [{**one, "Id": f"{i:064x}", "Name": f"/c{i}"} for i in range(2000)]
    for i in (0, 777, 1999):
        containers[i]["Mounts"] = [{"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/s,]}[{\"\\"}]
    text = json.dumps(containers, indent=1)
    (scratch / "inspect.json").write_text(text)
    lines = [i + 1 for i, line in enumerate(text.splitlines()) if '"Source"' in line]
    result = audit(scratch / "inspect.json")
    assert [(f["where"]["container"]["name"], f["where"]["line"]) for f in result.findings] == list(zip(["c0", "c777", "c1999"], lines))
    limited = command("audit", scratch / "inspect.json", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (150 << 20,) * 2))
    assert limited.returncode == 1, limited.stderr
    (scratch / "inspect.json").write_text(text[:-5])
    result = audit(scratch / "inspect.json")
    assert result.status == 2 and "an array that does not end" in result.stderr


def test_links_are_followed_once(scratch):
    (scratch / "a").mkdir()
    (scratch / "a/compose.yaml").write_text("services:\n  a:\n    image: x\n    pid: host\n")
    (scratch / "a/up").symlink_to("..")
    (scratch / "b").symlink_to("a")
    (scratch / "gone").symlink_to("nowhere")
    result = audit(scratch)
    assert 1 <= len(result.findings) <= 4 and result.status == 1 and not result.stderr.count("error")


def test_hostile_names_are_escaped(scratch):
    folder = scratch / "\x1b[31m\nx"
    folder.mkdir()
    (folder / "compose.yaml").write_text('services:\n  "\\e[0m":\n    image: x\n    volumes: ["/run:/\\e[1mx"]\n')
    text = command("audit", scratch).stdout
    assert b"\x1b" not in text and b"\\x1b[31m\\nx" in text
    assert audit(scratch).findings[0]["service"] == "\x1b[0m"


def test_policy_of_files(scratch):
    (scratch / "compose.yaml").write_text(
        "name: edge\nservices:\n  proxy:\n    image: traefik:v3\n    volumes: [/run/docker.sock:/s]\n"
        "  other:\n    image: traefik:v3\n    volumes: [/run/docker.sock:/s]\n"
    )
    policy = scratch / "p"
    policy.write_text(
        "version: 1\njustified:\n- name: it\n  match: {compose_project: edge, compose_service: proxy, container: edge-proxy-1,"
        " image: 'traefik:*'}\n  reason: why\n  owner: who\n  expires: 2999-01-01\n"
    )
    result = audit("--policy", policy, scratch / "compose.yaml")
    assert {f["service"]: f["verdict"] for f in result.findings} == {"proxy": "justified", "other": "flagged"}
    text = command("audit", "--policy", policy, scratch / "compose.yaml").stdout.decode()
    assert "justified  " in text and "by the rule 'it' until 2999-01-01: why" in text


def test_advice_fits(scratch):
    (scratch / "compose.yaml").write_text(
        "services:\n  proxy:\n    image: tecnativa/docker-socket-proxy:v0.3\n    volumes: [/run/docker.sock:/s]\n"
        "  dozzle:\n    image: amir20/dozzle\n    volumes: [/run/docker.sock:/s]\n"
        "  exporter:\n    image: x\n    volumes: ['/:/host']\n    pid: host\n    privileged: true\n"
        "  podman:\n    image: x\n    volumes: [/run/podman/podman.sock:/s]\n    use_api_socket: true\n"
    )
    advice = {(f["service"], f["kind"]): f["advice"] for f in audit(scratch).findings}
    assert "allow in it only what its clients need" in advice["proxy", "mount"]
    assert "put a socket proxy in front" in advice["dozzle", "mount"] and "rootless daemon" in advice["dozzle", "mount"]
    assert "mount just the files" in advice["exporter", "mount"] and "capabilities" in advice["exporter", "privileged"]
    assert "its own processes" in advice["exporter", "host-pid"]
    assert "user's own podman" in advice["podman", "mount"] and "credentials" in advice["podman", "api-socket"]


# SARIF

def test_sarif(scratch):
    with open(pathlib.Path(__file__).parent / "sarif.schema.json", encoding="utf-8") as f:
        schema = jsonschema.Draft202012Validator(json.load(f))
    (scratch / "a b.yaml").write_text("services:\n  a: [\n")
    (scratch / "compose.yaml").write_text(
        "services:\n  one:\n    image: x\n    volumes: [/run:/r, '${X}:/x']\n  two:\n    container_name: two\n    image: y\n    pid: host\n"
    )
    policy = scratch / "p"
    policy.write_text(
        "version: 1\njustified:\n- name: it\n  match: {container: two}\n  reason: why\n  owner: who\n  expires: 2999-01-01\n"
    )
    result = command("audit", "--sarif", "--policy", policy, scratch)
    assert result.returncode == 2
    log = json.loads(result.stdout)
    assert not list(schema.iter_errors(log)), list(schema.iter_errors(log))
    run = log["runs"][0]
    assert [(r["ruleId"], r["level"], "suppressions" in r) for r in run["results"]] == [
        ("daemon-socket-mounted", "error", False), ("undecided", "warning", False), ("host-processes", "error", True),
    ]
    for r in run["results"]:
        assert run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"]
        assert r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"{scratch}/compose.yaml"
    notice = run["invocations"][0]["toolExecutionNotifications"][0]
    assert notice["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("/a%20b.yaml")
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_of_the_live_host(engine, boxes):
    with open(pathlib.Path(__file__).parent / "sarif.schema.json", encoding="utf-8") as f:
        schema = jsonschema.Draft202012Validator(json.load(f))
    box = boxes("-v", f"{engine.socket}:/x", sleeper=True, name=engines.unique("sarif"))
    log = json.loads(command("audit", "--sarif").stdout)
    assert not list(schema.iter_errors(log))
    names = [r["locations"][0].get("logicalLocations", [{}])[0].get("name") for r in log["runs"][0]["results"]]
    assert box.name in names
