"""What an owner does with an app that runs: look, ask, protect, scale, stop."""
