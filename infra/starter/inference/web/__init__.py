"""What stands before page and API: the key, the limit of bodies, the paths that are open, the pages."""
