"""Grafana's dashboards as code: `make dashboards` writes grafana/dashboards/ from what stands here.

A tool for whoever works on Maek, and no part of what runs: it is not in the wheel, and nothing imports it.
"""
