"""What the steps hand to each other: frozen dataclasses with a JSON or Parquet form, each with a version."""
