"""What happens around an operation."""
