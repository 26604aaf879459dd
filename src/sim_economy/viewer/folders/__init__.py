"""What can be shown: ledgers, and folders of what ran."""
