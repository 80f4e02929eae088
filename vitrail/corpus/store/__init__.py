"""What lies in a corpus folder: tars, tables, and tars in an object store."""
