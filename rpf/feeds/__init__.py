"""Product feeds: exports of shop systems to products and problems. No network, no images, no storage.

- feed: `read_feed`, which recognises the format;
- files, table, json_lines, google_xml: bytes to records, each the cells of a row by column;
- format; magento, shopify, woocommerce, google, plain (with mapping): records to rows, each what it says of a product;
- rows: cells, with their checks; values, prices, dates: what they mean;
- assemble: rows to products;
- link: addresses from a template; problems: what is wrong, by line and column.
"""

from rpf.feeds.feed import Feed, read_feed
from rpf.feeds.problems import FeedProblem

__all__ = ["Feed", "FeedProblem", "read_feed"]
