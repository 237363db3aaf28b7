"""djfs: Python functions as tasks whose runs are computed once and kept. djfs-python(3) has all.

    import djfs as dj

    @dj.task
    def increment(n: int):
        print(f"Incrementing {n}")
        return n + 1

    print(increment(5).get())

A call sends a run to the daemon and does not wait; get() does. The function is computed in another
interpreter, which imports its file once and stays (`launch = resident` of dj-tasks(5)). That is
this file, too: `python3 -m djfs FILE`. It is a client of libdj by ctypes and needs only Python.

Parts: errors, libdj, the connection, values, options, tasks, runs, inside a run, frames, the
interpreter that stays. (They are files of their own in the source, python/.)
"""
import __future__
import ast
import base64
import copy
import ctypes
import enum
import errno
import glob
import importlib
import importlib.util
import inspect
import io
import itertools
import json
import math
import operator
import os
import posixpath
import re
import select
import shutil
import site
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import typing
import weakref

SONAME = "libdj.so.0"
FORCE, INCOGNITO, CACHED, FOLLOWED = 1, 2, 4, 16
START_DAEMON = 1

show_logs = True  # outside of runs: what was computed for us is seen on stderr
