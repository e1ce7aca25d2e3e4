"""The commands that are not tied to a platform, one file each."""
