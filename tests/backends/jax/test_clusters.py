"""JAX joins the processes of its clusters, and a laptop stays alone."""

import os
import socket
import sys
import types
from unittest import mock

import keras
import pytest

from layerlock import backends

if keras.backend.backend() != "jax":
    pytest.skip("of JAX", allow_module_level=True)

import jax
from jax._src.clusters import cloud_tpu_cluster, k8s_cluster

from layerlock.backends.jax import clusters

OF_CLUSTERS = (
    "JAX_COORDINATOR",
    "JOB_COMPLETION",
    "KUBERNETES",
    "MEGASCALE",
    "OMPI",
    "SLURM",
    "TPU",
)
TPU_POD = {
    "agent-worker-number": "1",
    "worker-network-endpoints": "10.0.0.1,10.0.0.2",
    "tpu-env": "",
}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in [*os.environ]:
        if name.startswith(OF_CLUSTERS) or name in ("WORLD_SIZE", "RANK"):
            monkeypatch.delenv(name)


@pytest.fixture
def initialize(monkeypatch):
    """What replaces `jax.distributed.initialize`."""
    replacement = mock.Mock()
    monkeypatch.setattr(jax.distributed, "initialize", replacement)
    return replacement


@pytest.fixture
def tpu(monkeypatch):
    """Turns this machine into a TPU VM of the given metadata."""

    def make(metadata):
        def get(key):
            if key in metadata:
                return metadata[key], 200
            return "not found", 404

        monkeypatch.setattr(cloud_tpu_cluster, "running_in_cloud_tpu_vm", True)
        monkeypatch.setattr(cloud_tpu_cluster, "get_metadata", get)

    return make


@pytest.fixture
def indexed_job(monkeypatch):
    """Turns this process into a pod of an Indexed Job of several pods."""

    def make(parallelism):
        job = types.SimpleNamespace(
            spec=types.SimpleNamespace(parallelism=parallelism)
        )
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
        monkeypatch.setitem(sys.modules, "kubernetes", mock.MagicMock())
        monkeypatch.setattr(k8s_cluster.K8sCluster, "_job", lambda: job)

    return make


def test_a_laptop_starts_alone_and_sends_nothing(monkeypatch, initialize):
    def fail(*arguments, **keywords):
        raise AssertionError("a request was sent")

    monkeypatch.setattr(socket, "socket", fail)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(cloud_tpu_cluster, "get_metadata", fail)

    backends.start_processes()

    initialize.assert_not_called()


@pytest.mark.parametrize(
    "variables",
    [
        {"JAX_COORDINATOR_ADDRESS": "10.0.0.1:8476"},
        {"MEGASCALE_COORDINATOR_ADDRESS": "10.0.0.1:8476"},
        {"MEGASCALE_COORDINATOR_ADDRESS": "job-0.subdomain"},
        {"TPU_WORKER_HOSTNAMES": "host-0,host-1"},
        {"TPU_PROCESS_ADDRESSES": "host-0:8476,host-1:8476"},
        {
            "MEGASCALE_COORDINATOR_ADDRESS": "job-0.subdomain",
            "MEGASCALE_NUM_SLICES": "1",
            "TPU_WORKER_HOSTNAMES": "host-0,host-1",
        },
    ],
    ids=lambda variables: "+".join(variables),
)
@pytest.mark.parametrize("environment", [clusters.ClusterEnv, None])
def test_variables_that_name_others_are_enough(
    variables, environment, monkeypatch, initialize
):
    monkeypatch.setattr(clusters, "ClusterEnv", environment)  # of a later JAX
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    backends.start_processes()

    initialize.assert_called_once()


@pytest.mark.parametrize(
    "variables",
    [
        {"TPU_WORKER_HOSTNAMES": "localhost"},
        {"TPU_PROCESS_ADDRESSES": "localhost:8476"},
        {
            "MEGASCALE_COORDINATOR_ADDRESS": "job-0.subdomain",
            "MEGASCALE_NUM_SLICES": "1",
        },
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},  # of a notebook, say
        {  # one process of a job of four
            "SLURM_JOB_ID": "7",
            "SLURM_STEP_NODELIST": "node1",
            "SLURM_NTASKS": "4",
            "SLURM_STEP_NUM_TASKS": "1",
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
        },
    ],
    ids=lambda variables: "+".join(variables),
)
def test_a_cluster_of_one_process_starts_alone(
    variables, monkeypatch, initialize
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    backends.start_processes()

    initialize.assert_not_called()


@pytest.mark.parametrize("hosts", ["10.0.0.1", "10.0.0.1,10.0.0.2"])
def test_hosts_of_a_tpu_are_counted_by_its_metadata(hosts, tpu, initialize):
    tpu({**TPU_POD, "worker-network-endpoints": hosts})

    backends.start_processes()

    assert initialize.called == ("," in hosts)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_pods_of_an_indexed_job_are_counted(
    parallelism, indexed_job, initialize
):
    indexed_job(parallelism)

    backends.start_processes()

    assert initialize.called == (parallelism > 1)


def test_a_tpu_without_metadata_starts_alone(tpu, initialize):
    tpu({})

    backends.start_processes()

    initialize.assert_not_called()


def test_a_cluster_that_does_not_answer_is_told_with_its_reason(
    indexed_job, monkeypatch, initialize
):
    def refuse():
        raise RuntimeError("Kubernetes API Error: 403")

    indexed_job(3)
    monkeypatch.setattr(k8s_cluster.K8sCluster, "_job", refuse)

    with pytest.warns(UserWarning, match="coordinator.*API Error: 403"):
        backends.start_processes()

    initialize.assert_not_called()


def test_a_cluster_that_cannot_be_joined_is_told_with_its_reason(
    tpu, initialize
):
    tpu(TPU_POD)
    initialize.side_effect = ConnectionError("no answer")

    with pytest.raises(ValueError, match="process_id.*no answer"):
        backends.start_processes()
