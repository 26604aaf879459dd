"""Files that somebody else brings: damaged, forged, or made to hang, swell or deceive a reader."""
