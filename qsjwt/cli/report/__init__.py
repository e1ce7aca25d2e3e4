"""Reports of ``check`` and ``decode`` as one HTML file, to be read in a browser, mailed or printed."""
