"""Tokens: claims, rules, signing and judging, without a command line.

Pure: a request and a time in, a token and findings out; nothing leaves unverified.
"""
