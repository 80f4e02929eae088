"""What a user says about images: tables, records, and what their columns and values mean."""
