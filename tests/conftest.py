"""One thread for each test process: two that share two cores with two threads each slow each other down tenfold."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
