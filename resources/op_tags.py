"""The pool and the Kubernetes tags of every step that wants a GPU. A leaf: it imports nothing.

Locally the tags are inert. With dagster-k8s and its `k8s_job_executor` they reach the step's pod.
"""

GPU_POOL = "gpu"  # one step at a time holds it (dagster_home/dagster.yaml: concurrency.pools.default_limit)

GPU_OP_TAGS = {
    "dagster-k8s/config": {
        "container_config": {"resources": {"limits": {"nvidia.com/gpu": "1"}}},
        "pod_spec_config": {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]},
    },
}
