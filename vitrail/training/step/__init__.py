"""What one training step takes in and what it leaves, without waiting for the device."""
