"""Measure here: a small suite natively and under every runtime that really works, interleaved."""
