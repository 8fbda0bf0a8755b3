"""What the commands and the Python names do, composed from the parts below.

A file a verb (``train``, ``evaluate``, ``predict`` ...), and behind them the rooms ``run`` (one training run),
``trained`` (networks in use), ``checked``, ``explained`` and ``audited``.
"""
