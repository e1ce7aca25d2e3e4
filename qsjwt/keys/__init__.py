"""Keys: find, read, make and describe them, and sign with them.

Only here, and in the providers, is private material touched.
"""
