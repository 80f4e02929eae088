"""Where a corpus comes from: one file a source; what a user gives is read by its layout."""
