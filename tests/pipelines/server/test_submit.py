"""`vitrail submit` against a stand-in: what it sends, what it says while it waits, and its exit status."""

import dataclasses
import json

import kfp
import pytest
from kfp.client import KF_PIPELINES_SA_TOKEN_ENV, KF_PIPELINES_SA_TOKEN_PATH
from kfp.client.client import KF_PIPELINES_ENDPOINT_ENV

from builders.pipeline_servers import Answer, StandIn, ended_run, serving, started_runs
from components.announcements import announce
from pipelines.__main__ import main
from pipelines.server import access, waiting
from pipelines.server.access import Access
from pipelines.server.commands import follow
from pipelines.server.outcome import judge_run
from pipelines.server.pipeline_server import PipelineServer
from pipelines.vitrail_pipeline import make_pipeline
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.runs import RegisteredModel, RunSummary
from vitrail.contracts.verdict import Check, Verdict
from vitrail.recipes import find_recipe
from vitrail.steps import STEPS
from vitrail.steps.table import step_names

VARIABLES = (access.HOST_VARIABLE, access.PAGE_VARIABLE, access.TOKEN_VARIABLE, access.TOKEN_FILE_VARIABLE)
BEFORE_GATE = dict.fromkeys(list(STEPS)[:8], "SUCCEEDED")
BLESSED_STEPS = ("register_model", "package_endpoint", "validate_endpoint", "promote_model")
REPORTED = {"publish_report": "SUCCEEDED"}
REJECTED = BEFORE_GATE | {"gate_model": "SUCCEEDED"} | REPORTED
PROMOTED = BEFORE_GATE | {"gate_model": "SUCCEEDED"} | dict.fromkeys(BLESSED_STEPS, "SUCCEEDED") | REPORTED


def verdict(status):
    check = Check(
        name="retrieval/p_at_1",
        kind="value",
        outcome="pass" if status == "blessed" else "fail",
        limit=0.25,
        direction="min",
        challenger=0.29,
        champion=None,
        difference=None,
        low=0.21,
        high=0.33,
        reason="0.290",
    )
    return Verdict(
        status=status,
        challenger_id="m1",
        champion_id=None,
        champion_version=None,
        corpus_digest="d",
        checks=(check,),
        reasons=(),
    )


def summary(**given):
    whole = {
        "run_id": "run-1",
        "status": "succeeded",
        "failed_step": None,
        "error": None,
        "corpus_digest": "d",
        "num_images": 1,
        "num_labels": 1,
        "seconds": {},
        "reused": (),
        "metrics": {},
        "verdict": "blessed",
        "model": RegisteredModel(name="vitrail-debug", version="3", alias="champion"),
        "bento": "vitrail:abc",
        "lineage": Lineage(run_id="run-1"),
    }
    return RunSummary(**whole | given)


