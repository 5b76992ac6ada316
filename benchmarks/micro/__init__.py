"""Micro-benchmarks of the core: what each part of it costs, without a socket."""
