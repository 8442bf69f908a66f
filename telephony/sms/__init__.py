"""Messages: accepted, carried to a provider, settled by delivery receipts."""
