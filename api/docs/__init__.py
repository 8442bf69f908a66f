"""The public pages: the API's documentation with a try-it panel, prices, status."""
