"""The measures of upper garments, and the kit that their parts are drawn with."""
