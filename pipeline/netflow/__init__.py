"""Packets of IPFIX, NetFlow v9 and NetFlow v5: from datagrams to payloads of a flow each."""
