"""Azure behind the ports of core: the only home of SDK types."""
