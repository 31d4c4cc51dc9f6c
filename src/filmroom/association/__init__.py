"""The upper layer: PDUs, state table, negotiation and DIMSE messages, no sockets (PS3.7, PS3.8)."""
