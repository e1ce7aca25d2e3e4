"""Bytes from outside and to it: files, standard input, variables, deadlines.

Foreign bytes come in once, bounded; what is written is whole or not there.
"""
