"""One module a task kind, named like the kind; each defines `MEASURES`. Nothing else lies here."""
