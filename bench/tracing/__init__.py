"""What tracing costs: nothing while it is off, and how much while it is on."""
