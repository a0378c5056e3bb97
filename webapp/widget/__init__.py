"""Widget: the search in a frame on a shop's pages, which a search key opens; it needs no cookie.

- access: the key of a request, the origins that may frame it, and what all addresses of the widget carry
- colours: style sheets of a shop's colours, readable whatever they are
- views: the script, the style sheet, and the pages, which are the site's
"""
