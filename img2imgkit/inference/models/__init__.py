"""Find a model by name or path, and describe it without loading it.

model_finder        resolves a name or path
model_reference     the interface of references
exported_reference  references to exported models and third-party ONNX files
bundle_reference    the reference to a bundle, as networks or in its ONNX form
"""
