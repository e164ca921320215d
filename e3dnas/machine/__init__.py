"""Numbers of a network that only a machine knows: its latency and peak memory, predicted from blocks, then measured."""
