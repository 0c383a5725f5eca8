# SPDX-License-Identifier: Apache-2.0
"""What was agreed to is said to be so, and nothing else is."""

import contextlib
import datetime
import json
import pathlib
import signal

import pytest
from lib import engine as engines
from lib import expect, host
from lib.asker import Asker, build_asks, request
from lib.audit import docksnoop as command
from lib.watch import get

pytestmark = pytest.mark.once

LATER = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=400)).strftime("%Y-%m-%d")
PAST = "2024-02-29"


def rule(match, name="the rule", requests=("read",), expires=LATER, **more):
    return {
        "name": name, "match": match, "requests": list(requests), "reason": "reviewed in SEC-1", "owner": "platform",
        "expires": expires, **more,
    }


@pytest.fixture
def policy(scratch):
    """Write a policy (JSON is YAML as well); its path."""
    path = scratch / "policy.yaml"

    def write(*rules, text=None):
        path.write_text(text if text is not None else json.dumps({"version": 1, "justified": rules}, indent=1))
        return str(path)

    return write


@pytest.fixture(scope="module")
def program(engine):
    return build_asks(engine)


@contextlib.contextmanager
def asking(engine, program, *options, name):
    with contextlib.closing(Asker(engine, program, *options, name=name)) as asker:
        yield asker


def verdicts(watch, asker, action, count):
    events = watch.wait_for(action, asker.box, count=count)
    return [get(e, "docksnoop.verdict") for e in ([events] if count == 1 else events)]


READ = request("GET", "/containers/json", close=True)
WRITE = request("POST", "/images/prune", close=True)


def test_what_is_granted_is_justified_and_what_goes_beyond_is_flagged(engine, program, policy, docksnoop, mode):
    name = engines.unique("granted")
    file = policy(rule({"container": name, "image": "docksnoop-test:*"}))
    with asking(engine, program, name=name) as asker:
        watch = docksnoop("--policy", file, mode=mode)
        asker.ask([READ], [WRITE])
        requests = sorted(watch.wait_for("api-request", asker.box, count=2), key=lambda e: e["@timestamp"])
        connects = watch.wait_for("socket-connect", asker.box, count=2)
        exposed = watch.wait_for("socket-exposed", asker.box)
    said = {"rule": "the rule", "reason": "reviewed in SEC-1", "owner": "platform", "expires": LATER}
    for event in [*connects, exposed, requests[0]]:
        expect.fields(event, docksnoop__verdict="justified", docksnoop__justification=said, event__severity=21)
        assert get(event, "event.kind") != "alert"
        assert "justified by the rule 'the rule'" in event["message"]
    expect.fields(
        requests[1], docksnoop__verdict="flagged", docksnoop__justification=said, event__kind="alert", event__severity=73,
    )
    assert "beyond what it is granted by the rule 'the rule'" in requests[1]["message"]


def test_a_rule_that_has_run_out_counts_as_flagged(engine, program, policy, docksnoop, mode):
    name = engines.unique("old")
    with asking(engine, program, name=name) as asker:
        watch = docksnoop("--policy", policy(rule({"container": name}, expires=PAST)), mode=mode)
        asker.ask([READ])
        for event in (watch.wait_for("api-request", asker.box), watch.wait_for("socket-connect", asker.box)):
            expect.fields(event, docksnoop__verdict="expired", event__kind="alert", docksnoop__justification__expires=PAST)


@pytest.mark.parametrize("match", [
    {"container": "another"}, {"image": "docksnoop-test:2"}, {"image_digest": "sha256:none*"},
    {"labels": {"team": "red"}}, {"compose_project": "edge"}, {"kubernetes_namespace": "*"}, {"created_by": "*"},
    {"container": "*", "labels": {"none": "*"}},
])
def test_who_is_not_matched_is_flagged(engine, program, policy, docksnoop, mode, match):
    with asking(engine, program, "-l", "team=blue", name=engines.unique("other")) as asker:
        watch = docksnoop("--policy", policy(rule(match)), mode=mode)
        asker.ask([READ])
        event = watch.wait_for("api-request", asker.box)
        expect.fields(event, docksnoop__verdict="flagged", docksnoop__justification=None)


