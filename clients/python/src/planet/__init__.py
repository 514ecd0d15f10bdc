"""Python on planet-malloc, an allocator that gives memory back while the program is idle.

| module | what it has |
| --- | --- |
| `planet.run` | `python -m planet.run app.py`: runs a program on the allocator |
| `planet.memory` | what the process holds, and giving memory back by hand |

`import planet` alone loads nothing.
"""
