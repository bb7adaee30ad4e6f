"""Estimated seconds of a step on accelerators, from published figures."""

import dataclasses

ARITHMETIC_SHARE = 0.4  # of the peak, in matrix products
BANDWIDTH_SHARE = 0.7  # of the peak, in collectives


@dataclasses.dataclass(frozen=True)
class Accelerator:
    """The published figures of an accelerator.

    Args:
        name: str.
        flops: float, peak of dense bfloat16 products, FLOPs per second.
        memory: float, bytes.
        bandwidth: float, bytes per second that it sends to its neighbours.
        host_size: int, accelerators that `bandwidth` connects; 0 for all.
            Defaults to `0`.
        host_bandwidth: float, bytes per second that a host sends to others.
            Defaults to `0.0`.
        source: str, address of the figures. Defaults to `""`.
    """

    name: str
    flops: float
    memory: float
    bandwidth: float
    host_size: int = 0
    host_bandwidth: float = 0.0
    source: str = ""

    def step_seconds(
        self, flops: float, bytes_sent: float, num_devices: int
    ) -> tuple[float, float]:
        """Seconds of arithmetic and of collectives of a step.

        They overlap as far as the compiler can hide collectives: a step takes
        between the longer one and the sum. Collectives of several hosts run
        in rings through all accelerators of a host, each with a network card
        of its own, so that a host's bandwidth is that of every ring.

        Args:
            flops: float, matrix products of one device.
            bytes_sent: float, of one device.
            num_devices: int, of the run.

        Example:

        >>> seconds = ACCELERATORS["H100"].step_seconds(1e14, 7e10, 256)
        >>> [round(second, 2) for second in seconds]
        [0.25, 0.25]
        """
        bandwidth = self.bandwidth
        if self.host_size and num_devices > self.host_size:
            bandwidth = min(bandwidth, self.host_bandwidth)
        return (
            flops / (self.flops * ARITHMETIC_SHARE),
            bytes_sent / (bandwidth * BANDWIDTH_SHARE),
        )


_HOPPER = {  # SXM, hosts of 8 with a 400 Gb/s card per GPU
    "flops": 989e12,
    "bandwidth": 450e9,  # NVLink 4: 900 GB/s, both directions
    "host_size": 8,
    "host_bandwidth": 8 * 50e9,
}
ACCELERATORS = {
    one.name: one
    for one in (
        Accelerator(
            name="H100",
            memory=80e9,
            source="https://www.nvidia.com/en-us/data-center/h100/",
            **_HOPPER,
        ),
        Accelerator(
            name="H200",
            memory=141e9,
            source="https://www.nvidia.com/en-us/data-center/h200/",
            **_HOPPER,
        ),
        Accelerator(
            name="TPU v4",
            flops=275e12,
            memory=32 * 2**30,
            bandwidth=300e9,  # six links of 50 GB/s
            source="https://docs.cloud.google.com/tpu/docs/v4",
        ),
        Accelerator(
            name="TPU v5p",
            flops=459e12,
            memory=95 * 2**30,
            bandwidth=600e9,  # 1,200 GB/s, both directions
            source="https://docs.cloud.google.com/tpu/docs/v5p",
        ),
    )
}
