"""The test apps of benchctl and the layers around them, in Python.

suite has the apps, and layers has one module for each layer. Both are twins of what is
in Go: a stack in a file of Paste Deploy is the same in both worlds. Python 3.9,
standard library; files of stacks need Paste Deploy, and some layers more.
"""
