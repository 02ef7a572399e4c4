"""What ``arm`` and ``providers`` both stand on: ids, errors, routes, operations, what a resource type is."""
