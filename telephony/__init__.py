"""What happens: the deeds behind the doors, and the workers that carry them outside."""
