"""How fast, beside whom: ratios in one process, and an instruction gate. Nothing here ships."""
