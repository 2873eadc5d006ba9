"""What a BackendTrafficPolicy says, a file for each group of fields."""
