"""What the database counts of itself, for `/metrics`."""

from prometheus_client import Histogram

WRITE_SECONDS = Histogram(
    "sms_voip_database_write_seconds", "From the wish to write to the commit, by transaction",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
DEEDS_PER_COMMIT = Histogram(
    "sms_voip_database_deeds_per_commit", "Deeds that one commit of SQLite served",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)  # fmt: skip
