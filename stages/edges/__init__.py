"""From flows to the facts of edges: groups of flows that are alike, then client and server."""
