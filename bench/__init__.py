"""Measurements, each beside a baseline that runs at the same time on the same machine."""
