"""The language server: the wire between an editor and the flows."""
