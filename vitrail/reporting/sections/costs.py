"""What the model costs to run, and how its endpoint answered."""

from typing import Any

from vitrail.contracts.serving import ServingReport
from vitrail.reporting.artifacts import read_evaluation
from vitrail.reporting.run import Run

__all__ = ["costs"]

_SIZES = (1_000_000, 1_300_000_000)  # images for which the bytes of an index are printed


def costs(run: Run) -> dict[str, Any] | None:
    """System numbers of the evaluation and the proof of the endpoint."""
    report = read_evaluation(run)
    system = report.system if report else None
    serving = run.read(ServingReport, "validate_endpoint")
    if system is None and serving is None:
        return None
    facts = []
    if system:
        facts = [
            ("Parameters", f"{system.num_parameters / 1e6:,.2f} million"),
            ("Floating point operations per image", f"{system.flops_per_image / 1e9:,.3f} G"),
            (
                "Inference",
                f"{system.images_per_s:,.0f} images/s on {system.device}, batch {system.batch_size}, "
                f"{system.num_threads} threads",
            ),
            *([("Answer for one image, median", f"{system.latency_ms:,.1f} ms")] if system.latency_ms else []),
            *_embedding_facts(system.embedding_bytes_float, system.embedding_bytes_binary),
        ]
    return {"facts": facts, "serving": serving}


def _embedding_facts(float_bytes: int | None, binary_bytes: int | None) -> list[tuple[str, str]]:
    if not float_bytes or not binary_bytes:
        return []
    facts = [("Embedding per image", f"{float_bytes:,} bytes as floats, {binary_bytes:,} as bits")]
    return facts + [
        (
            f"Codes of {size:,} images",
            f"{_bytes(size * float_bytes)} as floats, {_bytes(size * binary_bytes)} as bits",
        )
        for size in _SIZES
    ]


def _bytes(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}"
        number /= 1000
    return f"{number:,.2f} TB"
