"""Exported models, and ONNX files of other software, in a Translator.

reference       a file or folder as what a translation runs: its description, its digest
describe        what a user says of an ONNX file of other software, and what its graph tells
interface       how pictures go into a model and come out: numbers, axes, channels
model           the model itself, and the engine that runs its tiles
onnx_runtime    runs ONNX files
onnx_graph      reads them without running them: shapes, types, memory
onnx_proof      refuses those that are not whole, or reach beyond their folder
saved_model     reads, refuses and runs folders of TensorFlow's SavedModel format
"""
