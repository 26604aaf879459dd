"""The records of a world: kept, read and proved; no rule of the economy is known here."""
