"""Files of other software as arrays and graphs: read without trusting them, and written whole. No task, no bundle.

torch_file, torch_pickle    checkpoints of PyTorch, read without PyTorch
safetensors_file            weights in the safetensors format
keras_file                  weights and networks that Keras saves
onnx_reader, onnx_safety    ONNX files as graphs that nothing runs; what is refused in them
onnx_writer                 a program as an ONNX model
onnx_precision              the same model in float16 or int8
saved_model                 folders of TensorFlow's SavedModel format, both ways
tflite_file                 TensorFlow Lite
archive                     zip files, which several formats are
tracing                     a program as a TensorFlow graph, from which converters start
converter_output            what converters print, held back
"""
