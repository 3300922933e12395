"""tmp"""
from dataclasses import dataclass, field
@dataclass
class Tree:
    rows: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    declared: int|None=None
    system_name: str|None=None
    platform: str|None=None
def read_tree(tree, device, platform):
    return Tree()
