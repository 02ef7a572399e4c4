"""What a project says of itself, read without a cloud: its template, its settings, its model."""
