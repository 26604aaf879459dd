"""One page for every report: the answer, a picture, the figures that matter, then the evidence."""
