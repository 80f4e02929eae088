"""Fine-tunes the trunk on every task of the corpus at once."""
