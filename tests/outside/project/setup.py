from setuptools import setup

setup(name="gradrev", version="0.3", py_modules=["gradrev"])
