"""What is known of icons before they are drawn: sets, licences, base names, concepts, themes."""
