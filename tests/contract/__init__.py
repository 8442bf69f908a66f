"""The HTTP contract as machines read it: fuzzed, compiled to a client, asked in every wrong way."""
