"""Says which library is missing before the first import that needs it; chgraph alone needs none."""

from chgraph.extras import import_extra

for _library in ("torch", "norse", "safetensors"):
    import_extra(_library, extra="snn", used_by="chsnn")
