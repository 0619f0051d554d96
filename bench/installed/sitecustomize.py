"""What a service finds where only the product is installed: the libraries of the load tests and peers are not there.

Others look for these and load them when they can (taskiq: FastAPI; fakeredis: NumPy and Valkey): 15 MiB that no installation carries.
On the path of the product's processes alone, see places.py.
"""

import sys

ABSENT = ("fastapi", "numpy", "valkey")

sys.modules.update(dict.fromkeys(ABSENT))  # type: ignore[arg-type]
