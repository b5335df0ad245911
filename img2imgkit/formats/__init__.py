"""Read and write files of other software as arrays and graphs, without trusting them; no knowledge of tasks or bundles.

weights_file                files of weights by their content: one of the three formats that follow
torch_file, torch_pickle    PyTorch checkpoints, read without PyTorch
safetensors_file            weights in the safetensors format
npz_file                    named arrays in numpy's format
mat_file                    matrices in MATLAB's format
torch_tensors               tensors as views of a checkpoint's storages
pickled_names               names in pickles: data of other programs, and programs
pickled_values              what is left of a pickle's values: built-in types and placeholders
pickled_networks            networks that were pickled whole, as their arrays
small_floats                bfloat16 and float8 as float32
other_files                 what lies where a model's file belongs but is none
keras_file                  weights and networks that Keras saves
onnx_reader, onnx_safety    ONNX files as graphs, read without running them; safety checks
onnx_writer                 a program as an ONNX model
onnx_operators              TensorFlow operations that become shorter ONNX than the converter writes
onnx_graph                  an ONNX graph to rewrite
onnx_rewriting              rewritings of converted graphs to the operators that runtimes are fastest with
onnx_norms, onnx_layouts    of these, those of normalizations and transposes
openvino_runner             an ONNX file in OpenVINO, to compare it with its original
onnx_precision              ONNX models in float16 or int8
saved_model                 TensorFlow SavedModel folders, read and written
frozen_graph                the constants of a frozen TensorFlow graph
tflite_file                 TensorFlow Lite files
archive                     zip archives, which several formats use
converting                  a program as a TensorFlow graph, the input of converters; captures what they print
"""
