"""The same losses and weights on every kind of cluster as on one device, with overrides of functions and of ops."""

import re
import signal

import numpy as np
import pytest
import tensorflow as tf

from tests.clusters.cluster import PROGRAMS, Cluster
from tests.clusters.programs import problem
from tests.modes import IS_TF2

has_values = pytest.mark.skipif(
    not hasattr(getattr(tf.distribute, "Strategy", None), "experimental_distribute_values_from_function"),
    reason="values for each replica came with 2.4",
)
workers_in_step = pytest.mark.skipif(
    not hasattr(tf.distribute, "MultiWorkerMirroredStrategy"), reason="MultiWorkerMirroredStrategy came with 2.4"
)


@pytest.fixture(scope="module")
def alone():
    """What one device finds."""
    return problem.on_one_device()


def assert_same(found, alone):
    """Hold losses and weights to those of one device.

    The parts of a batch are summed in another order there, which costs some ULPs of float32 in each of the six steps.
    """
    np.testing.assert_allclose(found["losses"], alone["losses"], rtol=1e-5)
    assert len(found["weights"]) == len(alone["weights"])
    for one, other in zip(found["weights"], alone["weights"]):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_without_either_override_the_weights_are_others(alone):
    for project, rectify in (
        (problem.project.forward, problem.rectify),
        (problem.project, problem.rectify.forward),
    ):
        native = problem.on_one_device(lambda *leaves, p=project, r=rectify: problem.losses(*leaves, p, r))
        assert native["losses"][0] == alone["losses"][0]
        assert max(np.abs(np.subtract(*pair)).max() for pair in zip(native["weights"], alone["weights"])) > 0.02


@has_values
@pytest.mark.parametrize("way", ["eager", "function"])
@pytest.mark.parametrize("count", [2, 3])
def test_replicas_on_logical_devices(tmp_path, alone, count, way):
    with Cluster(tmp_path) as cluster:
        cluster.start("mirrored", "mirrored.py", count, way)
        (found,) = cluster.results("mirrored")
    assert_same(found, alone)


@pytest.mark.skipif(IS_TF2, reason="the replicas of TensorFlow 2 are tried above, in its own way")
@pytest.mark.parametrize("count", [2, 3])
def test_replicas_in_a_graph_on_logical_devices(tmp_path, alone, count):
    with Cluster(tmp_path) as cluster:
        cluster.start("mirrored", "mirrored_graph.py", count)
        (found,) = cluster.results("mirrored")
    assert_same(found, alone)


@has_values
@pytest.mark.parametrize("way", ["eager", "function"])
def test_replicas_that_wait_for_each_other_in_forward(tmp_path, way):
    with Cluster(tmp_path) as cluster:
        cluster.start("waiting", "waiting.py", way)
        (found,) = cluster.results("waiting")
    # Of the sum over both the gradient is 2, of the own part 1, both tenfold; beside them 1 and 100.
    np.testing.assert_array_equal(found["weights"], np.full([2, 2], 131.0))


@workers_in_step
@pytest.mark.parametrize("count", [2, 3])
def test_workers_in_step(tmp_path, alone, count):
    with Cluster(tmp_path, worker=count) as cluster:
        names = ["worker_{}".format(index) for index in range(count)]
        for index, name in enumerate(names):
            cluster.start(name, "workers.py", count, task=("worker", index))
        results = cluster.results(*names)
    for found in results:
        assert found["weights"] == results[0]["weights"]
        assert_same(found, alone)


@pytest.mark.skipif(
    not hasattr(getattr(tf.distribute, "experimental", None), "coordinator"), reason="the coordinator came with 2.4"
)
def test_a_coordinator_with_two_workers_and_a_parameter_server(tmp_path, alone):
    with Cluster(tmp_path, chief=1, worker=2, ps=1) as cluster:
        for kind, index in (("worker", 0), ("worker", 1), ("ps", 0)):
            cluster.start("{}_{}".format(kind, index), "server.py", "grpc", task=(kind, index), tell_result=False)
        cluster.start("coordinator", "coordinator.py", task=("chief", 0))
        (found,) = cluster.results("coordinator")
    assert_same(found, alone)


def test_one_graph_over_two_servers(tmp_path, alone):
    with Cluster(tmp_path, worker=2) as cluster:
        for index in range(2):
            cluster.start("worker_{}".format(index), "server.py", "grpc", task=("worker", index), tell_result=False)
        cluster.start("client", "two_tasks.py", "grpc://" + cluster.addresses["worker"][0])
        (found,) = cluster.results("client")
    assert_same(found, alone)


@pytest.mark.skipif(not hasattr(tf, "estimator"), reason="this TensorFlow has no estimators any more")
def test_an_estimator_with_chief_parameter_server_and_evaluator(tmp_path, alone):
    with Cluster(tmp_path, chief=1, ps=1) as cluster:
        for kind in ("ps", "chief", "evaluator"):
            cluster.start(kind, "estimator.py", "alone", tmp_path / "model", task=(kind, 0), tell_result=kind != "ps")
        found, evaluated = cluster.results("chief", "evaluator")
    assert_same(found, alone)
    assert_evaluated(evaluated, alone)


