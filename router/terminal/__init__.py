"""What people read in a terminal: a live view of the fleet, and one decision in sentences."""
