"""Converts published model files (TFLite, TensorFlow.js, ONNX) to the ONNX models Invigilator runs.

Every produced model has one input named ``input``: uint8 RGB pictures, ``[N, H, W, 3]``.
What a network wants beyond that (layout, scale, mean, channel order) is part of its graph.

Reading order: ``recipes`` (which file becomes which model), one reader (``tflite_reader``,
``tfjs_reader``, ``faceapi_reader`` or ``centerface``), ``layers`` and ``graph`` (how ONNX nodes are made),
``simplify``, ``preprocess`` (the input contract), ``quantize`` (INT8).
"""
