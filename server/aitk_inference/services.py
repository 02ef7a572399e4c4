"""The composition root: which adapter stands behind which port, for which target. Nothing else wires."""
