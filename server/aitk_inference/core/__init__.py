"""The domain: model, errors, ports, naming and configuration files. Standard library only."""
