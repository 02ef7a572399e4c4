"""Brings the project's files onto the share: scan, compare with the manifest, send, note.

What was sent is told by a manifest that lies on the share itself; nothing that it does not name is ever
deleted. Everything goes through the ``Share`` port.
"""
