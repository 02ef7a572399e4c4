"""The front end for editors: a language server on stdio."""
