"""Exported models, and ONNX files of other software, in a Translator.

describe            what a user says of an ONNX file of other software, and what its graph tells
interface           how pictures go into a model and come out: numbers, axes, channels
exported_model      the model itself, and the engine that runs its tiles
onnx_runtime        runs ONNX files
saved_model_runtime runs SavedModels
"""