def log_of(step, steps):
    """The end of the name of the pod in which a step ran."""
    return f"impl-{list(steps).index(step):04d}3"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(waiting, "POLL_S", 0.01)
    for name in (*VARIABLES, "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with serving(StandIn()) as running:
        yield running


def call(capsys, *arguments):
    """The exit status, and what is printed to standard output and to standard error."""
    code = 0
    try:
        main(list(arguments))
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    return (1, printed.out, printed.err + code) if isinstance(code, str) else (int(code), *printed)


def submit(capsys, server, *more):
    return call(capsys, "submit", "--recipe", "debug", "--image-prefix", "host:5000/team", "--host", server.host, *more)


def follow_run(capsys, server, **given):
    """The exit status and what is said of a run that was started."""
    started_runs(server, 1)
    run_id = server.runs[0].run_id
    ending = follow(PipelineServer(Access(host=server.host)), run_id, **given)
    return int(ending.outcome.status), run_id, capsys.readouterr().out


def test_a_promoted_run_is_told_step_by_step_and_ends_with_0(capsys, server, tmp_path):
    server.looks = [
        ended_run("PENDING", {}),
        ended_run("RUNNING", {"checkout_corpus": "RUNNING"}),
        ended_run("RUNNING", {"checkout_corpus": "SUCCEEDED", "derive_labels": "RUNNING"}),
        ended_run("SUCCEEDED", PROMOTED),
    ]
    server.logs = {
        log_of("gate_model", PROMOTED): f"[vitrail] gate\n{announce(verdict('blessed'))}\n",
        log_of("publish_report", PROMOTED): f"{announce(summary())}\n",
    }
    comment = tmp_path / "new" / "comment.md"
    status, out, err = submit(capsys, server, "--corpus", "emoji-mini", "--comment", str(comment))
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == f"run {server.runs[0].run_id} started: debug on emoji-mini"
    assert lines[1] == f"page {server.host}/#/runs/details/{server.runs[0].run_id}"
    told = lines[2 : lines.index("")]
    assert told[:3] == ["checkout_corpus running", "checkout_corpus succeeded", "derive_labels running"]
    assert len(told) == len(set(told)) == len(PROMOTED) + 2
    assert lines[lines.index("") + 1 :] == [
        "outcome promoted: the model is the champion",
        "verdict blessed",
        "model vitrail-debug/3 (champion)",
        "Bento vitrail:abc",
        "pass retrieval/p_at_1 (value) 0.290 [0.210, 0.330] limit ≥ 0.250",
    ]
    run_id = server.runs[0].run_id
    assert comment.read_text().splitlines() == [
        "**debug on emoji-mini: promoted: the model is the champion**",
        "",
        f"[Run and report]({server.host}/#/runs/details/{run_id}) `{run_id}`",
        "",
        "- verdict: blessed",
        "- model: vitrail-debug/3 (champion)",
        "- Bento: vitrail:abc",
        "",
        "| gate | compared | measured | limit | outcome |",
        "|---|---|---|---|---|",
        r"| retrieval/p\_at\_1 | value | 0.290 [0.210, 0.330] | ≥ 0.250 | pass |",
    ]


def test_a_rejected_run_ends_with_3_and_shows_the_gates(capsys, server):
    server.looks = [ended_run("SUCCEEDED", REJECTED)]
    server.logs = {log_of("gate_model", REJECTED): announce(verdict("rejected"))}
    status, _, out = follow_run(capsys, server)
    assert status == 3
    assert "outcome   rejected: the champion stays" in out
    assert "fail          retrieval/p_at_1 (value)" in out


def test_a_verdict_that_no_log_holds_any_more_is_still_told_by_the_tasks(capsys, server):
    server.looks = [ended_run("SUCCEEDED", REJECTED)]
    status, run_id, out = follow_run(capsys, server)
    assert status == 3
    assert f"see {run_id}/verdict.json in the workspace" in out


def test_a_failed_run_ends_with_4_and_names_the_step(capsys, server):
    states = {"checkout_corpus": "SUCCEEDED", "derive_labels": "FAILED", "publish_report": "SUCCEEDED"}
    server.looks = [ended_run("FAILED", states, "exit code 1\nin a pod")]
    failed = summary(status="failed", failed_step="derive_labels", error="LabelError: no text", model=None, bento=None)
    server.logs = {log_of("publish_report", states): announce(failed)}
    status, run_id, out = follow_run(capsys, server)
    assert status == 4
    assert "server    exit code 1 in a pod" in out
    assert f"failed    derive_labels; vitrail logs {run_id} derive_labels" in out
    assert "failed at derive_labels: LabelError: no text" in out


@pytest.mark.parametrize(
    ("state", "states", "expected"),
    [
        ("SUCCEEDED", PROMOTED, 0),
        ("FAILED", PROMOTED | {"publish_report": "FAILED"}, 4),
        ("FAILED", REJECTED | dict.fromkeys(BLESSED_STEPS, "FAILED"), 4),
        ("SUCCEEDED", REJECTED, 3),
        ("SUCCEEDED", REJECTED | dict.fromkeys(BLESSED_STEPS, "SKIPPED"), 3),
        ("CANCELED", BEFORE_GATE, 4),
        ("FAILED", {}, 4),
        ("SUCCEEDED", {}, 5),
        ("SUCCEEDED", BEFORE_GATE, 5),
    ],
)
def test_the_exit_status_is_what_the_tasks_say(state, states, expected):
    """A log never decides: it may be gone, and whoever writes one may write anything."""
    assert judge_run(ended_run(state, states)).status == expected


def test_what_is_sent_is_what_the_client_of_kubeflow_pipelines_sends(capsys, server, monkeypatch, tmp_path):
    """Its own client, asked for the same run of the same server, is the measure."""
    monkeypatch.setattr("kfp.client.client.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    server.looks = [ended_run("SUCCEEDED", PROMOTED)]
    arguments = ("--namespace", "team-a", "--service-account", "trainer", "--name", "nightly")
    submit(capsys, server, *arguments)
    experiment, ours = server.posted
    assert experiment == {"display_name": "vitrail", "namespace": "team-a"}
    debug = find_recipe("debug")
    cluster = dataclasses.replace(debug.cluster, image_prefix="host:5000/team")
    with pytest.warns(FutureWarning, match="only works with"):
        client = kfp.Client(host=server.host, namespace="team-a")
    client.create_run_from_pipeline_func(
        make_pipeline(dataclasses.replace(debug, cluster=cluster).on_cluster()),
        arguments={"corpus": "emoji", "repository": ".", "revision": ""},
        run_name="nightly",
        experiment_name="vitrail",
        service_account="trainer",
    )
    _, _, theirs = server.posted  # both found the experiment that was made first
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)
    assert "nightly" not in json.dumps(ours["pipeline_spec"])  # a label: nothing is keyed or named by it


def test_a_token_comes_from_a_variable_or_a_file_and_is_never_said(capsys, server, monkeypatch, tmp_path):
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "s3cret-one")
    server.faults["GET"] = Answer.error(403, "user of Bearer s3cret-one may not see runs")
    status, out, err = call(capsys, "runs", "--host", server.host)
    assert status == 1
    assert "may not see runs" in err
    assert "s3cret" not in out + err
    assert server.asked[-1][2] == "Bearer s3cret-one"
    monkeypatch.delenv("KF_PIPELINES_TOKEN")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    status, _, err = call(capsys, "runs", "--host", server.host)
    assert status == 1
    assert "holds no token" in err


