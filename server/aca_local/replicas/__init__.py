"""Replicas: a container app's containers as real processes of this computer."""
