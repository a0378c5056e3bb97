#!/bin/sh
# Copy a collection to another host, whose site serves it meanwhile:
#   deploy/copy-collection.sh /opt/rpf/collections/shop web2:/opt/rpf/collections/shop
# Needs flock, python3 and rsync here, and rsync there. Run it again after each change. Never write to the copy.
set -eu
source=${1%/} target=${2%/}

if [ "${RPF_COPY_LOCKED:-}" != 1 ]; then  # no command writes the collection meanwhile: it takes the same lock
    exec env RPF_COPY_LOCKED=1 flock --wait 600 "$source/lock" "$0" "$source" "$target"
fi
for name in items.sqlite products.sqlite; do  # their logs go into them, as a log must not meet another file
    [ ! -f "$source/$name" ] || python3 -c 'if True:
        import sqlite3, sys
        busy, *_ = sqlite3.connect(sys.argv[1], timeout=60).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        sys.exit(f"{sys.argv[1]} is being read; try again." if busy else 0)' "$source/$name"
done
# Images and vectors have new names, and nobody looks for them until the manifest names them.
rsync -a --exclude=/lock --exclude='/*.sqlite*' --exclude=/manifest.json --exclude='.*.tmp' "$source/" "$target/"
rsync -a --include='/*.sqlite' --exclude='*' "$source/" "$target/"
rsync -a "$source/manifest.json" "$target/manifest.json"
rsync -a --delete --exclude=/lock --exclude='/*.sqlite-*' --exclude='.*.tmp' "$source/" "$target/"
