"""What one look at Maek costs: a scrape of `/metrics`, and the status page."""
