"""The resource providers: one module each; what ARM knows of them is in their ``ResourceType`` values."""
