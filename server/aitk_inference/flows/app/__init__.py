"""What several flows do with the app that is there: its document, its secrets, its replicas, its answer."""
