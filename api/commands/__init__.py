"""What the `sms-voip` command can do."""
