"""The command line: the application, its commands, what they print, and the process around them.

Standard output is the result; the only user of cliff.
"""
