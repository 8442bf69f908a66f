"""What every page is made with: templates, static files, forms, live streams."""
