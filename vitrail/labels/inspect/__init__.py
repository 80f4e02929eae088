"""Looking into label sets: explanations, rejected phrases, sheets to judge, quality of scorers."""
