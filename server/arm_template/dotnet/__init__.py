"""How .NET writes and reads dates, numbers, text, URIs and JSON: what the template language inherits."""
