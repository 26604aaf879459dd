"""The map of who is insolvent: tariff across, caution up, a picture for each horizon."""
