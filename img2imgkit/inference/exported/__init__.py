"""Exported models and third-party ONNX files in a Translator.

describe             third-party ONNX files: the user's description and facts from the graph
exported_model       an exported model and its file format
onnx_file            ONNX files
saved_model_folder   SavedModels, which TensorFlow runs
"""
