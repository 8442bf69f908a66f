"""Events and their way to the customers' URLs."""