@pytest.mark.parametrize("match", [
    {"container": "wid*"}, {"image": "docksnoop-test:1"}, {"image_digest": "sha256:*"}, {"labels": {"team": "b?ue"}},
    {"compose_project": "edge", "compose_service": "[a-z]*"},
])
def test_who_is_matched_is_justified(engine, program, policy, docksnoop, mode, match):
    labels = ("-l", "team=blue", "-l", "com.docker.compose.project=edge", "-l", "com.docker.compose.service=web")
    with asking(engine, program, *labels, name=engines.unique("wide")) as asker:
        watch = docksnoop("--policy", policy(rule(match)), mode=mode)
        asker.ask([READ])
        expect.fields(watch.wait_for("api-request", asker.box), docksnoop__verdict="justified")


@pytest.mark.parametrize("granted, asked, verdict", [
    ("GET /containers/*/json", ("GET", "/v1.41/containers/nobody/json"), "justified"),
    ("GET /containers/*/json", ("GET", "/containers/nobody/top"), "flagged"),
    ("GET /containers/*/json", ("POST", "/containers/nobody/json"), "flagged"),
    ("GET /images/**/json", ("GET", "/images/a/b/c/json"), "justified"),
    ("GET /images/*/json", ("GET", "/images/a/b/c/json"), "flagged"),
    ("* /images/prune", ("POST", "/images/prune"), "justified"),
    # An exact request is not whatever its body makes of it.
    ("POST /containers/create", ("POST", "/containers/create", b'{"Image":"x","HostConfig":{"Privileged":true}}'), "flagged"),
    ("takeover", ("POST", "/containers/create", b'{"Image":"x","HostConfig":{"Privileged":true}}'), "justified"),
    ("exec", ("POST", "/containers/create", b'{"Image":"x","HostConfig":{"Privileged":true}}'), "flagged"),
    ("sensitive-read", ("GET", "/containers/nobody/archive?path=/etc"), "justified"),
    ("read", ("GET", "/containers/nobody/archive?path=/etc"), "flagged"),
])
def test_exact_requests_and_grades(engine, program, policy, docksnoop, mode, granted, asked, verdict):
    name = engines.unique("exact")
    with asking(engine, program, name=name) as asker:
        watch = docksnoop("--policy", policy(rule({"container": name}, requests=[granted])), mode=mode)
        asker.ask([request(*asked, close=True)])
        assert verdicts(watch, asker, "api-request", 1) == [verdict]
        assert verdicts(watch, asker, "socket-connect", 1) == ["justified"]


def test_sockets_of_a_rule(engine, program, policy, docksnoop, mode):
    name = engines.unique("sockets")
    with asking(engine, program, name=name) as asker:
        for sockets, verdict in (
            (["podman"], "flagged"), (["podman", "docker"], "justified"), ([f"{engine.run_dir}/*.sock"], "justified"),
            (["/run/docker.sock"], "flagged"),
        ):
            watch = docksnoop("--policy", policy(rule({"container": name}, sockets=sockets)), mode=mode)
            asker.ask([READ])
            assert verdicts(watch, asker, "socket-connect", 1) == [verdict], sockets
            watch.stop()


