"""Client of the API /api/v1, for the programs of a shop: urllib3 only, no PyTorch.

with RPFClient("https://search.example", key) as client:
    client.put_product({"id": "P1", "title": "Shirt", "price": 20, "photos": [{"source": "P1.jpg"}]})
    results = client.search("photo.jpg", attributes=["sleeve length"])["results"]
"""

from rpf.client.client import APIError, RPFClient

__all__ = ["APIError", "RPFClient"]
