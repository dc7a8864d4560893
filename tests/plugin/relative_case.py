"""A case that is held against another run, and two servers to measure it on."""

CASE = """
cases:
  - name: chat
    load: {concurrency: 8}
    requests: 64
    max_tokens: 4
    slo: ["ttft.avg <= baseline + 20 %"]
"""
FAST = ("--ttft", "20ms", "--itl", "2ms", "--output-tokens", "4")
SLOW = ("--ttft", "40ms", "--itl", "2ms", "--output-tokens", "4")
