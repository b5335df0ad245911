"""What runs tiles.

engine      what every engine is
network     the engine of a bundle: Keras on TensorFlow
devices     where engines run, and the memory there
footprint   the memory that a network needs per pixel
"""
