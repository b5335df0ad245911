"""Engines run models on tiles.

engine      the interface of engines
network     the engine of bundles: Keras on TensorFlow
devices     devices and their free memory
footprint   memory that a network needs per pixel
"""
