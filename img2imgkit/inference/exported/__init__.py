"""Exported models and third-party ONNX files in a Translator.

describe             third-party ONNX files: the user's description and facts from the graph
interface            the representation of pictures in a model's inputs and outputs
exported_model       an exported model, and the engine that runs it
onnx_runtime         runs ONNX files
saved_model_runtime  runs SavedModels
"""
