"""What benchmark tools write, read as pairs of a native and an isolated run.

One module per format with one `read_<tool>(path)`; `formats.py` registers each once.
"""
