"""Items and their embeddings on disk: a snapshot to read (`Collection`) and an exclusive writer (`Writer`).

    collections/<name>/
      manifest.json           what belongs to the collection; swapped atomically, with a generation number
      items.sqlite            one row an item, and the hashes of images that were removed on purpose
      segments/<segment>/     ids.npy, embeddings.npy and perhaps boxes.npy, applicable.npy (presence), values.npy;
                              immutable once a manifest names them
      tombstones-<generation>.npy   the ids of removed items whose vectors are still in a segment
      re-embedding/           while `rpf re-embed` works: its items as a collection of the new checkpoint
      lock                    held by the writer

Readers take no lock. They read the manifest once and map the files that it names; rows and files that it does not name
are leftovers of a crash, which readers ignore and the next writer deletes. All input is checked, because collections
come from other people too. A search index is not a part of a collection: see rpf.search.index_store.
"""

from rpf.collection.image_folder import ImageFolder
from rpf.collection.items import Item, NewItem
from rpf.collection.manifest import CollectionSpec, Manifest, collection_folder, read_manifest, valid_name
from rpf.collection.reader import Collection
from rpf.collection.writer import Writer

__all__ = [
    "Collection",
    "CollectionSpec",
    "ImageFolder",
    "Item",
    "Manifest",
    "NewItem",
    "Writer",
    "collection_folder",
    "read_manifest",
    "valid_name",
]
