"""Flows as Parquet files of a folder, which appear whole, one after the other."""
