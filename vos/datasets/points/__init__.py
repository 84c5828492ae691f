"""Videos with points whose true positions are known: joints and tracks."""
