"""What a power cut leaves of a folder, from a record of every change made to it."""
