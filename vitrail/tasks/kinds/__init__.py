"""One module a task kind, named like the kind; each defines `KIND`. Nothing else lies here."""
