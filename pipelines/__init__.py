"""The graphs: wiring, conditions, caching and resources. No work is done here."""
