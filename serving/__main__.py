"""Serves the champion, or a bundle, until Ctrl-C: `vitrail serve`."""

import argparse
import os
import sys
from pathlib import Path

from serving.endpoint.location import release_champion
from vitrail.contracts.bundle import read_bundle
from vitrail.errors import VitrailError
from vitrail.packaging.endpoint_process import bentoml_command

_HERE = Path(__file__).resolve().parent
_NO_TELEMETRY = {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


def main() -> None:
    """Becomes `bentoml serve` in this folder."""
    parser = argparse.ArgumentParser(prog="vitrail serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--model", default="vitrail", help="registered model whose champion is served")
    parser.add_argument("--bundle", help="a bundle folder; default: the registry's champion")
    options = parser.parse_args()
    os.environ.update(_NO_TELEMETRY)
    try:
        bundle = Path(options.bundle).resolve() if options.bundle else _release_champion(options.model)
        read_bundle(bundle)
    except (VitrailError, OSError) as error:
        sys.exit(f"vitrail serve: {error}")
    os.environ["VITRAIL_BUNDLE"] = str(bundle)
    os.chdir(_HERE)
    command = bentoml_command("serve", ".", "--host", options.host, "--port", str(options.port))
    os.execvp(command[0], command)  # noqa: S606 - in its place, so that signals reach the server


def _release_champion(model: str) -> Path:
    return release_champion(_HERE.parent, model, os.environ.get("MLFLOW_TRACKING_URI"))


if __name__ == "__main__":
    main()
