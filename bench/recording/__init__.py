"""What the flight recorder costs: CPU time of a whole Maek for each request, with it and without."""
