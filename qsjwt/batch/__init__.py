"""Many tokens: rows in, columns to requests, and the engine that signs them.

One bad row harms no other, and memory does not grow with the number of rows.
"""
