"""To be imported before pytorchvideo: its other networks want one operation of torchvision by name; X3D does not use it."""
import sys
import types

try:
    import torchvision.ops  # noqa: F401
except ImportError:
    stand_in = types.ModuleType("torchvision.ops")
    stand_in.RoIAlign = object
    sys.modules["torchvision"] = types.ModuleType("torchvision")
    sys.modules["torchvision.ops"] = stand_in
