"""From a name or a path to a model that is described but not loaded.

model_finder        what a name or a path stands for
model_reference     what every reference is; that of a bundle
exported_reference  those of exported models, and of ONNX files of other software
"""
