# Where python3 looks for modules below $DJ_PREFIX, spelled with ${prefix}. For configure.
import os
import site

prefix = os.environ["DJ_PREFIX"]
prefix = "/usr/local" if prefix == "NONE" else prefix.rstrip("/")
below = [x for x in site.getsitepackages() if x.startswith(prefix + "/")]
if prefix == "/usr":
    below = [x for x in below if not x.startswith("/usr/local/")]
if below:
    print("${prefix}" + below[0][len(prefix):])
