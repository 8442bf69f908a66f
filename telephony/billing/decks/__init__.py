"""Price lists that come with the platform."""
