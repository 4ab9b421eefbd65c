"""ItemizedCLIP for 3D radiology: brain MRI, head CT and chest CT.

Importing the package loads the records and the errors only; torch and MONAI are imported by the modules that need
them, so that ``import itemclip_med`` and ``itemclip-med --help`` answer at once.
"""

from itemclip_med.errors import ItemClipError
from itemclip_med.records import Finding, Item, Report, Series, Study

__version__ = "0.1.0"

__all__ = ["Finding", "Item", "ItemClipError", "Report", "Series", "Study", "__version__"]
