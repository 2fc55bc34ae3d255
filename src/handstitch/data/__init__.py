"""Images and labels: read, found, fetched or drawn; split, scaled and batched."""