def test_what_a_container_makes_passes_for_nobody(engine, program, policy, docksnoop, mode):
    """Who can create containers can give them any name, image and labels."""
    victim, maker = engines.unique("trusted"), engines.unique("maker")
    file = policy(rule({"container": victim}), rule({"container": maker}, name="maker", requests=["takeover"]))
    body = json.dumps({
        "Image": engines.IMAGE, "Cmd": [engines.CLIENT, engines.SOCKET],
        "HostConfig": {"Binds": [f"{engine.socket}:{engines.SOCKET}"], "NetworkMode": "none"},
    }).encode()
    with asking(engine, program, name=maker) as asker:
        watch = docksnoop("--policy", file, mode=mode)
        try:
            asker.ask([request("POST", f"/containers/create?name={victim}", body),
                       request("POST", f"/containers/{victim}/start", close=True)])
            event = watch.wait_for("socket-connect", victim)
            expect.fields(event, docksnoop__verdict="flagged", docksnoop__created_by__name=maker)
            # A rule that speaks of who made it does count.
            policy(rule({"container": victim, "created_by": maker}), rule({"container": maker}, requests=["takeover"], name="m"))
            watch.send(signal.SIGHUP)
            watch.wait_for("policy-loaded", count=2)
            asker.ask([request("POST", f"/containers/{victim}/start", close=True)])
            assert [get(e, "docksnoop.verdict") for e in watch.wait_for("socket-connect", victim, count=2)] == ["flagged", "justified"]
        finally:
            engine.docker("rm", "-f", victim)


def test_reload_judges_by_the_new_rules_and_says_again_what_is_exposed(engine, program, policy, docksnoop, mode):
    name = engines.unique("reload")
    with asking(engine, program, name=name) as asker:
        watch = docksnoop("--policy", policy(), mode=mode)
        asker.ask([READ])
        assert verdicts(watch, asker, "api-request", 1) == ["flagged"]
        expect.fields(watch.wait_for("policy-loaded"), docksnoop__policy__rules=0, event__outcome="success")
        policy(rule({"container": name}))
        watch.send(signal.SIGHUP)
        watch.wait_for("policy-loaded", count=2)
        asker.ask([READ])
        assert verdicts(watch, asker, "api-request", 2) == ["flagged", "justified"]
        assert verdicts(watch, asker, "socket-exposed", 2) == ["flagged", "justified"]


@pytest.mark.parametrize("bad, place, why", [
    ("version: 1\njustified:\n  - name: x\n    match: {container: a}\n    reason: r\n    owner: o\n    expires: soon\n", ":7:14:", "expires"),
    ("version: 1\njustified: [\n", ":", "flow sequence"),
    ("", "", "a policy has to be a map"),
])
def test_a_bad_policy_is_refused_and_the_old_one_stays(engine, program, policy, docksnoop, mode, bad, place, why):
    name = engines.unique("kept")
    with asking(engine, program, name=name) as asker:
        file = policy(rule({"container": name}))
        watch = docksnoop("--policy", file, mode=mode)
        policy(text=bad)
        watch.expect_trouble(r"error: .*policy\.yaml|the policy in force stays")
        watch.send(signal.SIGHUP)
        refused = watch.wait_for("policy-loaded", event__outcome="failure")
        expect.fields(refused, docksnoop__policy__rules=1, docksnoop__policy__file=file)
        error = get(refused, "docksnoop.policy.error")
        assert f"policy.yaml{place}" in error and why in error
        host.wait_until(lambda: error in watch.stderr, 10, "the same on standard error")
        asker.ask([READ])
        assert verdicts(watch, asker, "api-request", 1) == ["justified"]


def test_a_bad_policy_at_start_is_the_end(policy):
    result = command("watch", "--policy", policy(text="version: 1\njustified: {}\n"))
    assert result.returncode == 2
    assert "policy.yaml:2:1: 'justified' has to be a list of rules" in result.stderr.decode()
    result = command("watch", "--policy", "/nonexistent/policy.yaml")
    assert result.returncode == 2 and b"No such file" in result.stderr


