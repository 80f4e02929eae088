"""`vitrail serve` says in one line why there is nothing to serve, before it starts a server."""

import os

import pytest

from serving import __main__ as command


@pytest.fixture
def serve(monkeypatch, tmp_path):
    """Calls the command; returns what it would become, with its environment."""

    def serve(*arguments):
        become = []
        monkeypatch.setattr("sys.argv", ["vitrail serve", *arguments])
        monkeypatch.setattr(os, "execvp", lambda program, line: become.append(line))
        command.main()
        return become[0], os.environ["VITRAIL_BUNDLE"]

    for name in ("VITRAIL_BUNDLE", "BENTOML_DO_NOT_TRACK"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    return serve


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["--model", "vitrail-nobody"],
            r"mlflow\.db has no champion of vitrail-nobody to serve: run `make run` first",
        ),
        (["--model", "a b"], "name='a b': use letters"),
        (["--bundle", "nowhere"], "nowhere is not a bundle"),
    ],
    ids=["no-champion", "no-name", "no-bundle"],
)
def test_nothing_to_serve_is_one_line(serve, arguments, reason):
    with pytest.raises(SystemExit, match=f"^vitrail serve: .*{reason}") as ended:
        serve(*arguments)
    assert "\n" not in ended.value.code


def test_a_bundle_is_served_on_the_port_that_is_named(serve, bento, monkeypatch):
    bundle = bento.path / "src" / "bundle"
    line, served = serve("--bundle", str(bundle), "--port", "3456")
    assert line[-4:] == ["--host", "127.0.0.1", "--port", "3456"]
    assert served == str(bundle)
