"""Demands counted on real programs run natively.

`python -m datasets.tracing --output FILE` starts each program, drives a bounded load over the
loopback device, and counts what one operation asks of the kernel. No isolation is involved, so
that a prior built on these counts has not seen any measurement that it is to predict.
"""
