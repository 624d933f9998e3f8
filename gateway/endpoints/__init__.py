"""What the network can reach."""
