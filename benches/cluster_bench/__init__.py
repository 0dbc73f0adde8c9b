"""Parts of `benches/clustering.py`."""
