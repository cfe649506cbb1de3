"""The generated shop, which needs no download: `shop` makes its tables, `write_photos` its photos.

Everything else here is private to these two. Nothing here knows what is done with the shop.
"""

from bazaar.photos import write_photos
from bazaar.shop import Shop, shop

__all__ = ["Shop", "shop", "write_photos"]
