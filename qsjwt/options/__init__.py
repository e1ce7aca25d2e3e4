"""The strict parser, and the options that several commands share.

The one place that knows argparse; its private names are in ``parser`` alone.
"""
