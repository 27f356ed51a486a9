"""What Prometheus is to compute from Maek's metrics, and of what it is to wake somebody up: grafana/rules/."""
