"""Money: the only writers of the ledger."""