def check(policy, *rules, text=None):
    result = command("policy", "check", policy(*rules, text=text))
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def test_check_explains_and_warns(policy):
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=9)).strftime("%Y-%m-%d")
    status, out, err = check(
        policy,
        rule({"container": "traefik", "image": "traefik:*"}, name="fine"),
        rule({"container": "*"}, name="wide", requests=["takeover"]),
        rule({"container": "/traefik"}, name="never"),
        rule({"image": "traefik"}, name="untagged", expires=soon),
        rule({"labels": {"a": "b"}}, name="label", expires=PAST),
        rule({"compose_project": "Edge"}, name="project", requests=["GET /v1.41/containers/json"]),
    )
    assert (status, err) == (0, "")
    part = {p.split(" (line")[0]: p for p in out.split("\n\n")}
    assert "Containers named 'traefik', of the image 'traefik:*'" in part["fine"] and "may reach docker" in part["fine"]
    assert "SEC-1" in part["fine"] and "platform answers for it" in part["fine"] and "warning" not in part["fine"]
    assert "matches every container" in part["wide"] and "root on the host" in part["wide"]
    assert "overlaps with 'fine'" in part["wide"]
    assert "'/traefik' can never match" in part["never"]
    assert "without a tag" in part["untagged"] and "expires in 9 days" in part["untagged"]
    assert "labels alone" in part["label"] and "has expired" in part["label"]
    assert "'Edge' can never match" in part["project"] and "write '/containers/json'" in part["project"]


@pytest.mark.parametrize("change, line, column, why", [
    ({"reason": ""}, 7, 13, "'reason' has to be a text"),
    ({"owner": "  "}, 8, 12, "'owner' has to be a text"),
    ({"expires": "2027-02-30"}, 9, 14, "'2027-02-30'"),
    ({"sockets": ["dokcer"]}, 6, 15, "'dokcer' is no socket"),
    ({"requests": ["reed"]}, 5, 16, "'reed' is no request"),
    ({"match": {"comm": "x"}}, 4, 13, "knows no 'comm'"),
    ({"match": "x"}, 4, 5, "'match' has to be a map"),
    ({"color": "red"}, 10, 5, "a rule knows no 'color'"),
])
def test_what_is_wrong_is_said_with_its_place(policy, change, line, column, why):
    fields = {
        "name": '"a"', "match": "{container: a}", "requests": "[read]", "sockets": "[docker]", "reason": "r", "owner": "o",
        "expires": LATER,
    }
    fields.update({key: json.dumps(value) for key, value in change.items()})
    text = "version: 1\njustified:\n" + "".join(
        f"  {'-' if i == 0 else ' '} {key}: {value}\n" for i, (key, value) in enumerate(fields.items())
    )
    status, out, err = check(policy, text=text)
    assert (status, out) == (2, "")
    assert f"policy.yaml:{line}:{column}: " in err and why in err, err


@pytest.mark.parametrize("missing", ["name", "match", "reason", "owner", "expires"])
def test_what_is_required_is_required(policy, missing):
    whole = rule({"container": "a"})
    del whole[missing]
    status, _, err = check(policy, whole)
    assert status == 2 and f"the rule has no '{missing}'" in err


def test_suggestion_is_refused_until_it_is_filled_in(engine, boxes, scratch):
    name = engines.unique("suggest")
    box = boxes("-v", f"{engine.socket}:/x", sleeper=True, name=name)
    result = command("policy", "suggest")
    text = result.stdout.decode()
    assert result.returncode == 0 and f'"{name}"' in text, result.stderr
    path = pathlib.Path(scratch / "suggested.yaml")
    path.write_text(text)
    refused = command("policy", "check", path)
    assert refused.returncode == 2 and b"'reason' has to be a text" in refused.stderr and b"'owner'" in refused.stderr
    path.write_text(text.replace('reason: ""', "reason: why").replace('owner: ""', "owner: who"))
    accepted = command("policy", "check", path)
    assert accepted.returncode == 0, accepted.stderr
    result = command("audit", "--json", "--policy", path)
    ours = [f for f in map(json.loads, result.stdout.splitlines()) if f["where"].get("container", {}).get("id") == box.id]
    assert ours and all(f["verdict"] == "justified" for f in ours)
