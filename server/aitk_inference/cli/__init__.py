"""The terminal: arguments in, flows run, lines or JSON out."""
