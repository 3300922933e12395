from typing_extensions import disjoint_base

from flowparse._textfeed import Assembler

@disjoint_base
class JsonAssembler(Assembler): ...
