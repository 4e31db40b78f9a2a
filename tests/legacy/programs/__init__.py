"""Legacy programs, each in a shape that people write, and by formula what each must give.

Every module is a program that gives ops gradients of its own, the TensorFlow 1 way, as its author has it running: on
TensorFlow 1.15, in a graph (with `tensorflow.compat.v1`). It has:

  program(*tensors): the outputs, a tensor. Where there is state, instead make(): ``(program, variables)``.
  INPUTS: a value for each of its tensors, float32.
  value(*arrays), gradients(dy, *arrays): what comes out, and the gradient of each input and then of each variable for
    dy at the output, in NumPy. TensorFlow 1.15 itself is asked whether they are right.

`migrate --write` made ../rewritten of them. Write your own; copy none.
"""
