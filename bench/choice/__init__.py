"""What one choice costs, by policy and number of candidates."""
