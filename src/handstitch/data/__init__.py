"""Data sets: located, downloaded, verified, read or generated; split, scaled and batched."""
