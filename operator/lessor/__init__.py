"""Lessor lends scarce CI resources to Kubernetes jobs, one holder at a time."""

__version__ = "0.1.0"
