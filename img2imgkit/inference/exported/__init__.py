"""Exported models and third-party ONNX files in a Translator.

describe             third-party ONNX files: the user's description and facts from the graph
exported_model       an exported model, and the engine that runs it
onnx_runtime         runs ONNX files
saved_model_runtime  runs SavedModels
"""
