"""What the product does, step by step, free of any user interface and of any SDK."""
