"""Clusters in which JAX finds the other processes by itself."""

import os
import warnings

try:
    from jax._src.clusters import ClusterEnv
except ImportError:  # A later JAX moved it. The variables remain.
    ClusterEnv = None

# `launchers` counts the processes of a step; JAX counts those of the job.
_STARTED_BY_LAUNCHERS = ("ompi", "slurm")


def has_several_processes() -> bool:
    """Whether this process is one of several that JAX can join.

    Only a machine with a TPU, or a pod of an Indexed Job of Kubernetes, sends
    a request for it.
    """
    return _is_named_by_variables() or _is_found_by_jax()


def _is_named_by_variables() -> bool:
    names = ["JAX_COORDINATOR_ADDRESS"]
    if _variable("MEGASCALE_NUM_SLICES") != "1":
        names.append("MEGASCALE_COORDINATOR_ADDRESS")
    hosts = _variable("TPU_PROCESS_ADDRESSES", "TPU_WORKER_HOSTNAMES")
    return bool(any(map(_variable, names)) or "," in hosts)


def _variable(*names) -> str:
    """The first environment variable that is set, or an empty text."""
    return next((os.environ[name] for name in names if name in os.environ), "")


def _is_found_by_jax() -> bool:
    # In the order of JAX, which joins the first cluster that is present.
    for cluster in getattr(ClusterEnv, "_cluster_types", ()):
        try:
            if cluster.opt_in_only_method or _is_other_pod(cluster):
                continue
            if cluster.is_env_present():
                is_ours = cluster.name not in _STARTED_BY_LAUNCHERS
                return is_ours and cluster.get_process_count() > 1
        except Exception as error:
            warnings.warn(
                f"JAX did not find out whether {cluster.__name__} has other "
                "processes, and this one trains alone. To join processes, "
                "pass `coordinator`, `num_processes` and `process_id`. "
                f"Reason: {error}",
                stacklevel=2,
            )
            return False
    return False


def _is_other_pod(cluster) -> bool:
    """Whether the process is in no Indexed Job, which JAX needs.

    JAX would look for its Kubernetes package, and warn in every other pod,
    such as that of a notebook.
    """
    is_kubernetes = cluster.__name__ == "K8sCluster"
    return is_kubernetes and "JOB_COMPLETION_INDEX" not in os.environ
