"""How a measured number is written."""

__all__ = ["format_number"]


def format_number(number: float | None, sign: str = "") -> str:
    """Three decimals, or none from a thousand on; a dash for what is missing. `sign` is `+` for a difference."""
    if number is None:
        return "–"
    return f"{number:{sign},.0f}" if abs(number) >= 1000 else f"{number:{sign}.3f}"
