"""Decoders: payloads in, a frame of flows out."""
