"""`onhand demo`: a flash sale through a running system, one gate worker killed in the middle, and the audit of it all."""
