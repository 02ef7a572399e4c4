"""Finds and drives the Bicep CLI. Standard library only."""
