"""Bundles as files that other software runs: ONNX, SavedModel, TensorFlow Lite and Keras, each proved equal."""
