"""The layers of stacks, a module each: twins of those in apps/stack/layers.

Each has a class that is a layer.Layer. What it gives to those inside of it is in the
environment, under a name that begins with "benchctl.". A layer that adds to the environment does so in a copy,
so that those outside of it do not see it.
"""
