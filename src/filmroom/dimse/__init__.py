"""The DIMSE door: associations in, verbs of `core`, responses out (PS3.7, PS3.4)."""
