"""Templates made by chance from a seed: what the evaluator is asked beside Microsoft's engine."""

from support.generated_templates.documents import Document, document

__all__ = ["Document", "document"]