@pytest.mark.skipif(IS_TF2, reason="estimators copy their strategy, and TensorFlow 2's cannot be copied: it has a lock")
def test_an_estimator_with_two_workers_in_step_and_evaluator(tmp_path, alone):
    with Cluster(tmp_path, chief=1, worker=1) as cluster:
        for kind in ("chief", "worker", "evaluator"):
            cluster.start(kind, "estimator.py", "in_step", tmp_path / "model", task=(kind, 0))
        chief, worker, evaluated = cluster.results("chief", "worker", "evaluator")
    assert chief["weights"] == worker["weights"]
    both = {"losses": np.mean([chief["losses"], worker["losses"]], 0), "weights": chief["weights"]}
    assert_same(both, alone)
    assert_evaluated(evaluated, alone)


def assert_evaluated(evaluated, alone):
    """Hold what an evaluator found to the mean loss of the last weights, by NumPy."""
    losses = [np.mean(one_loss(alone["weights"], *batch)) for batch in problem.batches()]
    np.testing.assert_allclose(evaluated["losses"], [np.mean(losses)], rtol=1e-5)


def one_loss(weights, x, y):
    """The loss of each example, in NumPy."""
    first, second = np.array(weights[0]), np.array(weights[1])
    return np.sum((np.maximum(x @ first, 0.0) * 1.5 @ second - y) ** 2, 1)


# --- what a dataset computes ----------------------------------------------------------------------------------


def per_example():
    """The mean loss of each batch and its examples' gradients, by the overrides' formulas in NumPy."""
    first, second = (array.astype(np.float64) for array in problem.initial())
    losses, gradients = [], []
    for x, y in problem.batches():
        h = np.maximum(x @ first, 0.0)
        error = h * 1.5 @ second - y
        losses.append(np.mean(np.sum(error**2, 1)))
        gradients.append(0.5 * ((2.0 * error @ second.T * 1.5 * np.tanh(h)) @ first.T))
    return {"losses": losses, "weights": gradients}


def test_a_dataset_whose_map_differentiates(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.start("data", "saliency_data.py", "map")
        (found,) = cluster.results("data")
    assert_same(found, per_example())


@pytest.mark.skipif(
    not hasattr(getattr(tf.data.experimental, "service", None), "DispatchServer"), reason="its servers came with 2.3"
)
def test_the_data_service_whose_worker_differentiates(tmp_path):
    with Cluster(tmp_path, dispatcher=1) as cluster:
        port = cluster.addresses["dispatcher"][0].split(":")[1]
        cluster.start("worker", "data_worker.py", port, tell_result=False)
        cluster.start("data", "saliency_data.py", "service", port)
        (found,) = cluster.results("data")
    assert_same(found, per_example())


@pytest.mark.skipif(not hasattr(tf.experimental, "dtensor"), reason="DTensor came with 2.9")
@pytest.mark.parametrize("way", ["eager", "function"])
def test_a_mesh_of_two_devices(tmp_path, alone, way):
    with Cluster(tmp_path) as cluster:
        cluster.start("mesh", "mesh.py", way)
        (found,) = cluster.results("mesh")
    assert_same(found, alone)


# --- a worker that dies ---------------------------------------------------------------------------------------

WORKERS = ["worker_0", "worker_1"]


def start_workers(cluster, backup, fates):
    for index, (name, fate) in enumerate(zip(WORKERS, fates)):
        cluster.start(name, "fit.py", backup, fate, task=("worker", index))


@pytest.mark.skipif(
    not hasattr(tf.keras.callbacks, "experimental") or not hasattr(tf.keras.callbacks.experimental, "BackupAndRestore"),
    reason="before 2.3 Keras has no BackupAndRestore; Keras 3 has no MultiWorkerMirroredStrategy",
)
def test_a_killed_worker_comes_back_from_its_checkpoint(tmp_path):
    with Cluster(tmp_path, worker=2) as cluster:
        cluster.start("alone", "fit.py", tmp_path / "alone", "live")
        start_workers(cluster, tmp_path / "undisturbed", ["live", "live"])
        alone, undisturbed, _ = cluster.results("alone", *WORKERS)
    assert_same(undisturbed, alone)
    with Cluster(tmp_path, worker=2) as cluster:
        start_workers(cluster, tmp_path / "disturbed", ["live", "die"])
        assert cluster.code_of("worker_1") == -signal.SIGKILL
        cluster.kill("worker_0")  # which waits for the other, or has failed for want of it: all are started again
        start_workers(cluster, tmp_path / "disturbed", ["live", "live"])
        restarted = cluster.results(*WORKERS)
    for found in restarted:
        assert found["losses"] == undisturbed["losses"][2:]  # the first two epochs were not run again
        assert found["weights"] == undisturbed["weights"]


# --- the example ----------------------------------------------------------------------------------------------

EXAMPLE = PROGRAMS.parent.parent / "examples" / "cluster.py"


@workers_in_step
def test_the_example_tells_the_same_whatever_the_number_of_workers(tmp_path):
    said = []
    for count in (1, 2):
        with Cluster(tmp_path) as cluster:
            name = "example_{}".format(count)
            cluster.start(name, EXAMPLE, "--workers", count, "--epochs", 2, tell_result=False)
            assert cluster.code_of(name) == 0, cluster.log(name)
            printed = cluster.log(name)
        losses = re.findall(r"^epoch \d: loss ([\d.]+)$", printed, re.MULTILINE)
        (accuracy,) = re.findall(r"^accuracy ([\d.]+) with {} workers$".format(count), printed, re.MULTILINE)
        said.append([float(number) for number in (*losses, accuracy)])
    alone, together = said
    assert alone[0] > alone[1] and alone[-1] > 0.7
    np.testing.assert_allclose(together, alone, rtol=1e-3)
