"""Files of other software as arrays and graphs, one module for each format: read safely, written whole."""
