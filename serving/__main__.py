"""Serves the champion, or a bundle, until Ctrl-C: `vitrail serve`."""

import argparse
import os
from pathlib import Path

from vitrail.packaging.endpoint_process import bentoml_command

_HERE = Path(__file__).resolve().parent


def main() -> None:
    """Becomes `bentoml serve` in this folder."""
    parser = argparse.ArgumentParser(prog="vitrail serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--model", default="vitrail", help="registered model whose champion is served")
    parser.add_argument("--bundle", type=Path, help="a bundle folder; default: the registry's champion")
    options = parser.parse_args()
    settings = ["BENTOML_DO_NOT_TRACK=True", "DO_NOT_TRACK=true", "MLFLOW_DISABLE_TELEMETRY=true"]
    settings.append(f"VITRAIL_MODEL={options.model}")
    if options.bundle:
        settings.append(f"VITRAIL_BUNDLE={options.bundle.resolve()}")
    command = bentoml_command("serve", ".", "--host", options.host, "--port", str(options.port))
    os.chdir(_HERE)
    os.execvp("env", ["env", *settings, *command])  # noqa: S606 - in its place, so that signals reach the server


if __name__ == "__main__":
    main()
