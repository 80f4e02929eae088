"""What a pretraining makes of the features of its trunk, told on validation images while it runs."""
