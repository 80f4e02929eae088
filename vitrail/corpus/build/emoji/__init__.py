"""What is known of emoji: their code points and their names."""
