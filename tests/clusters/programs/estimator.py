"""tf.estimator's train_and_evaluate, by TF_CONFIG, as the task that it names: estimator.py WAY DIRECTORY RESULT.

WAY: "alone" (a chief trains), or "in_step" (chief and worker share each batch, under MultiWorkerMirroredStrategy). Who
trains reports losses and weights, the evaluator the loss of the final weights.
"""

import json
import os
import sys

import numpy as np
import problem
import tensorflow as tf
from problem import v1


def all_batches(input_context=None):
    """The batches, or the share that one of several workers has in each."""
    x, y = (np.stack(arrays) for arrays in zip(*problem.batches()))
    if input_context is not None:
        share = slice(input_context.input_pipeline_id, None, input_context.num_input_pipelines)
        x, y = x[:, share], y[:, share]
    return v1.data.Dataset.from_tensor_slices((x, y))


def model(features, labels, mode):
    parameters = [
        v1.get_variable("parameter_{}".format(index), initializer=array)
        for index, array in enumerate(problem.initial())
    ]
    loss = tf.identity(tf.reduce_mean(problem.losses(parameters, features, labels)), "the_loss")
    step = v1.train.GradientDescentOptimizer(problem.RATE).minimize(loss, v1.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step)


class Losses(v1.train.SessionRunHook):
    """Keeps the loss of each step."""

    def __init__(self):
        self.found = []

    def before_run(self, context):
        return v1.train.SessionRunArgs("the_loss:0")

    def after_run(self, context, values):
        self.found.append(values.results)


class ReportedEvaluation(tf.estimator.Exporter):
    """What Estimator takes for an exporter; reports what the evaluation found."""

    name = "reported"

    def export(self, estimator, export_path, checkpoint_path, eval_result, is_the_final_export):
        if is_the_final_export:
            problem.report([eval_result["loss"]], [])


task = json.loads(os.environ["TF_CONFIG"])["task"]["type"]
config = None
if sys.argv[1] == "in_step" and task != "evaluator":
    config = tf.estimator.RunConfig(train_distribute=tf.distribute.experimental.MultiWorkerMirroredStrategy())
estimator = tf.estimator.Estimator(model, sys.argv[2], config)
losses = Losses()
tf.estimator.train_and_evaluate(
    estimator,
    tf.estimator.TrainSpec(all_batches, max_steps=problem.STEPS, hooks=[losses]),
    tf.estimator.EvalSpec(
        all_batches, steps=problem.STEPS, exporters=ReportedEvaluation(), start_delay_secs=0, throttle_secs=0
    ),
)
if task != "evaluator":
    problem.report(losses.found, [estimator.get_variable_value("parameter_{}".format(index)) for index in range(2)])
