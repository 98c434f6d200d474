"""Which GPUs each of several servers side by side has."""

from collections.abc import Sequence
from typing import NamedTuple

from resources.failures import EndpointError


class Share(NamedTuple):
    """Server number `replica`, from 1 on, of `replicas`."""

    replica: int = 1
    replicas: int = 1


ONE = Share()


def share_of(share: Share, gpus: Sequence[str]) -> dict[str, str]:
    """The environment of one server: its part of the GPUs, as even as they go. Raises EndpointError where it has none.

    gpus: names for CUDA_VISIBLE_DEVICES.
    """
    if share.replicas == 1:
        return {}
    if len(gpus) < share.replicas:
        raise EndpointError(
            f"LWV_VLLM_REPLICAS is {share.replicas}, and there {'is' if len(gpus) == 1 else 'are'} {len(gpus)} "
            f"GPU{'' if len(gpus) == 1 else 's'} for them: each takes at least one."
        )
    first, last = ((number * len(gpus)) // share.replicas for number in (share.replica - 1, share.replica))
    return {"CUDA_VISIBLE_DEVICES": ",".join(gpus[first:last])}
