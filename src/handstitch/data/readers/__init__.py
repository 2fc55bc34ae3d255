"""Readers of a user's own data: one module for each format, each from a path to `Parts`.

idx_pairs  IDX, as MNIST and its successors have it
npz        NumPy's .npz and .npy (numpy_files: the files themselves)
cifar      CIFAR's binary batches
tables     CSV and Parquet (columns: which are labels, pixels and features; picture_columns)
layouts    what names say, and arrays put into the layout of `Samples`
"""
