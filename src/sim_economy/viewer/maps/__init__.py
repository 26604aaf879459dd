"""A sweep as a field of cells: its rows over two axes, and each of them played again."""
