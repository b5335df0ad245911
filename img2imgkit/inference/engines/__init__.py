"""Engines run models on tiles.

interface   the representation of pictures in a model's inputs and outputs
engine      the interface of engines
network     the engine of bundles: Keras on TensorFlow
devices     devices, their free memory, and what a network needs of it per pixel
"""
