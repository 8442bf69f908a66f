"""Recorded calls: which ones, from the PBX's spool into a store, and out by a signed link."""
