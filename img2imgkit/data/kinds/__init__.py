"""The built-in data kinds, one module each: options, reader and batches."""
