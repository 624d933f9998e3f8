"""Both backends in memory, for running and testing with no credentials. Importing this package does nothing."""