def test_a_token_that_kubernetes_renews_during_a_run_is_read_again(server, tmp_path):
    def renew():
        (tmp_path / "token").write_text("second\n")

    (tmp_path / "token").write_text("first\n")
    started_runs(server, 1)
    server.faults = {"GET /apis/v2beta1/runs/": renew}
    server.looks = [ended_run("RUNNING", {}), ended_run("SUCCEEDED", PROMOTED)]
    follow(PipelineServer(Access(host=server.host, token_file=tmp_path / "token")), server.runs[0].run_id)
    assert [token for _, path, token in server.asked if "/v2beta1/runs/" in path] == ["Bearer first", "Bearer second"]


def test_the_variables_of_the_client_of_kubeflow_pipelines_hold_here_too(capsys, server, monkeypatch):
    assert (access.HOST_VARIABLE, access.TOKEN_FILE_VARIABLE) == (KF_PIPELINES_ENDPOINT_ENV, KF_PIPELINES_SA_TOKEN_ENV)
    assert str(access.TOKEN_FILE) == KF_PIPELINES_SA_TOKEN_PATH
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.host + "/")
    status, out, err = call(capsys, "runs")
    assert (status, out, err) == (0, "", "")
    assert [path.partition("?")[0] for _, path, _ in server.asked] == ["/apis/v2beta1/experiments"]


def test_inside_a_cluster_the_server_is_known():
    found = access.find_access(None, None, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert found.host == "http://ml-pipeline.kubeflow.svc.cluster.local:8888"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no server is named: give --host, or set KF_PIPELINES_ENDPOINT"),
        (("--host", "kfp.example.org"), "give an address such as http://localhost:8888"),
        (("--host", "http://kfp/#/runs"), "no page's #/..."),
        (("--host", "http://me:s3cret@kfp"), "give a token in KF_PIPELINES_TOKEN"),
    ],
)
def test_a_server_that_is_no_address_is_refused(capsys, server, arguments, said):
    status, out, err = call(capsys, "runs", *arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert "s3cret" not in err


def test_a_server_that_goes_away_for_a_while_is_waited_for(capsys, server):
    away = iter([None, Answer.error(503, "restarting"), Answer.error(503, "restarting"), None])
    server.faults["GET /apis/v2beta1/runs/"] = lambda: next(away, None)
    server.looks = [ended_run("RUNNING", {}), ended_run("SUCCEEDED", PROMOTED)]
    status, _, out = follow_run(capsys, server)
    assert status == 0
    assert out.count("no answer for now, the run goes on") == 1


@pytest.mark.parametrize(("fault", "said"), [(401, "does not accept"), (503, "failed (503: gone)")])
def test_a_run_whose_end_cannot_be_known_ends_with_5(capsys, server, monkeypatch, fault, said):
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.05)
    looks = iter([None])
    server.faults["GET /apis/v2beta1/runs/"] = lambda: next(looks, Answer.error(fault, "gone"))
    server.looks = [ended_run("RUNNING", {})]
    status, _, out = follow_run(capsys, server)
    assert status == 5
    assert "outcome   unknown: " in out
    assert "the run may go on, http://" in out
    assert said in out


def test_a_study_is_done_or_failed(capsys, server):
    server.looks = [ended_run("SUCCEEDED", {"gather_materials": "SUCCEEDED", "run_study": "SUCCEEDED"})]
    status, _, out = follow_run(capsys, server, is_study=True)
    assert status == 0
    assert "outcome   succeeded" in out
    server.looks = [ended_run("FAILED", {"gather_materials": "SUCCEEDED", "run_study": "FAILED"})]
    status, _, out = follow_run(capsys, server, is_study=True)
    assert status == 4
    assert "failed    run_study" in out


def test_steps_of_the_branch_are_those_that_the_table_names():
    assert step_names("blessed") == BLESSED_STEPS
