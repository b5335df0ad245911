"""Exported models and third-party ONNX files in a Translator.

describe             third-party ONNX files: the user's description, and what stands in for a task
exported_model       an exported model and its file format
onnx_file            ONNX files
onnx_ports           third-party ONNX files: which input is the picture, and the axes of arrays
onnx_sizes           third-party ONNX files: scale, margin and multiple, by the graph or by runs
onnx_description     third-party ONNX files: the description combined with the graph and runs
onnx_trials          third-party ONNX files: receptive radius, minimum and range, by runs
onnx_inspection      third-party ONNX files: a description proposed
saved_model_folder   SavedModels, which TensorFlow runs
"""
